//! `bake`: a component with a model in it, and its code for the machines that will run it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use predictor_host::{Bake, Step, Target};
use serde::Serialize;

use crate::args::{self, Settings};
use crate::model::Model;
use crate::progress::Progress;
use crate::trust::Trust;
use crate::{embedded, runtime};

#[derive(Serialize)]
struct Shown<'a> {
    folder: String,
    #[serde(flatten)]
    record: &'a predictor_host::Record,
    component_bytes: u64,
}

pub(crate) fn run(settings: &Settings, arguments: &args::Bake) -> Result<ExitCode> {
    let model = Model::of(settings, &arguments.model)?;
    let mut targets = arguments.target.clone();
    if targets.is_empty() {
        targets.push(Target::host()?);
    }
    let (files, _) = Trust::from_settings(settings)?
        .files(&model)
        .with_context(|| format!("the model {model}"))?;
    let mut steps = Steps::default();
    let bake = Bake::new(
        embedded::component(),
        files,
        runtime::limits(settings),
        &runtime::cache(settings)?,
        |step| steps.begin(step),
    );
    let bake = bake.with_context(|| format!("the model {model}"))?;
    let component_bytes = bake.component().len() as u64;
    let default = || PathBuf::from(format!("{}-{}.baked", bake.name(), bake.version()));
    let folder = arguments.output.clone().unwrap_or_else(default);
    let baked = bake.write(&folder, &targets, |step| steps.begin(step))?;
    steps.end();

    let shown =
        Shown { folder: folder.display().to_string(), record: baked.record(), component_bytes };
    let text = if arguments.json { serde_json::to_string_pretty(&shown)? } else { people(&shown) };
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

/// One word to people after the other.
#[derive(Default)]
pub(crate) struct Steps {
    running: Option<(Progress, String)>,
}

impl Steps {
    pub(crate) fn begin(&mut self, step: Step<'_>) {
        self.end();
        let (doing, done) = match step {
            Step::Preparing => (
                "compiling the component that models are baked in (once; about ten seconds)".into(),
                "compiled the component".into(),
            ),
            Step::Compiling(target) => {
                let (triple, cpu) = (target.triple(), target.cpu());
                (
                    format!("compiling for {triple}, {cpu} (about ten seconds)"),
                    format!("compiled for {triple}, {cpu}"),
                )
            }
        };
        self.running = Some((Progress::start(doing), done));
    }

    pub(crate) fn end(&mut self) {
        if let Some((progress, done)) = self.running.take() {
            progress.finish(&done);
        }
    }
}

fn people(shown: &Shown<'_>) -> String {
    let record = shown.record;
    let mut lines = vec![
        format!("{} {}, {}", record.name, record.version, record.package),
        format!("component {}", record.component),
        format!("baked     {} ({:.1} MB)", record.baked, shown.component_bytes as f64 / 1e6),
    ];
    for code in &record.code {
        let megabytes = code.bytes() as f64 / 1e6;
        lines.push(format!("code      {}, {} ({megabytes:.1} MB)", code.target, code.cpu));
    }
    lines.push(format!("folder    {}", shown.folder));
    lines.join("\n")
}
