//! `predict`: instances from a file to predictions on standard output.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use predictor_host::{Class, HostError, Outcome, Predictor, Provenance, Request};

use crate::args::{Format, Predict, Settings};
use crate::failure::{self, InputError};
use crate::json_text;
use crate::model::Model;
use crate::runtime;

mod table;

/// The largest input file. Larger ones belong into parts.
const LARGEST_INPUT: u64 = 256 << 20;

pub(crate) fn run(settings: &Settings, arguments: &Predict) -> Result<ExitCode> {
    let name = input_name(&arguments.input);
    let request = read(&arguments.input).with_context(|| name.clone())?;
    let model = match &arguments.model {
        Some(name) => Model::named(name)?,
        None => Model::for_input(&arguments.input)?,
    };
    let predictor = runtime::load(settings, &model)?;
    let outcomes = predictor.predict_each(request.instances());
    print(&predictor, &request, &outcomes, arguments.format)?;
    Ok(report(&name, &request, &outcomes))
}

fn read(path: &Path) -> Result<Request> {
    let bytes = read_bounded(path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| InputError(format!("not UTF-8 text (byte {})", error.valid_up_to())))?;
    Ok(Request::parse(text)?)
}

fn input_name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".into() } else { path.display().to_string() }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|error| InputError(format!("can't be read: {error}")))?)
    };
    let mut bytes = Vec::new();
    let read = source.take(LARGEST_INPUT + 1).read_to_end(&mut bytes);
    read.map_err(|error| InputError(format!("can't be read: {error}")))?;
    if bytes.len() as u64 > LARGEST_INPUT {
        let message = format!("larger than {} MiB; split it", LARGEST_INPUT >> 20);
        return Err(InputError(message).into());
    }
    Ok(bytes)
}

fn print(
    predictor: &Predictor,
    request: &Request,
    outcomes: &[Outcome],
    format: Format,
) -> Result<()> {
    let mut out = io::stdout().lock();
    if format == Format::Table {
        return Ok(writeln!(out, "{}", table::render(predictor, outcomes))?);
    }
    let texts = Provenance::of(predictor).texts(outcomes);
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
fn report(name: &str, request: &Request, outcomes: &[Outcome]) -> ExitCode {
    const SHOWN: usize = 5;
    let failed: Vec<_> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(index, outcome)| outcome.as_ref().err().map(|error| (index, error)))
        .collect();
    for (index, error) in failed.iter().take(SHOWN) {
        failure::say(&format!("{name}: {}{error}", place(request, *index)));
    }
    if failed.len() > 1 {
        failure::say(&format!("{name}: {} of {} instances failed", failed.len(), outcomes.len()));
    }
    let codes = failed.iter().map(|(_, error)| error.class().exit_code());
    codes.max().map_or(ExitCode::SUCCESS, ExitCode::from)
}

/// How messages call the instance at this place.
fn place(request: &Request, index: usize) -> String {
    if request.is_array() { format!("[{index}] ") } else { String::new() }
}

/// A short word for an outcome that is no prediction.
fn failed_word(error: &HostError) -> &'static str {
    match error.class() {
        Class::InvalidInput | Class::UnsupportedInput | Class::TooLarge => "bad input",
        _ => "failed",
    }
}
