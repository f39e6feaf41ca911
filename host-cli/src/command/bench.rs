//! `bench`: how long things take on this machine, in this process.
//!
//! A ratio to another runtime needs both in one run; `benches/` does that.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use predictor_host::{Instance, Predictor, Request, reference};
use serde::Serialize;

use crate::args::{Bench, Settings};
use crate::failure::ModelError;
use crate::model::Model;
use crate::runtime;

#[derive(Serialize)]
struct Report {
    model: String,
    component: String,
    /// From a name to a model that is ready to answer: mapped and, if it is not baked, loaded.
    ready_ms: f64,
    batches: Vec<Figures>,
}

#[derive(Serialize)]
struct Figures {
    batch: usize,
    calls: usize,
    median_us: f64,
    p99_us: f64,
    /// By the median.
    predictions_per_second: f64,
}

pub(crate) fn run(settings: &Settings, arguments: &Bench) -> Result<ExitCode> {
    let model = Model::of(settings, &arguments.model)?;
    let began = Instant::now();
    let predictor = runtime::load(settings, &model)?;
    let load_time = began.elapsed();

    let instances = match &arguments.instances {
        Some(path) => read(path)?,
        None => reference::cases(&predictor)?.cases.iter().map(reference::instance).collect(),
    };
    if instances.is_empty() {
        let message = format!("{model} has no reference cases to measure with; name --instances");
        return Err(ModelError(message).into());
    }
    let mut batches = Vec::new();
    for batch in &arguments.batch {
        let calls = batches_of(&instances, usize::from(*batch));
        batches.push(measure(&predictor, &calls, Duration::from_secs(arguments.seconds))?);
    }
    let description = predictor.description();
    let report = Report {
        model: format!("{} {}, {}", description.name, description.version, description.package),
        component: predictor.component().digest().to_string(),
        ready_ms: load_time.as_secs_f64() * 1e3,
        batches,
    };
    let text =
        if arguments.json { serde_json::to_string_pretty(&report)? } else { people(&report) };
    writeln!(io::stdout().lock(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Vec<Instance>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("can't read the instances of {}", path.display()))?;
    Ok(Request::parse(&text)?.instances().to_vec())
}

/// The instances in batches of this size, all of them at least once. A processor learns the way of an
/// instance that comes again and again, so calls that follow each other have different ones.
fn batches_of(instances: &[Instance], size: usize) -> Vec<Vec<Instance>> {
    let mut endless = instances.iter().cycle().cloned();
    let count = instances.len().div_ceil(size);
    (0..count).map(|_| endless.by_ref().take(size).collect()).collect()
}

fn measure(predictor: &Predictor, batches: &[Vec<Instance>], span: Duration) -> Result<Figures> {
    let began = Instant::now();
    let mut times = Vec::new();
    let size = batches.first().map_or(0, Vec::len);
    for batch in batches.iter().cycle() {
        if began.elapsed() >= span {
            break;
        }
        let call = Instant::now();
        let outcomes = predictor.predict_each(batch);
        times.push(call.elapsed().as_secs_f64() * 1e6);
        outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    }
    times.sort_unstable_by(f64::total_cmp);
    let quantile = |q: f64| {
        let place = (times.len() as f64 * q) as usize;
        times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    let median = quantile(0.5);
    Ok(Figures {
        batch: size,
        calls: times.len(),
        median_us: median,
        p99_us: quantile(0.99),
        predictions_per_second: size as f64 * 1e6 / median.max(1e-3),
    })
}

fn people(report: &Report) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["batch", "calls", "median µs", "p99 µs", "predictions/s"]);
    for figures in &report.batches {
        table.add_row([
            figures.batch.to_string(),
            figures.calls.to_string(),
            format!("{:.1}", figures.median_us),
            format!("{:.1}", figures.p99_us),
            format!("{:.0}", figures.predictions_per_second),
        ]);
    }
    let Report { model, component, ready_ms, .. } = report;
    format!("{model}\ncomponent {component}\nready after {ready_ms:.1} ms\n\n{}", table.trim_fmt())
}
