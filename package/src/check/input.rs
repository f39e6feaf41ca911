//! The rules for what goes in: which sections a task has, and what fills the graph's inputs.

use std::collections::BTreeSet;

use super::{Checked, fail, image};
use crate::{GraphInputSource, Limits, Manifest, Modality, Role, TextSpec};

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
    let [input] = manifest.graph.inputs.as_slice() else {
        let found = manifest.graph.inputs.len();
        return fail("graph.inputs", format!("expected one input, found {found}"));
    };
    if input.from != GraphInputSource::Features {
        return fail("graph.inputs[0].from", "a tabular model's input is filled from \"features\"");
    }
    if manifest.graph_features().next().is_none() {
        return fail("features", "no feature enters the graph");
    }
    Ok(())
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
        return Ok(());
    }
    fail("graph.inputs", format!("no input is filled from {}", needed.name()))
}
