//! A bare ONNX file. What it takes and gives is asked from the component that will run it; whether
//! that is a table with labels or numbers to answer is inferred here.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use model_package::{Decision, GRAPH, PackageFile, ReferenceCase, Rule, ScoreSpec, Task};
use predictor_host::{Description, reference};
use prost::Message as _;

use super::draft::Draft;
use crate::args::{Package, PackageTask, Settings, Threshold};
use crate::failure::{InputError, ModelError};
use crate::onnx::external;
use crate::onnx::proto::{GraphProto, ModelProto};
use crate::runtime::Components;

mod answer;
mod npz;
mod samples;
mod table;

/// A package from the file, and what could not be inferred.
pub(super) fn draft(
    settings: &Settings,
    file: &Path,
    arguments: &Package,
) -> Result<(Draft, Vec<String>)> {
    let onnx = std::fs::read(file)
        .map_err(|error| ModelError(format!("{}: can't be read: {error}", file.display())))?;
    let onnx = external::inlined(onnx, file.parent().unwrap_or(Path::new("")))?;
    let components = Components::new(settings)?;
    let predictor = components.load(PackageFile::of_graph(GRAPH, onnx.clone())?);
    let predictor = predictor.with_context(|| file.display().to_string())?;
    let description = predictor.description();
    let graph = ModelProto::decode(onnx.as_slice()).ok().and_then(|model| model.graph);
    let graph = graph.unwrap_or_default();

    let list = |option, value: &Option<String>| {
        value.as_ref().map(|value| distinct(option, names(option, value)?)).transpose()
    };
    let lists = Lists {
        labels: list("--labels", &arguments.labels)?,
        columns: list("--columns", &arguments.columns)?,
    };
    let mut draft = Draft::new(Task::Tensors, onnx);
    let mut notes = Vec::new();
    let wanted = arguments.task;
    if wanted != Some(PackageTask::Tensors) {
        match tabular(&mut draft, description, &graph, &lists) {
            Ok(more) => notes.extend(more),
            Err(Left::Option(reason)) => return Err(InputError(reason).into()),
            Err(Left::Graph(reason)) => {
                if let Some(option) = lists.given() {
                    let message = format!(
                        "{option} is for tables, and the graph is none: {reason}; without {option} \
                         the package takes and gives the graph's own tensors"
                    );
                    return Err(InputError(message).into());
                }
                // Somebody asked for it.
                if wanted.is_some() {
                    return Err(ModelError(reason).into());
                }
                notes.push(format!(
                    "the task is tensors, the graph's own inputs and outputs: {reason}"
                ));
            }
        }
    } else if let Some(option) = lists.given() {
        let message = format!("{option} is for tables, the task is tensors");
        return Err(InputError(message).into());
    }
    if wanted.is_some_and(|wanted| wanted.task() != draft.manifest.task) {
        let (wanted, found) =
            (wanted.map_or("", |task| task.task().name()), draft.manifest.task.name());
        let message = format!("--task: the graph looks like {found}, not {wanted}");
        return Err(ModelError(message).into());
    }
    decision(&mut draft, arguments)?;
    let description = predictor.description();
    match &arguments.samples {
        Some(path) => draft.cases = samples::read(path, &draft.manifest, description)?,
        None => {
            draft.cases = vec![samples::zeros(&draft.manifest, description)?];
            notes.push(
                "the one reference case is made of zeros and empty texts; give real ones with \
                 --samples"
                    .into(),
            );
        }
    }
    let answered = components.load(draft.clone().finish()?);
    let answered = answered.context("the package that was inferred does not load")?;
    let tried = reference::answer(&answered, &draft.cases);
    if let Err(error) = tried {
        if arguments.samples.is_some() {
            let alone = |case: &&ReferenceCase| {
                reference::answer(&answered, std::slice::from_ref(*case)).is_err()
            };
            let name = draft.cases.iter().find(alone).map_or("a sample", |case| &case.name);
            return Err(error).context(format!("{name} is not answered"));
        }
        draft.cases.clear();
        notes.pop();
        notes.push(format!(
            "no reference case: zeros and empty texts are not answered ({error}); give real ones with \
             --samples"
        ));
    }
    if arguments.license == "NOASSERTION" {
        notes.push("the licence is not known; name it with --license".into());
    }
    Ok((draft, notes))
}

