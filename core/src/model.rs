//! A loaded model: the whole way from an instance to a prediction.

use model_package::{Limits, Manifest, Modality, Package, PackageFile, Role};

use crate::graph::{Graph, OPERATIONS};
use crate::media::Media;
use crate::rows::{no_row, split};
use crate::tabular::{self, Tabular};
use crate::{Error, ErrorKind, Instance, Prediction, Tensor, TensorType, nested, prediction};

/// A model that is ready to predict.
#[derive(Debug)]
pub struct Model {
    manifest: Manifest,
    manifest_json: String,
    package: String,
    front: Front,
    graph: Graph,
    limits: Limits,
    /// What one call may take.
    operations: u64,
}

/// What stands before and behind the graph.
#[derive(Debug)]
enum Front {
    Tabular(Tabular),
    Media(Media),
    /// Nothing: an instance is the graph's inputs.
    Tensors,
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
        let (onnx, tokenizer) = (package.take_graph(), package.take_tokenizer());
        let manifest = package.manifest().clone();
        let path = manifest.file(Role::Graph).map(|entry| entry.path.clone()).unwrap_or_default();
        let graph = Graph::load(&onnx).map_err(|error| error.in_file(&path))?;
        drop(onnx);
        let front = match manifest.task.modality() {
            Modality::Tabular => Tabular::load(&manifest, &graph).map(Front::Tabular),
            Modality::Image | Modality::Text => {
                Media::load(&manifest, &graph, tokenizer, &limits).map(Front::Media)
            }
            Modality::Tensors => nested::check(&graph).map(|()| Front::Tensors),
        };
        let front = front.map_err(|error| match error.file {
            Some(_) => error,
            None => error.in_file(model_package::MANIFEST),
        })?;
        let package = package.digest().to_string();
        let operations = OPERATIONS;
        Ok(Self { manifest, manifest_json, package, front, graph, limits, operations })
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
        match &self.front {
            Front::Tabular(tabular) => self.predict_rows(tabular, instances),
            Front::Media(media) => {
                Ok(instances.iter().map(|instance| self.predict_one(media, instance)).collect())
            }
            Front::Tensors => {
                let (graph, manifest, limits) = (&self.graph, &self.manifest, &self.limits);
                let one =
                    |instance| nested::predict(graph, instance, manifest, limits, self.operations);
                Ok(instances.iter().map(one).collect())
            }
        }
    }

    /// Runs the graph on raw tensors.
    ///
    /// # Errors
    /// See [`Graph::run`].
    pub fn infer(&self, inputs: Vec<Tensor>) -> Result<Vec<Tensor>, Error> {
        self.graph.run_within(inputs, self.operations)
    }

    fn predict_rows(
        &self,
        tabular: &Tabular,
        instances: &[Instance],
    ) -> Result<Vec<Result<Prediction, Error>>, Error> {
        let prepared = tabular.prepare(instances, &self.manifest, &self.limits);
        let mut answers = tabular.run(&self.graph, &prepared.rows, self.operations)?.into_iter();
        let finish = |about: Result<tabular::About, Error>| {
            let tabular::About { id, warnings } = about?;
            let outputs = answers.next().unwrap_or_else(|| Err(no_row()))?;
            let finding = tabular::find(&self.manifest, &outputs)?;
            prediction::interpret(&self.manifest, id, finding, outputs, warnings)
        };
        Ok(prepared.about.into_iter().map(finish).collect())
    }

    fn predict_one(&self, media: &Media, instance: &Instance) -> Result<Prediction, Error> {
        let mut sensed = media.sense(instance, &self.manifest, &self.limits)?;
        let outputs =
            self.graph.run_within(std::mem::take(&mut sensed.tensors), self.operations)?;
        let outputs = split(&outputs, 1)?.pop().ok_or_else(no_row)?;
        let finding = sensed.find(&self.manifest, &outputs)?;
        prediction::interpret(&self.manifest, None, finding, outputs, sensed.warnings)
    }
}

fn manifest_text(files: &[PackageFile]) -> String {
    let manifest = files.iter().find(|file| file.path == model_package::MANIFEST);
    manifest.map(|file| String::from_utf8_lossy(&file.content).into_owned()).unwrap_or_default()
}
