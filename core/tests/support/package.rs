//! Model packages in memory.

use inference_core::{Error, Instance, Model, Prediction, Tensor};
use model_package::{Digest, GRAPH, PackageFile};
use serde_json::{Value, json};
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::onnx::{encode, input, int, integers, model, node, with};

/// A package whose sizes and digests are filled in when it is loaded.
#[derive(Clone)]
pub struct Draft {
    pub manifest: Value,
    pub graph: Vec<u8>,
}

impl Draft {
    /// A manifest with these fields and features, around this graph. The rest is a regression that
    /// reads the output `value`.
    pub fn new(fields: Value, features: Value, graph: &ModelProto) -> Self {
        let manifest = json!({
            "format": "samebits/1",
            "name": "example",
            "version": "1.2.3",
            "task": "tabular-regression",
            "license": "Apache-2.0",
            "files": [],
            "input": { "fields": fields },
            "features": features,
            "graph": { "inputs": [{ "name": "x", "from": "features" }] },
            "output": { "value": "value" },
        });
        Self { manifest, graph: encode(graph) }
    }

    /// The same draft with another value at a path such as `/output/value`.
    pub fn with(mut self, path: &str, value: Value) -> Self {
        let (parent, key) = path.rsplit_once('/').unwrap();
        self.manifest.pointer_mut(parent).unwrap()[key] = value;
        self
    }

    pub fn files(mut self) -> Vec<PackageFile> {
        self.manifest["files"] = json!([{
            "path": "model.onnx",
            "role": "graph",
            "size": self.graph.len(),
            "sha256": Digest::of(&self.graph).to_string(),
        }]);
        let manifest = serde_json::to_vec_pretty(&self.manifest).unwrap();
        [("manifest.json", manifest), ("model.onnx", self.graph)]
            .map(|(path, content)| PackageFile { path: path.into(), content })
            .into()
    }

    pub fn load(self) -> Result<Model, Error> {
        Model::load(self.files())
    }
}

/// Loads a package of these files: path, role and content. `files` of the manifest is filled in.
pub fn load(mut manifest: Value, files: &[(&str, &str, Vec<u8>)]) -> Result<Model, Error> {
    let entry = |(path, role, content): &(&str, &str, Vec<u8>)| {
        let sha256 = Digest::of(content).to_string();
        json!({ "path": path, "role": role, "size": content.len(), "sha256": sha256 })
    };
    manifest["files"] = files.iter().map(entry).collect();
    let file = |(path, _, content): &(&str, &str, Vec<u8>)| PackageFile {
        path: (*path).into(),
        content: content.clone(),
    };
    let mut files: Vec<_> = files.iter().map(file).collect();
    let content = serde_json::to_vec(&manifest).unwrap();
    files.push(PackageFile { path: "manifest.json".into(), content });
    Model::load(files)
}

/// The files of an ensemble: a manifest whose `files` is filled in, around members by their names.
pub fn ensemble(mut manifest: Value, members: Vec<(&str, Vec<PackageFile>)>) -> Vec<PackageFile> {
    let inside = members.into_iter().flat_map(|(name, files)| {
        let path = move |path| format!("members/{name}/{path}");
        files.into_iter().map(move |file| PackageFile { path: path(file.path), ..file })
    });
    let mut files: Vec<_> = inside.collect();
    let entry = |file: &PackageFile| {
        let sha256 = Digest::of(&file.content).to_string();
        json!({ "path": file.path, "role": "member", "size": file.content.len(), "sha256": sha256 })
    };
    manifest["files"] = files.iter().map(entry).collect();
    let content = serde_json::to_vec(&manifest).unwrap();
    files.push(PackageFile { path: "manifest.json".into(), content });
    files
}

/// Loads a package of a graph alone, whose task is `tensors`.
pub fn load_bare(onnx: Vec<u8>) -> Result<Model, Error> {
    Model::load(PackageFile::of_graph(GRAPH, onnx).unwrap())
}

/// Predicts one instance of any kind.
pub fn answer(model: &Model, instance: Instance) -> Result<Prediction, Error> {
    model.predict(&[instance]).unwrap().remove(0)
}

/// A graph that gives its `columns` features back as `features`, and the first as `value`.
pub fn echo(columns: usize) -> ModelProto {
    let first = with(node("Gather", &["x", "zero"], &["value"]), [int("axis", 1)]);
    model(
        vec![node("Identity", &["x"], &["features"]), first],
        vec![input("x", DataType::Float, &["N", &columns.to_string()])],
        &["value", "features"],
        vec![integers("zero", &[1], &[0])],
    )
}

/// Predicts one instance.
pub fn predict(model: &Model, instance: &str) -> Result<Prediction, Error> {
    let mut answers = model.predict(&[Instance::Json(instance.into())]).unwrap();
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

/// The elements of a tensor of float32.
pub fn elements(tensor: &Tensor) -> Vec<f32> {
    tensor.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The output of this name.
pub fn output<'a>(prediction: &'a Prediction, name: &str) -> &'a Tensor {
    prediction.outputs.iter().find(|output| output.name == name).unwrap()
}
