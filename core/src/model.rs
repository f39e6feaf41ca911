//! A loaded model: the whole way from an instance to a prediction.

use model_package::{FieldRole, Limits, Manifest, Package, PackageFile, Role, Task};

use crate::features::Features;
use crate::graph::{Graph, OPERATIONS};
use crate::instance::{FieldValue, Record};
use crate::{
    ElementType, Error, ErrorKind, Instance, Prediction, Tensor, TensorType, instance, prediction,
};

/// A model that is ready to predict.
#[derive(Debug)]
pub struct Model {
    manifest: Manifest,
    manifest_json: String,
    package: String,
    features: Features,
    graph: Graph,
    batch: Batch,
    limits: Limits,
    /// What one call may take.
    operations: u64,
}

/// How many instances the graph takes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Batch {
    Any,
    One,
}

/// Who a model is and what it takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The task.
    pub task: &'static str,
    /// The digest of the manifest, which names the whole package.
    pub package: String,
    /// The graph's inputs.
    pub inputs: Vec<TensorType>,
    /// The graph's outputs.
    pub outputs: Vec<TensorType>,
    /// The labels, in the order of the probabilities.
    pub labels: Vec<String>,
    /// The graph's operators, each once, sorted.
    pub operators: Vec<String>,
    /// The operations of one instance, open dimensions counted as 1; `None` if the work of a call
    /// can't be known before it.
    pub operations: Option<u64>,
    /// The manifest's text.
    pub manifest: String,
}

impl Model {
    /// Verifies and prepares the files of a package.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidModel`] or [`ErrorKind::UnsupportedModel`], with the file and field at
    /// fault.
    pub fn load(files: Vec<PackageFile>) -> Result<Self, Error> {
        let limits = Limits::DEFAULT;
        let manifest_json = manifest_text(&files);
        let mut package = Package::verify(files, &limits)?;
        instance::check_defaults(package.manifest())?;
        let onnx = package.take_graph();
        let manifest = package.manifest().clone();
        let path = manifest.file(Role::Graph).map(|entry| entry.path.clone()).unwrap_or_default();
        let graph = Graph::load(&onnx).map_err(|error| error.in_file(&path))?;
        drop(onnx);
        let features = Features::compile(&manifest)?;
        let batch = fits(&manifest, &features, &graph)
            .map_err(|error| error.in_file(model_package::MANIFEST))?;
        let package = package.digest().to_string();
        let operations = OPERATIONS;
        Ok(Self { manifest, manifest_json, package, features, graph, batch, limits, operations })
    }

    /// Changes how many operations one call may take.
    pub fn restrict(&mut self, operations: u64) {
        self.operations = operations;
    }

    /// Says who the model is.
    #[must_use]
    pub fn describe(&self) -> Description {
        Description {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            task: self.manifest.task.name(),
            package: self.package.clone(),
            inputs: self.graph.inputs().to_vec(),
            outputs: self.graph.outputs().to_vec(),
            labels: self.manifest.output.labels.clone(),
            operators: self.graph.operators().to_vec(),
            operations: self.graph.operations(),
            manifest: self.manifest_json.clone(),
        }
    }

    /// Predicts a batch: one result for each instance, in order. What an instance gets depends on
    /// itself alone, to the bit, and not on the batch that it comes in.
    ///
    /// # Errors
    /// The outer error is for the call: more instances, or more work, than the limits allow.
    pub fn predict(&self, instances: &[Instance]) -> Result<Vec<Result<Prediction, Error>>, Error> {
        let limit = self.limits.instances;
        if instances.len() > limit {
            let message = format!(
                "{} instances in one call, at most {limit} are accepted; split them",
                instances.len()
            );
            return Err(Error::new(ErrorKind::TooLarge, "too-many-instances", message));
        }
        let mut rows = Vec::with_capacity(instances.len() * self.features.width());
        let prepared: Vec<_> =
            instances.iter().map(|instance| self.prepare(instance, &mut rows)).collect();
        let mut answers = self.run(&rows)?.into_iter();
        let finish = |prepared: Result<Prepared, Error>| {
            let prepared = prepared?;
            let row = answers.next().unwrap_or_else(|| Err(no_row()))?;
            self.interpret(prepared, row)
        };
        Ok(prepared.into_iter().map(finish).collect())
    }

    /// Runs the graph on raw tensors.
    ///
    /// # Errors
    /// See [`Graph::run`].
    pub fn infer(&self, inputs: Vec<Tensor>) -> Result<Vec<Tensor>, Error> {
        self.graph.run_within(inputs, self.operations)
    }

    /// Reads one instance and appends its features to `rows`; on failure `rows` is as it was.
    fn prepare(&self, instance: &Instance, rows: &mut Vec<f32>) -> Result<Prepared, Error> {
        let record = instance::read(instance, &self.manifest, &self.limits)?;
        let start = rows.len();
        if let Err(error) = self.features.evaluate(&record, rows) {
            rows.truncate(start);
            return Err(error);
        }
        Ok(Prepared { id: self.id_of(&record), warnings: record.warnings })
    }

