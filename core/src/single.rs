//! One graph with what stands before and behind it: the whole way from an instance to what was found.

use model_package::{Limits, Manifest, Modality, Package, Role};

use crate::graph::Graph;
use crate::media::Media;
use crate::prediction::{self, Found};
use crate::rows::{no_row, split};
use crate::tabular::{self, Tabular};
use crate::{Error, Instance, Prediction, nested};

/// A model that is ready to predict, and is not made of others.
#[derive(Debug)]
pub(crate) struct Single {
    manifest: Manifest,
    front: Front,
    graph: Graph,
}

/// What stands before and behind the graph.
#[derive(Debug)]
enum Front {
    Tabular(Tabular),
    Media(Media),
    /// Nothing: an instance is the graph's inputs.
    Tensors,
}

impl Single {
    /// Prepares the graph of a package, and checks that the manifest fits it.
    pub(crate) fn load(mut package: Package, limits: &Limits) -> Result<Self, Error> {
        let (onnx, tokenizer) = (package.take_graph(), package.take_tokenizer());
        let manifest = package.manifest().clone();
        let path = manifest.file(Role::Graph).map(|entry| entry.path.clone()).unwrap_or_default();
        let graph = match manifest.task.modality() {
            Modality::Tensors => Graph::load(onnx),
            _ => Graph::load_rows(onnx),
        };
        let graph = graph.map_err(|error| error.in_file(&path))?;
        let front = match manifest.task.modality() {
            Modality::Tabular => Tabular::load(&manifest, &graph).map(Front::Tabular),
            Modality::Image | Modality::Text => {
                Media::load(&manifest, &graph, tokenizer, limits).map(Front::Media)
            }
            Modality::Tensors => nested::check(&graph).map(|()| Front::Tensors),
        };
        let front = front.map_err(|error| match error.file {
            Some(_) => error,
            None => error.in_file(model_package::MANIFEST),
        })?;
        Ok(Self { manifest, front, graph })
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What is found of each instance, in order. The outer error is for more work than `operations`.
    pub(crate) fn find(
        &self,
        instances: &[Instance],
        limits: &Limits,
        operations: u64,
    ) -> Result<Vec<Result<Found, Error>>, Error> {
        match &self.front {
            Front::Tabular(tabular) => self.find_rows(tabular, instances, limits, operations),
            Front::Media(media) => {
                let one = |instance| self.find_one(media, instance, limits, operations);
                Ok(instances.iter().map(one).collect())
            }
            Front::Tensors => {
                let (graph, manifest) = (&self.graph, &self.manifest);
                let one = |instance| nested::find(graph, instance, manifest, limits, operations);
                Ok(instances.iter().map(one).collect())
            }
        }
    }

    /// The answer for each instance, in order. Errors are those of [`Self::find`].
    pub(crate) fn predict(
        &self,
        instances: &[Instance],
        limits: &Limits,
        operations: u64,
    ) -> Result<Vec<Result<Prediction, Error>>, Error> {
        let found = self.find(instances, limits, operations)?.into_iter();
        Ok(found.map(|found| prediction::interpret(&self.manifest, found?, &[])).collect())
    }

    fn find_rows(
        &self,
        tabular: &Tabular,
        instances: &[Instance],
        limits: &Limits,
        operations: u64,
    ) -> Result<Vec<Result<Found, Error>>, Error> {
        let prepared = tabular.prepare(instances, &self.manifest, limits);
        let mut answers = tabular.run(&self.graph, &prepared.rows, operations)?.into_iter();
        let find = |about: Result<tabular::About, Error>| {
            let tabular::About { id, warnings } = about?;
            let outputs = answers.next().unwrap_or_else(|| Err(no_row()))?;
            let finding = tabular::find(&self.manifest, &outputs)?;
            Ok(Found { id, finding, outputs, warnings })
        };
        Ok(prepared.about.into_iter().map(find).collect())
    }

    fn find_one(
        &self,
        media: &Media,
        instance: &Instance,
        limits: &Limits,
        operations: u64,
    ) -> Result<Found, Error> {
        let mut sensed = media.sense(instance, &self.manifest, limits)?;
        let outputs = self.graph.run_within(std::mem::take(&mut sensed.tensors), operations)?;
        let outputs = split(&outputs, 1)?.pop().ok_or_else(no_row)?;
        let finding = sensed.find(&self.manifest, &outputs)?;
        Ok(Found { id: None, finding, outputs, warnings: sensed.warnings })
    }
}
