//! A sound package, for tests to break.

use model_package::{Digest, Limits, Package, PackageError, PackageFile};
use serde_json::{Value, json};

/// Bytes that stand for a graph: this crate knows nothing of ONNX.
pub const GRAPH: &[u8] = b"not really a graph";

/// A manifest that uses every part of the format.
pub fn manifest() -> Value {
    json!({
        "format": "samebits/1",
        "name": "fraud",
        "version": "1.4.0-rc.1",
        "task": "tabular-classification",
        "description": "An example",
        "license": "Apache-2.0",
        "files": [
            entry("model.onnx", "graph", GRAPH),
            entry("cases/reference.json", "reference-cases", &cases()),
        ],
        "input": { "fields": [
            { "name": "id", "type": "string", "role": "id", "max_length": 64 },
            { "name": "amount", "type": "number", "min": 0, "max": 1e6, "training_range": [1, 99], "unit": "EUR" },
            { "name": "count", "type": "integer", "min": 0, "default": 3 },
            { "name": "flag", "type": "boolean", "default": true, "sensitive": true },
            { "name": "kind", "type": "category", "values": ["red", "green"], "default": "red" },
            { "name": "other", "type": "string", "max_length": 4, "default": "", "description": "Anything" },
            { "name": "at", "type": "timestamp", "default": "2026-03-14T02:11:09Z" },
        ]},
        "features": [
            { "name": "amount", "op": "value", "of": "amount" },
            { "name": "log", "op": "log1p", "of": "amount", "internal": true },
            { "name": "ratio", "op": "ratio", "of": "log", "to": "count", "plus": 1, "otherwise": 0 },
            { "name": "difference", "op": "difference", "of": "ratio", "minus": "flag" },
            { "name": "product", "op": "product", "of": "ratio", "by": "difference" },
            { "name": "clip", "op": "clip", "of": "product", "min": 0, "max": 0 },
            { "name": "hour", "op": "hour", "of": "at" },
            { "name": "weekday", "op": "weekday", "of": "at" },
            { "name": "weekend", "op": "weekend", "of": "at" },
            { "name": "night", "op": "hour_between", "of": "at", "from": 22, "until": 5 },
            { "name": "red", "op": "is", "of": "kind", "value": "red" },
            { "name": "same", "op": "same", "of": "kind", "as": "other" },
            { "name": "code", "op": "code", "of": "kind" },
        ],
        "graph": { "inputs": [{ "name": "x", "from": "features" }] },
        "output": {
            "labels": ["genuine", "fraud"],
            "probabilities": "probabilities",
            "score": { "name": "probability", "label": "fraud" },
        },
        "decision": {
            "rules": [{ "above": 0.8, "action": "block" }, { "above": 0.5, "action": "review" }],
            "otherwise": "allow",
        },
        "training": {
            "data": "Simulated",
            "period": "2025",
            "metrics": { "auc": 0.9 },
            "libraries": { "xgboost": "3.2.0" },
        },
    })
}

/// The content of the reference cases.
pub fn cases() -> Vec<u8> {
    let case = json!({ "name": "one", "input": { "amount": 1 } });
    json!({ "cases": [case] }).to_string().into_bytes()
}

/// An entry of `files`.
pub fn entry(path: &str, role: &str, content: &[u8]) -> Value {
    let sha256 = Digest::of(content).to_string();
    json!({ "path": path, "role": role, "size": content.len(), "sha256": sha256 })
}

pub fn file(path: &str, content: &[u8]) -> PackageFile {
    PackageFile { path: path.into(), content: content.into() }
}

/// The files of the sound package.
pub fn files() -> Vec<PackageFile> {
    vec![
        file("manifest.json", &serde_json::to_vec_pretty(&manifest()).unwrap()),
        file("model.onnx", GRAPH),
        file("cases/reference.json", &cases()),
    ]
}

pub fn verify(files: Vec<PackageFile>) -> Result<Package, PackageError> {
    Package::verify(files, &Limits::DEFAULT)
}
