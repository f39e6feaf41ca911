//! Models of rows: from JSON objects to features, and the graph run on as many at once as it takes.

use model_package::{FieldRole, Limits, Manifest, Task};

use crate::features::Features;
use crate::graph::Graph;
use crate::instance::{Defaults, FieldValue, Reader};
use crate::prediction::Finding;
use crate::rows::{no_row, split};
use crate::{ElementType, Error, ErrorKind, Instance, Tensor, TensorType, instance};

/// What stands before and behind the graph.
#[derive(Debug)]
pub(crate) struct Tabular {
    features: Features,
    defaults: Defaults,
    batch: Batch,
}

/// How many instances the graph takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Batch {
    Any,
    One,
}

/// Instances that are ready for the graph.
pub(crate) struct Prepared {
    /// The features of those that passed every check, one row after the other.
    pub(crate) rows: Vec<f32>,
    /// What is known of each instance besides its features, or what is wrong with it.
    pub(crate) about: Vec<Result<About, Error>>,
}

/// What is known of an instance besides its features.
pub(crate) struct About {
    pub(crate) id: Option<String>,
    pub(crate) warnings: Vec<String>,
}

impl Tabular {
    /// Compiles the manifest's features, and checks that they fit the graph.
    pub(crate) fn load(manifest: &Manifest, graph: &Graph) -> Result<Self, Error> {
        let defaults = instance::defaults(manifest)?;
        let features = Features::compile(manifest)?;
        let batch = fits(manifest, &features, graph)?;
        Ok(Self { features, defaults, batch })
    }

    /// Reads instances and computes their features.
    pub(crate) fn prepare(
        &self,
        instances: &[Instance],
        manifest: &Manifest,
        limits: &Limits,
    ) -> Prepared {
        let mut rows = Vec::with_capacity(instances.len() * self.features.width());
        let mut reader = Reader::new(manifest, limits, &self.defaults);
        let mut done = Vec::new();
        let prepare = |instance| {
            let warnings = reader.read(instance)?;
            let start = rows.len();
            if let Err(error) = self.features.evaluate(reader.values(), &mut done, &mut rows) {
                rows.truncate(start);
                return Err(error);
            }
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
        rows: &[f32],
        operations: u64,
    ) -> Result<Vec<Result<Vec<Tensor>, Error>>, Error> {
        let width = self.features.width();
        let count = rows.len() / width.max(1);
        let run = |rows: &[f32], count| self.run_together(graph, rows, count, operations);
        if self.batch == Batch::Any && count > 1 {
            match run(rows, count) {
                Ok(answers) => return Ok(answers.into_iter().map(Ok).collect()),
                // One by one it would be as much.
                Err(error) if error.kind == ErrorKind::TooLarge => return Err(error),
                Err(_) => {}
            }
        }
        let each = rows.chunks_exact(width.max(1));
        Ok(each.map(|row| run(row, 1)?.pop().ok_or_else(no_row)).collect())
    }

    fn run_together(
        &self,
        graph: &Graph,
        rows: &[f32],
        count: usize,
        operations: u64,
    ) -> Result<Vec<Vec<Tensor>>, Error> {
        let Some(input) = graph.inputs().first() else {
            return Ok(Vec::new());
        };
        let rows = Tensor {
            name: input.name.clone(),
            element_type: ElementType::Float32,
            shape: vec![count, self.features.width()],
            data: rows.iter().map(|value| value.to_le_bytes()).collect::<Vec<_>>().into_flattened(),
        };
        let outputs = graph.run_within(vec![rows], operations)?;
        split(&outputs, count)
    }
}

/// What the outputs of one instance say.
pub(crate) fn find(manifest: &Manifest, outputs: &[Tensor]) -> Result<Finding, Error> {
    let name = answer_output(manifest);
    let answer = outputs.iter().find(|tensor| tensor.name == name);
    let bytes = answer.map_or(&[][..], |tensor| tensor.data.as_slice());
    let values: Vec<f32> =
        bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
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

/// Whether graph and manifest speak of the same tensors.
fn fits(manifest: &Manifest, features: &Features, graph: &Graph) -> Result<Batch, Error> {
    let wrong = |field: &str, message: String| Error::model("graph-mismatch", message).at(field);
    let names =
        |types: &[TensorType]| types.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ");
    let declared = manifest.graph.inputs.first().map_or("", |input| input.name.as_str());
    let [input] = graph.inputs() else {
        let message =
            format!("the manifest fills one input, the graph has {}", names(graph.inputs()));
        return Err(wrong("graph.inputs", message));
    };
    if input.name != declared {
        let message = format!("the graph has no input {declared:?}, its input is {:?}", input.name);
        return Err(wrong("graph.inputs[0].name", message));
    }
    let width = features.width().to_string();
    let batch = match input.shape.as_slice() {
        [batch, columns] if *columns == width || columns.parse::<usize>().is_err() => {
            if batch.parse::<usize>().is_err() { Batch::Any } else { Batch::One }
        }
        found => {
            let message = format!(
                "the graph's input {declared:?} has the shape [{}], the manifest fills [N, {width}]",
                found.join(", ")
            );
            return Err(wrong("features", message));
        }
    };
    if batch == Batch::One && input.shape.first().is_some_and(|first| first != "1") {
        let message = format!(
            "the graph takes batches of {} only; export it with an open batch dimension",
            input.shape.join(" x ")
        );
        return Err(wrong("graph.inputs[0]", message));
    }
    if input.element_type != ElementType::Float32 {
        let message = format!(
            "the graph's input {declared:?} is {}, features are float32",
            input.element_type
        );
        return Err(wrong("graph.inputs[0]", message));
    }
    let name = answer_output(manifest);
    let field = match manifest.task {
        Task::TabularRegression => "output.value",
        _ => "output.probabilities",
    };
    let Some(output) = graph.outputs().iter().find(|output| output.name == name) else {
        let message =
            format!("the graph has no output {name:?}, its outputs are {}", names(graph.outputs()));
        return Err(wrong(field, message));
    };
    if output.element_type != ElementType::Float32 {
        let message = format!("the output {name:?} is {}, expected float32", output.element_type);
        return Err(wrong(field, message));
    }
    let columns = output.shape.get(1).and_then(|columns| columns.parse::<usize>().ok());
    let labels = manifest.output.labels.len().max(1);
    match columns {
        Some(columns) if columns != labels => {
            let message = format!(
                "the output {name:?} has {columns} columns, the manifest has {labels} labels"
            );
            Err(wrong("output.labels", message))
        }
        _ => Ok(batch),
    }
}