    fn id_of(&self, record: &Record) -> Option<String> {
        let fields = self.manifest.input.fields.iter().zip(&record.values);
        fields.into_iter().find_map(|(field, value)| match (field.role, value) {
            (Some(FieldRole::Id), FieldValue::Text(text)) => Some(text.clone()),
            _ => None,
        })
    }

    /// Runs the rows through the graph: all at once where it can, and one by one where the graph
    /// takes one, or where a row spoils the batch.
    fn run(&self, rows: &[f32]) -> Result<Vec<Result<Vec<Tensor>, Error>>, Error> {
        let width = self.features.width();
        let count = rows.len() / width.max(1);
        if self.batch == Batch::Any && count > 1 {
            match self.run_together(rows, count) {
                Ok(answers) => return Ok(answers.into_iter().map(Ok).collect()),
                // One by one it would be as much.
                Err(error) if error.kind == ErrorKind::TooLarge => return Err(error),
                Err(_) => {}
            }
        }
        let each = rows.chunks_exact(width.max(1));
        Ok(each.map(|row| self.run_together(row, 1)?.pop().ok_or_else(no_row)).collect())
    }

    fn run_together(&self, rows: &[f32], count: usize) -> Result<Vec<Vec<Tensor>>, Error> {
        let Some(input) = self.graph.inputs().first() else {
            return Ok(Vec::new());
        };
        let rows = Tensor {
            name: input.name.clone(),
            element_type: ElementType::Float32,
            shape: vec![count, self.features.width()],
            data: rows.iter().flat_map(|value| value.to_le_bytes()).collect(),
        };
        let outputs = self.graph.run_within(vec![rows], self.operations)?;
        split(&outputs, count)
    }

    fn interpret(&self, prepared: Prepared, outputs: Vec<Tensor>) -> Result<Prediction, Error> {
        let Prepared { id, warnings } = prepared;
        let name = answer_output(&self.manifest);
        let answer = outputs.iter().find(|tensor| tensor.name == name);
        let bytes = answer.map_or(&[][..], |tensor| tensor.data.as_slice());
        let values: Vec<f32> =
            bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let expected = self.manifest.output.labels.len().max(1);
        if values.len() != expected {
            let found = values.len();
            let message =
                format!("{name}: expected {expected} numbers for an instance, found {found}");
            return Err(Error::new(ErrorKind::InferenceFailed, "unexpected-output", message));
        }
        prediction::interpret(&self.manifest, id, &values, outputs, warnings)
    }
}

/// What is known of an instance besides its features.
struct Prepared {
    id: Option<String>,
    warnings: Vec<String>,
}

fn no_row() -> Error {
    let message = "the graph gave fewer rows than it was given";
    Error::new(ErrorKind::InferenceFailed, "unexpected-output", message)
}

fn manifest_text(files: &[PackageFile]) -> String {
    let manifest = files.iter().find(|file| file.path == model_package::MANIFEST);
    manifest.map(|file| String::from_utf8_lossy(&file.content).into_owned()).unwrap_or_default()
}

/// The output that answers are read from.
fn answer_output(manifest: &Manifest) -> &str {
    let output = &manifest.output;
    match manifest.task {
        Task::TabularClassification => output.probabilities.as_deref(),
        Task::TabularRegression => output.value.as_deref(),
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
        Task::TabularClassification => "output.probabilities",
        Task::TabularRegression => "output.value",
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

/// Cuts outputs along the batch dimension.
fn split(outputs: &[Tensor], count: usize) -> Result<Vec<Vec<Tensor>>, Error> {
    let mut rows: Vec<Vec<Tensor>> =
        (0..count).map(|_| Vec::with_capacity(outputs.len())).collect();
    for tensor in outputs {
        if tensor.shape.first() != Some(&count) {
            let (name, shape) = (&tensor.name, &tensor.shape);
            let message = format!("{name}: expected {count} rows, found the shape {shape:?}");
            return Err(Error::new(ErrorKind::InferenceFailed, "unexpected-output", message));
        }
        let mut data = tensor.data.as_slice();
        for row in &mut rows {
            let length = row_length(tensor, data, count).ok_or_else(no_row)?;
            let (head, tail) = data.split_at_checked(length).ok_or_else(no_row)?;
            data = tail;
            row.push(Tensor {
                name: tensor.name.clone(),
                element_type: tensor.element_type,
                shape: tensor.shape.get(1..).unwrap_or_default().to_vec(),
                data: head.to_vec(),
            });
        }
    }
    Ok(rows)
}

/// How many bytes the next row of a tensor takes.
fn row_length(tensor: &Tensor, rest: &[u8], count: usize) -> Option<usize> {
    if tensor.element_type != ElementType::String {
        // Rows of elements smaller than a byte may share one.
        let whole = tensor.data.len().is_multiple_of(count);
        return whole.then(|| tensor.data.len() / count.max(1));
    }
    let elements: usize = tensor.shape.get(1..)?.iter().product();
    let mut length = 0_usize;
    for _ in 0..elements {
        let prefix = rest.get(length..)?.first_chunk::<4>()?;
        length = length.checked_add(4)?.checked_add(u32::from_le_bytes(*prefix) as usize)?;
    }
    Some(length)
}
