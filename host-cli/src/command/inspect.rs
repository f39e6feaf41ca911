//! `inspect`: what a model is, without running it on anything.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use model_package::{Ensemble, Field, MANIFEST, Manifest, Modality};
use predictor_host::{Description, Keys, Predictor, TensorType};
use serde::Serialize;
use serde_json::Value;

use crate::args::{Inspect, Settings};
use crate::model::Model;
use crate::runtime;
use predictor_host::element::type_name;

/// Keys of a map that people are shown; JSON has all.
const MOST_KEYS: usize = 20;

pub(crate) fn run(settings: &Settings, arguments: &Inspect) -> Result<ExitCode> {
    let model = Model::of(settings, &arguments.model)?;
    let predictor = runtime::load(settings, &model)?;
    let text = if arguments.json { json(&predictor)? } else { people(&predictor)? };
    writeln!(io::stdout().lock(), "{}", text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Shown<'a> {
    package: &'a str,
    component: String,
    inputs: Vec<Tensor<'a>>,
    outputs: Vec<Tensor<'a>>,
    operators: &'a [String],
    manifest: Value,
}

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    element_type: &'static str,
    shape: &'a [String],
    /// Where each row stands for a map.
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<Value>>,
}

fn json(predictor: &Predictor) -> Result<String> {
    let description = predictor.description();
    Ok(serde_json::to_string_pretty(&Shown {
        package: &description.package,
        component: predictor.component().digest().to_string(),
        inputs: description.inputs.iter().map(tensor).collect(),
        outputs: description.outputs.iter().map(tensor).collect(),
        operators: &description.operators,
        manifest: serde_json::from_str(&description.manifest)?,
    })?)
}

fn tensor(declared: &TensorType) -> Tensor<'_> {
    Tensor {
        name: &declared.name,
        element_type: type_name(declared.element_type),
        shape: &declared.shape,
        keys: declared.keys.as_ref().map(|keys| match keys {
            Keys::Integers(keys) => keys.iter().map(|key| Value::from(*key)).collect(),
            Keys::Strings(keys) => keys.iter().map(|key| Value::from(key.as_str())).collect(),
        }),
    }
}

fn people(predictor: &Predictor) -> Result<String> {
    let description = predictor.description();
    let manifest = predictor.manifest()?;
    let mut out = String::new();
    writeln!(out, "{} {}  {}", manifest.name, manifest.version, description.task)?;
    if let Some(text) = &manifest.description {
        writeln!(out, "{text}")?;
    }
    let mut facts = plain_table();
    facts.add_row(["package", &description.package]);
    facts.add_row(["component", &predictor.component().digest().to_string()]);
    facts.add_row(["licence", &manifest.license]);
    facts.add_row(["operators", &description.operators.join(", ")]);
    for (name, types) in
        [("graph inputs", &description.inputs), ("graph outputs", &description.outputs)]
    {
        facts.add_row([name, &types.iter().map(signature).collect::<Vec<_>>().join(", ")]);
    }
    section(&mut out, "", &facts)?;

    let mut files = plain_table();
    for file in &manifest.files {
        files.add_row([file.path.clone(), format!("{} bytes", file.size), file.sha256.to_string()]);
    }
    section(&mut out, "files", &files)?;

    if let Some(ensemble) = &manifest.ensemble {
        section(&mut out, "members", &members(&manifest, ensemble))?;
    }
    section(&mut out, "an instance", &instance(&manifest)?)?;
    section(&mut out, "the answer", &answer(&manifest, description))?;
    if let Some(training) = &manifest.training {
        let mut table = plain_table();
        table.add_row(["data", &training.data]);
        if let Some(period) = &training.period {
            table.add_row(["period", period]);
        }
        for (name, value) in &training.metrics {
            table.add_row([name, &value.to_string()]);
        }
        section(&mut out, "training", &table)?;
    }
    Ok(out)
}

