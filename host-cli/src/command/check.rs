//! `check`: whether models give the answers that lie beside them, in the layout of the ONNX test
//! data.
//!
//! Every model runs in a sandbox of its own, as it would anywhere else: what passes here gives the
//! same bits in every other host.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::Result;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::args::{Check, Settings};
use crate::failure::CHECK_FAILED;
use crate::runtime::{Components, limits};

mod compare;
mod data;
mod find;
mod judge;

use compare::Tolerance;
use find::Model;

/// What is said of a model.
#[derive(Serialize)]
struct Verdict<'a> {
    name: &'a str,
    path: String,
    passed: bool,
    /// How many sets of inputs and outputs lie beside it.
    data_sets: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// What is said of all.
#[derive(Serialize)]
struct Report<'a> {
    component: String,
    rtol: f64,
    atol: f64,
    passed: usize,
    failed: usize,
    models: Vec<Verdict<'a>>,
}

pub(crate) fn run(settings: &Settings, arguments: &Check) -> Result<ExitCode> {
    let models = find::models(&arguments.paths)?;
    let components = Components::new(settings)?;
    let tolerance = Tolerance { relative: arguments.rtol, absolute: arguments.atol };
    let bar = progress(models.len());
    let verdict = |model| {
        let failure = judge::failure(&components, model, tolerance).err();
        bar.inc(1);
        Verdict {
            name: &model.name,
            path: model.path.display().to_string(),
            passed: failure.is_none(),
            data_sets: model.data.len(),
            failure: failure.map(|error| format!("{error:#}")),
        }
    };
    let shown = |verdict: &Verdict| match arguments.json {
        true => Ok(()),
        false => bar.suspend(|| writeln!(io::stdout().lock(), "{}", line(verdict))),
    };
    let verdicts = in_order(&models, limits(settings).threads, verdict, shown)?;
    bar.finish_and_clear();

    let failed = verdicts.iter().filter(|verdict| !verdict.passed).count();
    let passed = verdicts.len() - failed;
    let mut out = io::stdout().lock();
    if arguments.json {
        let report = Report {
            component: components.digest(),
            rtol: arguments.rtol,
            atol: arguments.atol,
            passed,
            failed,
            models: verdicts,
        };
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        writeln!(out, "{passed} passed, {failed} failed")?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(CHECK_FAILED) })
}

fn line(verdict: &Verdict) -> String {
    match &verdict.failure {
        None => format!("PASS {}", verdict.name),
        Some(failure) => format!("FAIL {}: {failure}", verdict.name),
    }
}

/// A bar on standard error, if somebody watches it and it is worth it.
fn progress(models: usize) -> ProgressBar {
    if models < 2 {
        return ProgressBar::hidden();
    }
    ProgressBar::new(models as u64)
}

/// What is done so far: the answers that wait for an earlier one, and how many were shown.
struct Done<R> {
    answers: Vec<Option<R>>,
    shown: usize,
    problem: io::Result<()>,
}

/// Works on models with several threads; the answers are shown in the order of the models, each as
/// soon as those before it are there.
fn in_order<'a, R: Send>(
    models: &'a [Model],
    threads: usize,
    work: impl Fn(&'a Model) -> R + Sync,
    show: impl Fn(&R) -> io::Result<()> + Sync,
) -> io::Result<Vec<R>> {
    let waiting = Mutex::new(models.iter().enumerate());
    let answers = models.iter().map(|_| None).collect();
    let done = Mutex::new(Done { answers, shown: 0, problem: Ok(()) });
    let worker = || {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, model)) = next else { break };
            let answer = work(model);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(slot) = done.answers.get_mut(place) {
                *slot = Some(answer);
            }
            while let Some(Some(answer)) = done.answers.get(done.shown) {
                let shown = show(answer);
                done.shown += 1;
                if shown.is_err() {
                    // Nobody reads any more: the models that are left need no answer.
                    done.problem = shown;
                    return;
                }
            }
        }
    };
    thread::scope(|scope| {
        // A thread that can't be had is not waited for: the others do its share.
        for _ in 1..threads.clamp(1, models.len().max(1)) {
            drop(thread::Builder::new().spawn_scoped(scope, worker));
        }
        worker();
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.problem.map(|()| done.answers.into_iter().flatten().collect())
}
