//! A folder that Hugging Face's Optimum exported becomes a model package.
//!
//! What the folder's files say is written down once, in the manifest; nothing reads them again. What
//! they leave open, such as the task, can be said on the command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use model_package::{Modality, ReferenceCase, Role, Task};
use serde_json::{Value, json};

use super::draft::Draft;
use crate::args::Package;
use crate::failure::ModelError;
use crate::onnx::external;

mod answer;
mod config;
mod preprocessor;
mod signature;
mod tokens;

use config::Config;
use signature::Signature;

/// A package from the folder.
pub(super) fn draft(folder: &Path, arguments: &Package) -> Result<Draft> {
    let config = Config::read(folder)?;
    let task = match arguments.task {
        Some(task) => task.task(),
        None => config.task()?,
    };
    let graph = graph_file(folder)?;
    let onnx = std::fs::read(&graph).with_context(|| graph.display().to_string())?;
    let onnx = external::inlined(onnx, graph.parent().unwrap_or(folder))?;
    let signature = Signature::of(&onnx)
        .map_err(|error| ModelError(format!("{}: no ONNX model: {error}", graph.display())))?;

    let mut draft = Draft::new(task, onnx);
    draft.manifest.graph = signature.inputs(task)?;
    draft.manifest.output = answer::read(folder, &config, task, &signature)?;
    let input = &mut draft.manifest.input;
    match task.modality() {
        Modality::Image => input.image = Some(preprocessor::read(folder)?),
        Modality::Text | Modality::Tabular | Modality::Tensors => {
            let path = folder.join("tokenizer.json");
            let content = std::fs::read(&path).with_context(|| path.display().to_string())?;
            input.text = Some(tokens::read(folder, &config, &content));
            draft.add("tokenizer.json", Role::Tokenizer, content);
        }
    }
    draft.cases.push(case(task)?);
    Ok(draft)
}

/// Optimum writes the graph beside `config.json` or into a folder `onnx`.
fn graph_file(folder: &Path) -> Result<PathBuf> {
    let candidates = ["model.onnx", "onnx/model.onnx"].map(|path| folder.join(path));
    let message = || ModelError(format!("{} has no model.onnx", folder.display()));
    Ok(candidates.into_iter().find(|path| path.is_file()).ok_or_else(message)?)
}

/// A first case: a small picture or a short text.
fn case(task: Task) -> Result<ReferenceCase> {
    let input = match task.modality() {
        Modality::Image => json!({ "image": GRADIENT }),
        Modality::Text | Modality::Tabular | Modality::Tensors => {
            json!({ "text": "Alice flew from Paris to New York, and she liked it." })
        }
    };
    Ok(serde_json::from_value(json!({ "name": "first", "input": input }))?)
}

/// A PNG of 8 by 8 pixels.
const GRADIENT: &str = include_str!("optimum/gradient.txt");

/// A JSON file of the folder; `None` if it is not there.
fn json_file(folder: &Path, name: &str) -> Result<Option<Value>> {
    let path = folder.join(name);
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
    let value = serde_json::from_slice(&bytes)
        .map_err(|error| ModelError(format!("{}: not valid JSON: {error}", path.display())))?;
    Ok(Some(value))
}