/// What an ensemble is made of. The digest of a member is that of its manifest, and so of its package.
fn members(manifest: &Manifest, ensemble: &Ensemble) -> Table {
    let mut table = plain_table();
    for name in ensemble.packages() {
        let path = format!("{}{MANIFEST}", Ensemble::folder(name));
        let entry = manifest.files.iter().find(|file| file.path == path);
        let digest = entry.map(|entry| entry.sha256.to_string()).unwrap_or_default();
        let member = ensemble.members.iter().find(|member| member.name == name);
        let weight = member.and_then(|member| member.weight);
        let part = match (member, weight) {
            (None, _) => "stacker".to_owned(),
            (Some(_), Some(weight)) => format!("weight {weight}"),
            (Some(_), None) => String::new(),
        };
        table.add_row([name.to_owned(), part, digest]);
    }
    table.add_row(["combined by", ensemble.combine.name()]);
    table
}

/// What an instance holds, and for pictures and texts how it is read.
fn instance(manifest: &Manifest) -> Result<Table> {
    let mut table = plain_table();
    for field in &manifest.input.fields {
        table.add_row([field.name.clone(), absent(field), accepted(field)]);
    }
    match manifest.task.modality() {
        Modality::Image => {
            table.add_row(["a picture", "JPEG, PNG, WebP, GIF or BMP"]);
        }
        Modality::Text => {
            table.add_row(["a text", "UTF-8"]);
        }
        Modality::Tabular | Modality::Tensors => {}
    }
    // Of an ensemble, the members say how it is read.
    let steps = match (&manifest.input.image, &manifest.input.text) {
        (Some(image), _) => serde_json::to_value(image)?,
        (_, Some(text)) => serde_json::to_value(text)?,
        _ => Value::Null,
    };
    for (name, step) in steps.as_object().into_iter().flatten() {
        table.add_row([name.clone(), step.to_string()]);
    }
    Ok(table)
}

/// What a prediction holds.
fn answer(manifest: &Manifest, description: &Description) -> Table {
    let mut table = plain_table();
    if !description.labels.is_empty() {
        table.add_row(["labels", &description.labels.join(", ")]);
    }
    if let Some(score) = &manifest.output.score {
        let of = score.label.as_ref().map(|label| format!(", the probability of {label}"));
        table.add_row(["score", &format!("{}{}", score.name, of.unwrap_or_default())]);
    }
    if let Some(decision) = &manifest.decision {
        for rule in &decision.rules {
            table.add_row([&rule.action, &format!("if the score is above {}", rule.above)]);
        }
        table.add_row([decision.otherwise.as_str(), "otherwise"]);
    }
    table
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table
}

fn section(out: &mut String, title: &str, table: &Table) -> Result<()> {
    if !title.is_empty() {
        writeln!(out, "\n{title}")?;
    }
    Ok(writeln!(out, "{}", table.trim_fmt())?)
}

fn signature(declared: &TensorType) -> String {
    let Tensor { name, element_type, shape, keys } = tensor(declared);
    let keys = keys.unwrap_or_default();
    let shown: Vec<_> = keys.iter().take(MOST_KEYS).map(Value::to_string).collect();
    let more = if keys.len() > MOST_KEYS { ", …" } else { "" };
    let maps =
        if keys.is_empty() { String::new() } else { format!(" {{{}{more}}}", shown.join(", ")) };
    format!("{name}: {element_type} [{}]{maps}", shape.join(", "))
}

fn accepted(field: &Field) -> String {
    let mut text = field.kind.name().to_owned();
    match (field.min, field.max) {
        (Some(min), Some(max)) => text += &format!(", {min} to {max}"),
        (Some(min), None) => text += &format!(", at least {min}"),
        (None, Some(max)) => text += &format!(", at most {max}"),
        (None, None) => {}
    }
    if let Some(unit) = &field.unit {
        text += &format!(" {unit}");
    }
    if let Some(longest) = field.max_length {
        text += &format!(", at most {longest} bytes");
    }
    if !field.values.is_empty() {
        text += &format!(": {}", field.values.join(", "));
    }
    if field.sensitive {
        text += ", sensitive";
    }
    text
}

fn absent(field: &Field) -> String {
    match &field.default {
        Some(default) => format!("default {default}"),
        None => "required".into(),
    }
}
