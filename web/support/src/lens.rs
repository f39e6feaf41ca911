//! What a graph is given, made visible.
//!
//! The component gives out what a graph answers, not what it was fed. So a package is made here
//! with the same preparation of the input in front of a graph that hands its input through: the
//! component itself then says, to the bit, which pixels or tokens the model sees.

use std::collections::BTreeMap;

use model_package::{
    Digest, FORMAT, FileEntry, GraphInputSource, GraphSpec, MANIFEST, Manifest, Modality,
    OutputSpec, PackageFile, Role, Task,
};

use crate::onnx::{self, FLOAT};

/// The files of the lens of a package.
pub(crate) fn package(
    of: &Manifest,
    tokenizer: Option<&[u8]>,
    element_type: u32,
    shape: &[String],
) -> Result<Vec<PackageFile>, String> {
    let (task, source) = match of.task.modality() {
        Modality::Image => (Task::ImageClassification, GraphInputSource::Pixels),
        Modality::Text => (Task::TextClassification, GraphInputSource::InputIds),
        _ => return Err("the model has no picture and no tokens".into()),
    };
    let input = of.graph.inputs.iter().find(|input| input.from == source);
    let input = input.ok_or("the graph has no such input")?;
    let mut files = vec![PackageFile {
        path: "model.onnx".into(),
        content: graph(&input.name, element_type, shape),
    }];
    let tokenizer = tokenizer.filter(|_| task == Task::TextClassification);
    files.extend(
        tokenizer.map(|content| PackageFile {
            path: "tokenizer.json".into(),
            content: content.to_vec(),
        }),
    );
    let manifest = Manifest {
        format: FORMAT.into(),
        name: "lens".into(),
        task,
        files: files.iter().map(entry).collect(),
        graph: GraphSpec { inputs: vec![input.clone()] },
        output: OutputSpec {
            labels: vec!["first".into(), "second".into()],
            probabilities: Some("probabilities".into()),
            ..OutputSpec::default()
        },
        decision: None,
        training: None,
        ..of.clone()
    };
    let content = serde_json::to_vec(&manifest).map_err(|error| error.to_string())?;
    files.push(PackageFile { path: MANIFEST.into(), content });
    Ok(files)
}

fn entry(file: &PackageFile) -> FileEntry {
    FileEntry {
        path: file.path.clone(),
        role: if file.path == "model.onnx" { Role::Graph } else { Role::Tokenizer },
        size: file.content.len() as u64,
        sha256: Digest::of(&file.content),
    }
}

/// Hands its input through as `seen`. A classification needs probabilities: two equal ones that
/// mean nothing.
fn graph(input: &str, element_type: u32, shape: &[String]) -> Vec<u8> {
    let rows = shape.first().cloned().unwrap_or_else(|| "N".into());
    let nodes = vec![
        onnx::node("Identity", &[input], "seen", &[]),
        onnx::node("Cast", &[input], "floats", &[("to", &[u64::from(FLOAT)])]),
        onnx::node("Flatten", &["floats"], "flat", &[("axis", &[1])]),
        onnx::node("ReduceMax", &["flat"], "most", &[("axes", &[1]), ("keepdims", &[1])]),
        onnx::node("Concat", &["most", "most"], "pair", &[("axis", &[1])]),
        onnx::node("Softmax", &["pair"], "probabilities", &[("axis", &[1])]),
    ];
    let inputs = vec![onnx::value(input, element_type, shape)];
    let outputs = vec![
        onnx::value("probabilities", FLOAT, &[rows, "2".into()]),
        onnx::value("seen", element_type, shape),
    ];
    onnx::model(nodes, inputs, outputs)
}

/// The vocabulary of a `tokenizer.json`: the text of each token by its number.
pub(crate) fn vocabulary(tokenizer: &[u8]) -> BTreeMap<i32, String> {
    let document: serde_json::Value = serde_json::from_slice(tokenizer).unwrap_or_default();
    let mut vocabulary = BTreeMap::new();
    let mut add = |id: Option<i64>, text: &str| {
        if let Some(id) = id.and_then(|id| i32::try_from(id).ok()) {
            vocabulary.insert(id, text.to_owned());
        }
    };
    match document.pointer("/model/vocab") {
        Some(serde_json::Value::Object(words)) => {
            words.iter().for_each(|(text, id)| add(id.as_i64(), text));
        }
        // Unigram models list pairs of a text and its weight.
        Some(serde_json::Value::Array(pairs)) => {
            for (id, pair) in pairs.iter().enumerate() {
                add(
                    i64::try_from(id).ok(),
                    pair.pointer("/0").and_then(|it| it.as_str()).unwrap_or(""),
                );
            }
        }
        _ => {}
    }
    let added = document.pointer("/added_tokens").and_then(|it| it.as_array());
    for token in added.into_iter().flatten() {
        let text = token.get("content").and_then(|it| it.as_str()).unwrap_or("");
        add(token.get("id").and_then(serde_json::Value::as_i64), text);
    }
    vocabulary
}