/// The lists of names on the command line.
struct Lists {
    labels: Option<Vec<String>>,
    columns: Option<Vec<String>>,
}

impl Lists {
    /// An option that was given.
    fn given(&self) -> Option<&'static str> {
        let options = [("--labels", self.labels.is_some()), ("--columns", self.columns.is_some())];
        options.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}

/// Names from a file, a line each or as a JSON array; or else separated by commas.
fn names(option: &str, value: &str) -> Result<Vec<String>> {
    let path = Path::new(value);
    if !path.is_file() {
        return Ok(value.split(',').map(|name| name.trim().to_owned()).collect());
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| InputError(format!("{option}: {value}: can't be read: {error}")))?;
    if text.trim_start().starts_with('[') {
        let names = serde_json::from_str(&text);
        let wrong = |_| InputError(format!("{option}: {value}: expected a JSON array of strings"));
        return Ok(names.map_err(wrong)?);
    }
    Ok(text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Each name once.
fn distinct(option: &str, names: Vec<String>) -> Result<Vec<String>> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| name.is_empty() || !seen.insert(name.as_str())) {
        None => Ok(names),
        Some(name) if name.is_empty() => {
            Err(InputError(format!("{option} has a name that is empty")).into())
        }
        Some(name) => Err(InputError(format!("{option} has the name {name:?} twice")).into()),
    }
}

/// Why a graph is left as tensors.
enum Left {
    /// It is no table.
    Graph(String),
    /// What the command line says of it does not fit.
    Option(String),
}

impl From<String> for Left {
    fn from(reason: String) -> Self {
        Self::Graph(reason)
    }
}

/// Makes the draft one of a table, if the graph is. The notes tell what was guessed.
fn tabular(
    draft: &mut Draft,
    description: &Description,
    graph: &GraphProto,
    lists: &Lists,
) -> Result<Vec<String>, Left> {
    let answer = answer::infer(&description.outputs, graph, lists.labels.as_deref())?;
    let table = table::infer(description, lists.columns.as_deref())?;
    let manifest = &mut draft.manifest;
    manifest.task = answer.task;
    manifest.output = answer.output;
    manifest.input.fields = table.fields;
    manifest.graph.inputs = table.inputs;
    Ok(answer.notes.into_iter().chain(table.notes).collect())
}

/// The score and the rules that the command line names.
fn decision(draft: &mut Draft, arguments: &Package) -> Result<()> {
    let task = draft.manifest.task;
    let output = &mut draft.manifest.output;
    let asked = !arguments.threshold.is_empty() || arguments.score.is_some();
    if task == Task::Tensors && asked {
        let message = "--threshold and --score need a table with labels or a value; this package's \
                       task is tensors";
        return Err(InputError(message.into()).into());
    }
    let label = match (&arguments.score, output.labels.as_slice()) {
        (Some(label), labels) if labels.contains(label) => Some(label.clone()),
        (Some(_), []) => {
            let message = "--score names a label, and this model has none: its score is its value";
            return Err(InputError(message.into()).into());
        }
        (Some(label), labels) => {
            let message =
                format!("--score: {label:?} is not among the labels {}", labels.join(", "));
            return Err(InputError(message).into());
        }
        (None, [_, second]) if asked => Some(second.clone()),
        (None, []) => None,
        (None, labels) if asked => {
            let message =
                format!("whose probability decides? name one with --score: {}", labels.join(", "));
            return Err(InputError(message).into());
        }
        (None, _) => None,
    };
    if label.is_some() {
        output.score = Some(ScoreSpec { name: "score".into(), label });
    }
    let rule =
        |Threshold { above, action }: &Threshold| Rule { above: *above, action: action.clone() };
    let mut rules: Vec<_> = arguments.threshold.iter().map(rule).collect();
    rules.sort_by(|a, b| b.above.total_cmp(&a.above));
    if !rules.is_empty() {
        let otherwise = arguments.otherwise.clone();
        draft.manifest.decision = Some(Decision { rules, otherwise });
    }
    Ok(())
}
