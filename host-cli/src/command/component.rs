//! `component`: what the program runs everything in.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use predictor_host::{Engine, Interruption};
use serde::Serialize;

use crate::args::{Component, Settings};
use crate::{embedded, runtime};

#[derive(Serialize)]
struct Shown<'a> {
    digest: String,
    bytes: usize,
    imports: &'a [String],
    exports: &'a [String],
}

pub(crate) fn run(settings: &Settings, arguments: &Component) -> Result<ExitCode> {
    let bytes = embedded::component();
    if let Some(path) = &arguments.output {
        std::fs::write(path, bytes).with_context(|| path.display().to_string())?;
    }
    let component = runtime::component(settings, Interruption::None)?;
    if let Some(path) = &arguments.compile {
        let engine = Engine::new(Interruption::None)?;
        runtime::cache(settings)?.copy(&engine, component.digest(), path)?;
    }
    let names = component.names();
    let shown = Shown {
        digest: component.digest().to_string(),
        bytes: bytes.len(),
        imports: &names.imports,
        exports: &names.exports,
    };
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&shown)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let list = |names: &[String]| {
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    writeln!(out, "digest   {}", shown.digest)?;
    writeln!(out, "size     {} bytes", shown.bytes)?;
    writeln!(out, "imports  {}", list(shown.imports))?;
    writeln!(out, "exports  {}", list(shown.exports))?;
    Ok(ExitCode::SUCCESS)
}
