//! The fraud model natively, against what ONNX Runtime gives for the same transactions.

use std::path::{Path, PathBuf};

use inference_core::{Instance, Model};
use model_package::{Limits, PackageFile, store};
use serde_json::{Value, json};

use crate::support::package::{Draft, echo, elements, output};

const TOLERANCE: f32 = 1e-6;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/fraud")
}

fn files() -> Vec<PackageFile> {
    store::read(&folder().join("package"), &Limits::DEFAULT).unwrap()
}

/// One line of the evaluation.
struct Line {
    instance: Instance,
    features: Vec<u32>,
    probability: f32,
}

fn lines() -> Vec<Line> {
    let text = std::fs::read_to_string(folder().join("evaluation/onnxruntime.jsonl")).unwrap();
    let bits = |hex: &str| u32::from_str_radix(hex, 16).unwrap();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let features = line["features_bits"].as_str().unwrap().as_bytes().chunks(8);
        Line {
            instance: Instance::Json(line["input"].to_string()),
            features: features.map(|hex| bits(std::str::from_utf8(hex).unwrap())).collect(),
            probability: f32::from_bits(bits(line["fraud_probability_bits"].as_str().unwrap())),
        }
    };
    let lines: Vec<_> = text.lines().map(line).collect();
    assert!(lines.len() > 1000, "{} lines", lines.len());
    lines
}

fn instances(lines: &[Line]) -> Vec<Instance> {
    lines.iter().map(|line| line.instance.clone()).collect()
}

#[test]
fn scores_are_those_of_onnx_runtime() {
    let model = Model::load(files()).unwrap();
    let lines = lines();
    let answers = model.predict(&instances(&lines)).unwrap();
    for (answer, line) in answers.into_iter().zip(&lines) {
        let score = answer.unwrap().score.unwrap();
        let off = (score - line.probability).abs();
        assert!(off <= TOLERANCE, "{score} is {off} off: {:?}", line.instance);
    }
}

#[test]
fn a_transaction_has_the_same_bits_in_every_batch() {
    let model = Model::load(files()).unwrap();
    let lines = lines();
    let together = model.predict(&instances(&lines)).unwrap();
    for (together, line) in together.into_iter().zip(&lines) {
        let alone = model.predict(std::slice::from_ref(&line.instance)).unwrap().remove(0);
        assert_eq!(together, alone);
    }
}

/// The features themselves, through a graph that gives them back in the place of the model's.
#[test]
fn features_are_those_of_the_training() {
    let files = files();
    let manifest = files.iter().find(|file| file.path == model_package::MANIFEST).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest.content).unwrap();
    let lines = lines();
    let draft = Draft::new(
        manifest["input"]["fields"].clone(),
        manifest["features"].clone(),
        &echo(lines[0].features.len()),
    );
    let model = draft.with("/output", json!({ "value": "value" })).load().unwrap();
    let answers = model.predict(&instances(&lines)).unwrap();
    for (answer, line) in answers.into_iter().zip(&lines) {
        let features = elements(output(&answer.unwrap(), "features"));
        let bits: Vec<_> = features.iter().map(|feature| feature.to_bits()).collect();
        assert_eq!(bits, line.features, "{:?}", line.instance);
    }
}
