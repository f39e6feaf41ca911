//! `package`: an ONNX file, or a folder that Hugging Face's Optimum exported, becomes a model
//! package.
//!
//! What can be read from the files is written down once, in the manifest; nothing reads them again.
//! What they leave open can be said on the command line, and edited in the manifest afterwards.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use model_package::MANIFEST;

use crate::args::{Package, Settings};
use crate::failure::ModelError;

pub(super) mod draft;
mod graph;
mod optimum;

pub(crate) fn run(settings: &Settings, arguments: &Package) -> Result<ExitCode> {
    let source = arguments.source.as_path();
    let target = match &arguments.output {
        Some(output) => output.clone(),
        None if source.is_dir() => source.join("package"),
        None => source.parent().unwrap_or(Path::new("")).join("package"),
    };
    if target.join(MANIFEST).exists() {
        let message =
            format!("{} is a package already; name another with --output", target.display());
        return Err(ModelError(message).into());
    }
    let (mut draft, notes) = if source.is_dir() {
        if let Some(option) = arguments.for_graphs() {
            let message = format!("{option} is for ONNX files; {} is a folder", source.display());
            return Err(ModelError(message).into());
        }
        (optimum::draft(source, arguments)?, Vec::new())
    } else {
        graph::draft(settings, source, arguments)?
    };
    draft.manifest.name = arguments.name.clone().unwrap_or_else(|| name_of(source));
    draft.manifest.version.clone_from(&arguments.model_version);
    draft.manifest.license.clone_from(&arguments.license);
    draft::write(&draft.finish()?, &target)?;
    writeln!(io::stdout().lock(), "{}", target.display())?;
    let sealed = super::seal::seal(settings, &target)?;
    for note in notes {
        anstream::eprintln!("note: {note}");
    }
    Ok(sealed)
}

/// A package's name from that of a folder or file: lower-case letters, digits and hyphens. A file
/// with the usual name has that of its folder.
pub(super) fn name_of(source: &Path) -> String {
    let absolute: PathBuf = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
    let usual = absolute.file_name().is_some_and(|name| name == "model.onnx");
    let named = if usual { absolute.parent().and_then(Path::file_name) } else { None };
    let own = if source.is_dir() { absolute.file_name() } else { absolute.file_stem() };
    let name = named.or(own).unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-');
    if name.is_empty() { "model".into() } else { name.chars().take(64).collect() }
}
