//! `package`: a folder that Hugging Face's Optimum exported becomes a model package.
//!
//! What the folder's files say is written down once, in the manifest; nothing reads them again. What
//! they leave open, such as the task, can be said on the command line.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use model_package::{
    Digest, FORMAT, FileEntry, InputSpec, MANIFEST, Manifest, Modality, ReferenceCases, Role, Task,
};
use serde_json::{Value, json};

use crate::args::{Package, Settings};
use crate::failure::ModelError;

mod answer;
mod config;
mod preprocessor;
mod signature;
mod tokens;

use config::Config;
use signature::Signature;

const CASES: &str = "reference-cases.json";

pub(crate) fn run(settings: &Settings, arguments: &Package) -> Result<ExitCode> {
    let folder = arguments.folder.as_path();
    let target = arguments.output.clone().unwrap_or_else(|| folder.join("package"));
    if target.join(MANIFEST).exists() {
        let message =
            format!("{} is a package already; name another with --output", target.display());
        return Err(ModelError(message).into());
    }
    let config = Config::read(folder)?;
    let task = match arguments.task {
        Some(task) => task.into(),
        None => config.task()?,
    };
    let graph = graph_file(folder)?;
    let onnx = std::fs::read(&graph).with_context(|| graph.display().to_string())?;
    let signature = Signature::of(&onnx)
        .map_err(|error| ModelError(format!("{}: no ONNX model: {error}", graph.display())))?;

    let mut files = vec![("model.onnx", Role::Graph, onnx)];
    let mut input = InputSpec::default();
    match task.modality() {
        Modality::Image => input.image = Some(preprocessor::read(folder)?),
        Modality::Text | Modality::Tabular => {
            let path = folder.join("tokenizer.json");
            let content = std::fs::read(&path).with_context(|| path.display().to_string())?;
            input.text = Some(tokens::read(folder, &config, &content));
            files.push(("tokenizer.json", Role::Tokenizer, content));
        }
    }
    files.push((CASES, Role::ReferenceCases, cases(task)?));
    let entry = |(path, role, content): &(&str, Role, Vec<u8>)| FileEntry {
        path: (*path).into(),
        role: *role,
        size: content.len() as u64,
        sha256: Digest::of(content),
    };
    let manifest = Manifest {
        format: FORMAT.into(),
        name: arguments.name.clone().unwrap_or_else(|| name_of(folder)),
        version: arguments.model_version.clone(),
        task,
        description: None,
        license: arguments.license.clone(),
        files: files.iter().map(entry).collect(),
        input,
        features: Vec::new(),
        graph: signature.inputs(task)?,
        output: answer::read(folder, &config, task, &signature)?,
        decision: None,
        training: None,
    };
    std::fs::create_dir_all(&target).with_context(|| target.display().to_string())?;
    for (path, _, content) in &files {
        std::fs::write(target.join(path), content)?;
    }
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    std::fs::write(target.join(MANIFEST), text)?;
    writeln!(io::stdout().lock(), "{}", target.display())?;
    super::seal::seal(settings, &target)
}

/// Optimum writes the graph beside `config.json` or into a folder `onnx`.
fn graph_file(folder: &Path) -> Result<PathBuf> {
    let candidates = ["model.onnx", "onnx/model.onnx"].map(|path| folder.join(path));
    let message = || ModelError(format!("{} has no model.onnx", folder.display()));
    Ok(candidates.into_iter().find(|path| path.is_file()).ok_or_else(message)?)
}

/// A package's name from a folder's: lower-case letters, digits and hyphens.
fn name_of(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let name = absolute.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-');
    if name.is_empty() { "model".into() } else { name.chars().take(64).collect() }
}

/// One input, so that there is something to verify; the component says what it gives.
fn cases(task: Task) -> Result<Vec<u8>> {
    let input = match task.modality() {
        Modality::Image => json!({ "image": GRADIENT }),
        Modality::Text | Modality::Tabular => {
            json!({ "text": "Alice flew from Paris to New York, and she liked it." })
        }
    };
    let cases = json!({ "cases": [{ "name": "first", "input": input }] });
    let cases: ReferenceCases = serde_json::from_value(cases)?;
    Ok(serde_json::to_vec_pretty(&cases)?)
}

/// A PNG of 8 by 8 pixels.
const GRADIENT: &str = include_str!("package/gradient.txt");

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
