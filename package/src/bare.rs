//! A package around a bare graph: the task is `tensors`, and nothing else is said.

use crate::{
    Digest, FORMAT, FileEntry, GraphSpec, InputSpec, MANIFEST, Manifest, OutputSpec, PackageFile,
    Role, Task,
};

/// The graph's path in a package that is made of a graph alone.
pub const GRAPH: &str = "model.onnx";

impl Manifest {
    /// Of a package called `name` that has this graph as its only file, at [`GRAPH`].
    #[must_use]
    pub fn of_graph(name: &str, onnx: &[u8]) -> Self {
        Self {
            format: FORMAT.into(),
            name: name.into(),
            version: "1.0.0".into(),
            task: Task::Tensors,
            description: None,
            license: "NOASSERTION".into(),
            files: vec![FileEntry {
                path: GRAPH.into(),
                role: Role::Graph,
                size: onnx.len() as u64,
                sha256: Digest::of(onnx),
            }],
            input: InputSpec::default(),
            features: Vec::new(),
            graph: GraphSpec::default(),
            output: OutputSpec::default(),
            decision: None,
            training: None,
        }
    }
}

impl PackageFile {
    /// The files of a package called `model` with nothing but a graph.
    ///
    /// # Errors
    /// None that is known: a manifest is JSON.
    pub fn of_graph(onnx: Vec<u8>) -> serde_json::Result<Vec<Self>> {
        let manifest = serde_json::to_vec(&Manifest::of_graph("model", &onnx))?;
        Ok(vec![
            Self { path: MANIFEST.into(), content: manifest },
            Self { path: GRAPH.into(), content: onnx },
        ])
    }
}
