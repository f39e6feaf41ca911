//! A loaded model, be it one graph or an ensemble: what hosts call.

use model_package::{Limits, Package, PackageFile};

use crate::ensemble::Ensemble;
use crate::graph::{Graph, OPERATIONS};
use crate::single::Single;
use crate::{Error, ErrorKind, Instance, Prediction, Tensor, TensorType};

/// A model that is ready to predict.
#[derive(Debug)]
pub struct Model {
    manifest_json: String,
    package: String,
    kind: Kind,
    limits: Limits,
    /// What one call may take.
    operations: u64,
}

/// What a model is made of.
#[derive(Debug)]
enum Kind {
    Single(Box<Single>),
    Ensemble(Box<Ensemble>),
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
    /// The graph's inputs; of an ensemble those of all members, `MEMBER.INPUT`.
    pub inputs: Vec<TensorType>,
    /// The graph's outputs; of an ensemble what is combined, then `MEMBER.OUTPUT`.
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
        let package = Package::verify(files, &limits)?;
        let digest = package.digest().to_string();
        let kind = match package.manifest().ensemble {
            Some(_) => Kind::Ensemble(Box::new(Ensemble::load(package, &limits)?)),
            None => Kind::Single(Box::new(Single::load(package, &limits)?)),
        };
        Ok(Self { manifest_json, package: digest, kind, limits, operations: OPERATIONS })
    }

    /// Sets how many operations one call may take; `None` stands for [`OPERATIONS`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidModel`] if no call would be allowed: one instance takes more.
    pub fn restrict(&mut self, operations: Option<u64>) -> Result<(), Error> {
        let operations = operations.unwrap_or(OPERATIONS);
        let least = match &self.kind {
            Kind::Single(single) => single.graph().least_operations(),
            Kind::Ensemble(ensemble) => ensemble.facts().operations.unwrap_or(0),
        };
        if least > operations {
            let message = format!(
                "one instance takes at least {:.1e} operations, at most {:.1e} are allowed; allow more",
                least as f64, operations as f64
            );
            return Err(Error::model("too-much-work", message));
        }
        self.operations = operations;
        Ok(())
    }

    /// Says who the model is.
    #[must_use]
    pub fn describe(&self) -> Description {
        let (manifest, graph) = match &self.kind {
            Kind::Single(single) => (single.manifest(), GraphFacts::of(single.graph())),
            Kind::Ensemble(ensemble) => (ensemble.manifest(), ensemble.facts()),
        };
        Description {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            task: manifest.task.name(),
            package: self.package.clone(),
            inputs: graph.inputs,
            outputs: graph.outputs,
            labels: manifest.output.labels.clone(),
            operators: graph.operators,
            operations: graph.operations,
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
        match &self.kind {
            Kind::Single(single) => single.predict(instances, &self.limits, self.operations),
            Kind::Ensemble(ensemble) => ensemble.predict(instances, &self.limits, self.operations),
        }
    }

    /// Runs the graph on raw tensors.
    ///
    /// # Errors
    /// See [`crate::graph::Graph::run`]. An ensemble has no graph.
    pub fn infer(&self, inputs: Vec<Tensor>) -> Result<Vec<Tensor>, Error> {
        match &self.kind {
            Kind::Single(single) => single.graph().run_within(inputs, self.operations),
            Kind::Ensemble(_) => {
                let message = "the model is an ensemble, which has no graph of its own to give tensors to; \
                               give it an instance, or one of its members the tensors";
                Err(Error::new(ErrorKind::UnsupportedInput, "no-graph", message))
            }
        }
    }
}

/// What a description says of the graph, or of all graphs of an ensemble.
pub(crate) struct GraphFacts {
    pub(crate) inputs: Vec<TensorType>,
    pub(crate) outputs: Vec<TensorType>,
    pub(crate) operators: Vec<String>,
    pub(crate) operations: Option<u64>,
}

impl GraphFacts {
    /// Those of one graph.
    pub(crate) fn of(graph: &Graph) -> Self {
        Self {
            inputs: graph.inputs().to_vec(),
            outputs: graph.outputs().to_vec(),
            operators: graph.operators().to_vec(),
            operations: graph.operations(),
        }
    }
}

fn manifest_text(files: &[PackageFile]) -> String {
    let manifest = files.iter().find(|file| file.path == model_package::MANIFEST);
    manifest.map(|file| String::from_utf8_lossy(&file.content).into_owned()).unwrap_or_default()
}
