//! `bench`: how long things take on this machine, in this process.
//!
//! A ratio to another runtime needs both in one run; `benches/` does that.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use predictor_host::{Instance, Predictor, reference};
use serde::Serialize;

use crate::args::{Bench, Settings};
use crate::failure::ModelError;
use crate::model::Model;
use crate::runtime;

const BATCHES: [usize; 3] = [1, 32, 1000];

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
    let model = Model::named(&arguments.model)?;
    let began = Instant::now();
    let predictor = runtime::load(settings, &model)?;
    let load_time = began.elapsed();

    let cases = reference::cases(&predictor)?.cases;
    if cases.is_empty() {
        return Err(ModelError(format!("{model} has no reference cases to measure with")).into());
    }
    let instances: Vec<_> = cases.iter().map(reference::instance).collect();
    let mut batches = Vec::new();
    for batch in BATCHES {
        let batch: Vec<_> = instances.iter().cycle().take(batch).cloned().collect();
        batches.push(measure(&predictor, &batch, Duration::from_secs(arguments.seconds))?);
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

fn measure(predictor: &Predictor, batch: &[Instance], span: Duration) -> Result<Figures> {
    let began = Instant::now();
    let mut times = Vec::new();
    while began.elapsed() < span {
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
        batch: batch.len(),
        calls: times.len(),
        median_us: median,
        p99_us: quantile(0.99),
        predictions_per_second: batch.len() as f64 * 1e6 / median.max(1e-3),
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
