//! `models`: the models that the program carries with it.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use model_package::{Limits, Package};
use predictor_host::HostError;
use serde::Serialize;

use crate::args::Models;
use crate::embedded;

#[derive(Serialize)]
struct Row {
    name: String,
    version: String,
    task: &'static str,
    package: String,
    description: Option<String>,
}

pub(crate) fn run(arguments: &Models) -> Result<ExitCode> {
    let mut rows = Vec::new();
    for name in embedded::model_names() {
        let files = embedded::model(name).context("a bundled model has files")?;
        let package = Package::verify(files, &Limits::DEFAULT)
            .map_err(|error| HostError::Store(error.into()))?;
        let manifest = package.manifest();
        rows.push(Row {
            name: name.to_owned(),
            version: manifest.version.clone(),
            task: manifest.task.name(),
            package: package.digest().to_string(),
            description: manifest.description.clone(),
        });
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(["NAME", "VERSION", "TASK", "PACKAGE"]);
    for row in &rows {
        table.add_row([&row.name, &row.version, row.task, &row.package]);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    Ok(ExitCode::SUCCESS)
}
