//! A package around a bare graph: the task is `tensors`, and nothing else is said.

use model_package::{
    Digest, FORMAT, FileEntry, GraphSpec, InputSpec, MANIFEST, Manifest, OutputSpec, PackageFile,
    Role, Task,
};

/// The graph's path in the packages that this program makes.
pub(crate) const GRAPH: &str = "model.onnx";

/// A manifest for a graph, with the graph as its only file.
pub(crate) fn manifest(onnx: &[u8], name: &str) -> Manifest {
    Manifest {
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

/// The files of a package with nothing but a graph.
pub(crate) fn package(onnx: Vec<u8>) -> serde_json::Result<Vec<PackageFile>> {
    let manifest = serde_json::to_vec(&manifest(&onnx, "model"))?;
    Ok(vec![
        PackageFile { path: MANIFEST.into(), content: manifest },
        PackageFile { path: GRAPH.into(), content: onnx },
    ])
}
