//! Models of rows: from JSON objects to the graph's inputs, and the graph run on as many at once as
//! it takes.

mod inputs;

use model_package::{FieldRole, Limits, Manifest, Task};

use crate::graph::Graph;
use crate::instance::{Defaults, FieldValue, Reader};
use crate::prediction::Finding;
use crate::rows::{no_row, split};
use crate::{ElementType, Error, ErrorKind, Instance, Tensor, TensorType, instance};

use inputs::{Batch, Inputs, Rows};

/// What stands before and behind the graph.
#[derive(Debug)]
pub(crate) struct Tabular {
    inputs: Inputs,
    defaults: Defaults,
    batch: Batch,
}

/// Instances that are ready for the graph.
pub(crate) struct Prepared {
    /// What enters the graph of those that passed every check.
    pub(crate) rows: Rows,
    /// What is known of each instance besides, or what is wrong with it.
    pub(crate) about: Vec<Result<About, Error>>,
}

/// What is known of an instance besides what enters the graph.
pub(crate) struct About {
    pub(crate) id: Option<String>,
    pub(crate) warnings: Vec<String>,
}

impl Tabular {
    /// Checks that the manifest fits the graph.
    pub(crate) fn load(manifest: &Manifest, graph: &Graph) -> Result<Self, Error> {
        let defaults = instance::defaults(manifest)?;
        let (inputs, batch) = Inputs::load(manifest, graph)?;
        answer_fits(manifest, graph)?;
        Ok(Self { inputs, defaults, batch })
    }

    /// Reads instances.
    pub(crate) fn prepare(
        &self,
        instances: &[Instance],
        manifest: &Manifest,
        limits: &Limits,
    ) -> Prepared {
        let mut rows = Rows::default();
        let mut reader = Reader::new(manifest, limits, &self.defaults);
        let prepare = |instance| {
            let warnings = reader.read(instance)?;
            self.inputs.append(reader.values(), &mut rows)?;
            Ok(About { id: id_of(manifest, reader.values()), warnings })
        };
        let about = instances.iter().map(prepare).collect();
        Prepared { rows, about }
    }

    /// Runs the rows through the graph: all at once where it can, and one by one where the graph
    /// takes one, or where a row spoils the batch. Fails if all at once is more than `operations`.
    pub(crate) fn run(
        &self,
        graph: &Graph,
        rows: &Rows,
        operations: u64,
    ) -> Result<Vec<Result<Vec<Tensor>, Error>>, Error> {
        let count = rows.count();
        let run = |first, count| {
            let outputs = graph.run_within(self.inputs.tensors(rows, first, count), operations)?;
            split(&outputs, count)
        };
        if self.batch == Batch::Any && count > 1 {
            match run(0, count) {
                Ok(answers) => return Ok(answers.into_iter().map(Ok).collect()),
                // One by one it would be as much.
                Err(error) if error.kind == ErrorKind::TooLarge => return Err(error),
                Err(_) => {}
            }
        }
        Ok((0..count).map(|row| run(row, 1)?.pop().ok_or_else(no_row)).collect())
    }
}

/// What the outputs of one instance say.
pub(crate) fn find(manifest: &Manifest, outputs: &[Tensor]) -> Result<Finding, Error> {
    let name = answer_output(manifest);
    let answer = outputs.iter().find(|tensor| tensor.name == name);
    let bytes = answer.map_or(&[][..], |tensor| tensor.data.as_slice());
    let double = answer.is_some_and(|tensor| tensor.element_type == ElementType::Float64);
    let values: Vec<f32> = if double {
        bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32).collect()
    } else {
        bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let expected = manifest.output.labels.len().max(1);
    if values.len() != expected {
        let found = values.len();
        let message = format!("{name}: expected {expected} numbers for an instance, found {found}");
        return Err(Error::new(ErrorKind::InferenceFailed, "unexpected-output", message));
    }
    match (manifest.task, values.as_slice()) {
        (Task::TabularRegression, [value]) => Ok(Finding::Value(*value)),
        _ => Ok(Finding::Labels(values)),
    }
}

fn id_of(manifest: &Manifest, values: &[FieldValue<'_>]) -> Option<String> {
    let mut fields = manifest.input.fields.iter().zip(values);
    fields.find_map(|(field, value)| match (field.role, value) {
        (Some(FieldRole::Id), FieldValue::Text(text)) => Some(text.to_string()),
        _ => None,
    })
}

/// The output that answers are read from.
fn answer_output(manifest: &Manifest) -> &str {
    let output = &manifest.output;
    match manifest.task {
        Task::TabularRegression => output.value.as_deref(),
        _ => output.probabilities.as_deref(),
    }
    .unwrap_or_default()
}

fn names(types: &[TensorType]) -> String {
    types.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn mismatch(field: impl Into<String>, message: String) -> Error {
    Error::model("graph-mismatch", message).at(field)
}

/// Whether the graph gives what the manifest reads answers from.
fn answer_fits(manifest: &Manifest, graph: &Graph) -> Result<(), Error> {
    let name = answer_output(manifest);
    let field = match manifest.task {
        Task::TabularRegression => "output.value",
        _ => "output.probabilities",
    };
    let Some(output) = graph.outputs().iter().find(|output| output.name == name) else {
        let message =
            format!("the graph has no output {name:?}, its outputs are {}", names(graph.outputs()));
        return Err(mismatch(field, message));
    };
    if !matches!(output.element_type, ElementType::Float32 | ElementType::Float64) {
        let found = output.element_type;
        let message = format!("the output {name:?} is {found}, expected float32 or float64");
        return Err(mismatch(field, message));
    }
    let columns = output.shape.get(1).and_then(|columns| columns.parse::<usize>().ok());
    let labels = manifest.output.labels.len().max(1);
    match columns {
        Some(columns) if columns != labels => {
            let message = format!(
                "the output {name:?} has {columns} columns, the manifest has {labels} labels"
            );
            Err(mismatch("output.labels", message))
        }
        _ => Ok(()),
    }
}
