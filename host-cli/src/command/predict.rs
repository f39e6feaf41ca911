//! `predict`: instances from a file to predictions on standard output.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use model_package::Limits;
use predictor_host::{Class, HostError, Instance, Outcome, Predictor};
use serde::Serialize;
use serde_json::value::RawValue;

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
    let input = Input::read(&arguments.input).with_context(|| name.clone())?;
    let model = match &arguments.model {
        Some(name) => Model::named(name)?,
        None => Model::for_input(&arguments.input)?,
    };
    let mut predictor = runtime::load(settings, &model)?;
    let outcomes = predict(&mut predictor, &input)?;
    print(&predictor, &input, &outcomes, arguments.format)?;
    Ok(report(&name, &input, &outcomes))
}

/// What a file holds.
struct Input {
    /// The JSON text of each instance.
    instances: Vec<String>,
    is_array: bool,
}

impl Input {
    fn read(path: &Path) -> Result<Self> {
        let bytes = read_bounded(path)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            InputError(format!("not UTF-8 text (byte {})", error.valid_up_to()))
        })?;
        let invalid = |error: serde_json::Error| InputError(format!("not valid JSON: {error}"));
        // Texts, not values: the component itself reads each instance, and refuses what is
        // ambiguous in it.
        if text.trim_start().starts_with('[') {
            let texts: Vec<Box<RawValue>> = serde_json::from_str(text).map_err(invalid)?;
            let instances = texts.into_iter().map(|text| text.get().to_owned()).collect();
            return Ok(Self { instances, is_array: true });
        }
        let text: Box<RawValue> = serde_json::from_str(text).map_err(invalid)?;
        Ok(Self { instances: vec![text.get().to_owned()], is_array: false })
    }

    /// How messages call the instance at this place.
    fn place(&self, index: usize) -> String {
        if self.is_array { format!("[{index}] ") } else { String::new() }
    }
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

/// Predicts in batches that the component accepts. Where a call as a whole fails, its instances are
/// tried one by one, so that the one at fault is alone with it.
fn predict(predictor: &mut Predictor, input: &Input) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::with_capacity(input.instances.len());
    for texts in input.instances.chunks(Limits::DEFAULT.instances) {
        let batch: Vec<_> = texts.iter().cloned().map(Instance::Json).collect();
        match predictor.predict(&batch) {
            Ok(answers) => outcomes.extend(answers),
            Err(_) if batch.len() > 1 => {
                for instance in batch {
                    outcomes.push(alone(predictor, instance));
                }
            }
            Err(error) => outcomes.push(Err(error)),
        }
    }
    Ok(outcomes)
}

fn alone(predictor: &mut Predictor, instance: Instance) -> Outcome {
    let answers = predictor.predict(&[instance])?;
    let none = || HostError::Trap { message: "one instance got no answer".into() };
    answers.into_iter().next().ok_or_else(none)?
}

/// Which bytes gave an answer.
#[derive(Serialize)]
struct Provenance<'a> {
    model: &'a str,
    version: &'a str,
    package: &'a str,
    component: String,
}

#[derive(Serialize)]
struct Failed<'a> {
    error: Described<'a>,
}

#[derive(Serialize)]
struct Described<'a> {
    class: &'static str,
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

fn print(predictor: &Predictor, input: &Input, outcomes: &[Outcome], format: Format) -> Result<()> {
    let mut out = io::stdout().lock();
    if format == Format::Table {
        return Ok(writeln!(out, "{}", table::render(predictor, outcomes))?);
    }
    let description = predictor.description();
    let provenance = serde_json::to_string(&Provenance {
        model: &description.name,
        version: &description.version,
        package: &description.package,
        component: predictor.component().digest().to_string(),
    })?;
    let texts: Vec<_> = outcomes.iter().map(|outcome| text(outcome, &provenance)).collect();
    match (format, texts.as_slice()) {
        // A single instance that failed has its message on standard error, and nothing here.
        (_, [_]) if !input.is_array && outcomes.iter().all(Result::is_err) => {}
        (Format::Jsonl, texts) => {
            for text in texts {
                writeln!(out, "{text}")?;
            }
        }
        (_, [text]) if !input.is_array => writeln!(out, "{}", json_text::indent(text))?,
        (_, texts) => {
            writeln!(out, "{}", json_text::indent(&format!("[{}]", texts.join(","))))?;
        }
    }
    Ok(out.flush()?)
}

/// The JSON text of an outcome: the component's own, with the provenance as its last key.
fn text(outcome: &Outcome, provenance: &str) -> String {
    match outcome {
        Ok(prediction) => {
            let open = prediction.json.strip_suffix('}').unwrap_or(&prediction.json);
            let comma = if open.ends_with('{') { "" } else { "," };
            format!("{open}{comma}\"provenance\":{provenance}}}")
        }
        Err(error) => {
            let error = Described {
                class: error.class().name(),
                code: error.code(),
                message: error.to_string(),
                field: error.field(),
            };
            serde_json::to_string(&Failed { error }).unwrap_or_default()
        }
    }
}

/// Tells people what failed, and the shell how it went: the worst class decides.
fn report(name: &str, input: &Input, outcomes: &[Outcome]) -> ExitCode {
    const SHOWN: usize = 5;
    let failed: Vec<_> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(index, outcome)| outcome.as_ref().err().map(|error| (index, error)))
        .collect();
    for (index, error) in failed.iter().take(SHOWN) {
        failure::say(&format!("{name}: {}{error}", input.place(*index)));
    }
    if failed.len() > 1 {
        failure::say(&format!("{name}: {} of {} instances failed", failed.len(), outcomes.len()));
    }
    let codes = failed.iter().map(|(_, error)| error.class().exit_code());
    codes.max().map_or(ExitCode::SUCCESS, ExitCode::from)
}

/// A short word for an outcome that is no prediction.
fn failed_word(error: &HostError) -> &'static str {
    match error.class() {
        Class::InvalidInput | Class::UnsupportedInput | Class::TooLarge => "bad input",
        _ => "failed",
    }
}
