//! `predict`: instances from a file to predictions on standard output.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use predictor_host::envelope::explained;
use predictor_host::{Class, HostError, Outcome, Predictor, Provenance, Request};

use crate::args::{Format, Predict, Settings};
use crate::failure;
use crate::json_text;
use crate::model::Model;
use crate::runtime;

mod input;
mod table;
mod top;

use input::Input;

pub(crate) fn run(settings: &Settings, arguments: &Predict) -> Result<ExitCode> {
    let name = input::name(&arguments.input);
    let input = Input::read(&arguments.input).with_context(|| name.clone())?;
    let model = match &arguments.model {
        Some(name) => Model::of(settings, name)?,
        None => Model::for_input(&arguments.input, input.modality())?,
    };
    let predictor = runtime::load(settings, &model)?;
    let modality = predictor.manifest()?.task.modality();
    let input::Named { request, names } = input.request(modality).with_context(|| name.clone())?;
    let outcomes = predictor.predict_each(request.instances());
    let outcomes = request.instances().iter().zip(outcomes);
    let outcomes: Vec<_> = outcomes.map(|(it, outcome)| explained(it, outcome)).collect();
    let shown = Shown { request: &request, names: &names, outcomes: &outcomes };
    print(&predictor, &shown, arguments)?;
    Ok(report(&name, &shown))
}

/// What is shown: the instances, what they are called, and what they got.
struct Shown<'a> {
    request: &'a Request,
    /// Of files in a folder; empty for other inputs.
    names: &'a [String],
    outcomes: &'a [Outcome],
}

fn print(predictor: &Predictor, shown: &Shown, arguments: &Predict) -> Result<()> {
    let Shown { request, names, outcomes } = shown;
    let format = arguments.format;
    let mut out = io::stdout().lock();
    if format == Format::Table {
        let top = arguments.top.map(usize::from);
        let table = table::render(predictor, names, outcomes, top);
        return Ok(writeln!(out, "{table}")?);
    }
    let mut texts = Provenance::of(predictor).texts(outcomes);
    if let Some(top) = arguments.top {
        texts = texts.iter().map(|text| top::largest(text, usize::from(top))).collect();
    }
    match (format, texts.as_slice()) {
        // A single instance that failed has its message on standard error, and nothing here.
        (_, [_]) if !request.is_array() && outcomes.iter().all(Result::is_err) => {}
        (Format::Jsonl, texts) => {
            for text in texts {
                writeln!(out, "{text}")?;
            }
        }
        (_, [text]) if !request.is_array() => writeln!(out, "{}", json_text::indent(text))?,
        (_, texts) => {
            writeln!(out, "{}", json_text::indent(&format!("[{}]", texts.join(","))))?;
        }
    }
    Ok(out.flush()?)
}

/// Tells people what failed, and the shell how it went: the worst class decides.
fn report(name: &str, shown: &Shown) -> ExitCode {
    const MOST: usize = 5;
    let outcomes = shown.outcomes;
    let failed: Vec<_> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(index, outcome)| outcome.as_ref().err().map(|error| (index, error)))
        .collect();
    for (index, error) in failed.iter().take(MOST) {
        failure::say(&format!("{name}: {}{error}", place(shown, *index)));
    }
    if failed.len() > 1 {
        failure::say(&format!("{name}: {} of {} instances failed", failed.len(), outcomes.len()));
    }
    let codes = failed.iter().map(|(_, error)| error.class().exit_code());
    codes.max().map_or(ExitCode::SUCCESS, ExitCode::from)
}

/// How messages call the instance at this place.
fn place(shown: &Shown, index: usize) -> String {
    match shown.names.get(index) {
        Some(name) => format!("{name}: "),
        None if shown.request.is_array() => format!("[{index}] "),
        None => String::new(),
    }
}

/// A short word for an outcome that is no prediction.
fn failed_word(error: &HostError) -> &'static str {
    match error.class() {
        Class::InvalidInput | Class::UnsupportedInput | Class::TooLarge => "bad input",
        _ => "failed",
    }
}
