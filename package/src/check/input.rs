//! The rules for what goes in: which sections a task has, and what fills the graph's inputs.

use std::collections::BTreeSet;

use super::{Checked, fail, image};
use crate::{FieldType, GraphInputSource, Limits, Manifest, Modality, Role, TextSpec};

/// Checks the sections of `input`, the tokenizer and the graph's inputs.
pub(super) fn check(manifest: &Manifest, limits: &Limits) -> Checked {
    let modality = manifest.task.modality();
    let task = manifest.task.name();
    let input = &manifest.input;
    for (key, there, fits) in [
        ("input.fields", !input.fields.is_empty(), Modality::Tabular),
        ("features", !manifest.features.is_empty(), Modality::Tabular),
        ("input.image", input.image.is_some(), Modality::Image),
        ("input.text", input.text.is_some(), Modality::Text),
    ] {
        if there && fits != modality {
            return fail(key, format!("a {task} has none"));
        }
    }
    let tokenizers = manifest.files.iter().filter(|file| file.role == Role::Tokenizer).count();
    let expected = usize::from(modality == Modality::Text);
    if tokenizers != expected {
        let message =
            format!("a {task} has {expected} files of role tokenizer, found {tokenizers}");
        return fail("files", message);
    }
    match modality {
        Modality::Tabular => tabular_graph(manifest),
        Modality::Tensors if manifest.graph.inputs.is_empty() => Ok(()),
        Modality::Tensors => {
            fail("graph.inputs", "the inputs of tensors are the graph's own; leave this out")
        }
        Modality::Image => {
            let Some(spec) = &input.image else {
                return fail("input.image", format!("missing; a {task} says here how it sees"));
            };
            image::check(spec, limits)?;
            use GraphInputSource::{PixelMask, Pixels};
            graph(manifest, Pixels, &[Pixels, PixelMask])
        }
        Modality::Text => {
            let Some(spec) = &input.text else {
                return fail("input.text", format!("missing; a {task} says here how it reads"));
            };
            text(spec, limits)?;
            use GraphInputSource::{AttentionMask, InputIds, TokenTypeIds};
            graph(manifest, InputIds, &[InputIds, AttentionMask, TokenTypeIds])
        }
    }
}

fn text(text: &TextSpec, limits: &Limits) -> Checked {
    if (1..=limits.tokens).contains(&text.max_tokens) {
        return Ok(());
    }
    let message = format!("expected 1 to {}, found {}", limits.tokens, text.max_tokens);
    fail("input.text.max_tokens", message)
}

fn tabular_graph(manifest: &Manifest) -> Checked {
    let inputs = manifest.graph.inputs.as_slice();
    if let [input] = inputs
        && input.from == GraphInputSource::Features
    {
        if manifest.graph_features().next().is_none() {
            return fail("features", "no feature enters the graph");
        }
        return no_fields(manifest);
    }
    let featured = inputs.iter().any(|input| input.from == GraphInputSource::Features);
    if inputs.is_empty() || featured {
        let found = inputs.len();
        return fail("graph.inputs", format!("expected one input, found {found}"));
    }
    for (index, input) in inputs.iter().enumerate() {
        let at = |key: &str| format!("graph.inputs[{index}].{key}");
        if input.from != GraphInputSource::Fields {
            let message = "a tabular model's one input is filled from \"features\", or each of several \
                           from \"fields\"";
            return fail(at("from"), message);
        }
        if input.fields.is_empty() {
            return fail(at("fields"), "missing: the names of the fields that fill the input");
        }
        for (place, name) in input.fields.iter().enumerate() {
            let at = format!("graph.inputs[{index}].fields[{place}]");
            match manifest.input.fields.iter().find(|field| field.name == *name) {
                None => return fail(at, format!("{name:?} is not a field")),
                Some(field) if field.kind == FieldType::Timestamp => {
                    let message = "a timestamp has no number of its own; make features of it";
                    return fail(at, message);
                }
                Some(_) => {}
            }
        }
    }
    if manifest.features.is_empty() {
        return Ok(());
    }
    fail("features", "no input of the graph is filled from features")
}

/// Only inputs that are filled from fields name some.
fn no_fields(manifest: &Manifest) -> Checked {
    match manifest.graph.inputs.iter().position(|input| !input.fields.is_empty()) {
        None => Ok(()),
        Some(index) => {
            let from = manifest.graph.inputs.get(index).map_or("", |input| input.from.name());
            let message = format!("an input filled from {from} has none");
            fail(format!("graph.inputs[{index}].fields"), message)
        }
    }
}

/// `needed` is there, and each of `accepted` at most once.
fn graph(manifest: &Manifest, needed: GraphInputSource, accepted: &[GraphInputSource]) -> Checked {
    let names = |sources: &[GraphInputSource]| {
        sources.iter().map(|source| source.name()).collect::<Vec<_>>().join(", ")
    };
    let mut seen = BTreeSet::new();
    for (index, input) in manifest.graph.inputs.iter().enumerate() {
        let at = format!("graph.inputs[{index}].from");
        let name = input.from.name();
        if !accepted.contains(&input.from) {
            let (task, accepted) = (manifest.task.name(), names(accepted));
            return fail(at, format!("a {task} fills inputs from {accepted}, found {name}"));
        }
        if !seen.insert(name) {
            return fail(at, format!("a second input filled from {name}"));
        }
    }
    if seen.contains(needed.name()) {
        return no_fields(manifest);
    }
    fail("graph.inputs", format!("no input is filled from {}", needed.name()))
}
