//! Folders as Hugging Face's Optimum exports them: packaged, and asked what the pipelines of
//! `transformers` and `sentence-transformers` answered.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::{cache_folder, component, finished, program, root};
use model_package::{Limits, store};
use predictor_host::Instance;
use serde_json::{Value, json};

/// How far a score may be from that of torch, which computes in another order.
const TOLERANCE: f64 = 1e-4;

fn host_cli(arguments: &[&str]) -> (String, String, Option<i32>) {
    let _ = component();
    let mut command = Command::new(program("host-cli"));
    command.current_dir(root()).args(arguments).env("SAMEBITS_CACHE", cache_folder());
    finished(&mut command)
}

/// Packages a folder, and gives the package and the recorded cases.
fn package(kind: &str) -> (tempfile::TempDir, PathBuf, Vec<Value>) {
    let folder = root().join("tests/huggingface").join(kind);
    let target = tempfile::tempdir().unwrap();
    let package = target.path().join("package");
    let arguments = ["package", folder.to_str().unwrap(), "--output", package.to_str().unwrap()];
    let (_, error, code) = host_cli(&arguments);
    assert_eq!(code, Some(0), "{kind}: {error}");
    let cases = std::fs::read(folder.join("expected.json")).unwrap();
    (target, package, serde_json::from_slice(&cases).unwrap())
}

/// The answers to these instances, in one call.
fn answers(package: &Path, instances: &[Value]) -> Vec<Value> {
    let input = package.with_file_name("input.json");
    std::fs::write(&input, serde_json::to_vec(instances).unwrap()).unwrap();
    let arguments = ["predict", "--model", package.to_str().unwrap(), input.to_str().unwrap()];
    let (out, error, code) = host_cli(&arguments);
    assert_eq!(code, Some(0), "{error}");
    let answers: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(answers.len(), instances.len());
    answers
}

#[track_caller]
fn near(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
    assert!((found - expected).abs() <= TOLERANCE, "found {found}, expected {expected}");
}

fn probabilities_agree(answers: &[Value], cases: &[Value]) {
    for (answer, case) in answers.iter().zip(cases) {
        let expected = case["probabilities"].as_object().unwrap();
        let best = expected
            .iter()
            .max_by(|a, b| a.1.as_f64().unwrap().total_cmp(&b.1.as_f64().unwrap()))
            .unwrap();
        assert_eq!(answer["label"], **best.0);
        for (label, probability) in expected {
            near(&answer["probabilities"][label], probability);
        }
    }
}

fn texts(cases: &[Value]) -> Vec<Value> {
    cases.iter().map(|case| json!({ "text": case["text"] })).collect()
}

#[test]
fn text_classification() {
    let (_folder, package, cases) = package("text-classification");
    let answers = answers(&package, &texts(&cases));
    probabilities_agree(&answers, &cases);
    // The last text is longer than the model takes.
    assert!(answers.last().unwrap()["warnings"][0].as_str().unwrap().contains("too long"));
}

#[test]
fn text_classification_of_several_labels() {
    let (_folder, package, cases) = package("text-classification-of-several-labels");
    let answers = answers(&package, &texts(&cases));
    probabilities_agree(&answers, &cases);
    for (answer, case) in answers.iter().zip(&cases) {
        let likely = case["probabilities"].as_object().unwrap().values();
        let likely = likely.filter(|probability| probability.as_f64().unwrap() > 0.5).count();
        assert_eq!(answer["labels"].as_array().unwrap().len(), likely);
    }
}

#[test]
fn token_classification() {
    let (_folder, package, cases) = package("token-classification");
    for (answer, case) in answers(&package, &texts(&cases)).iter().zip(&cases) {
        let (found, expected) =
            (answer["entities"].as_array().unwrap(), case["entities"].as_array().unwrap());
        assert_eq!(found.len(), expected.len(), "{case}");
        for (found, expected) in found.iter().zip(expected) {
            for key in ["label", "start", "end"] {
                assert_eq!(found[key], expected[key], "{case}");
            }
            near(&found["score"], &expected["score"]);
        }
    }
}

#[test]
fn text_embedding() {
    for kind in ["text-embedding", "text-embedding-of-the-first-token"] {
        let (_folder, package, cases) = package(kind);
        for (answer, case) in answers(&package, &texts(&cases)).iter().zip(&cases) {
            let (found, expected) =
                (answer["embedding"].as_array().unwrap(), case["embedding"].as_array().unwrap());
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                near(found, expected);
            }
        }
    }
}

#[test]
fn image_classification() {
    let (_folder, package, cases) = package("image-classification");
    let instances: Vec<_> = cases.iter().map(|case| json!({ "image": picture(case) })).collect();
    let answers = answers(&package, &instances);
    probabilities_agree(&answers, &cases);
    // A photo by itself, a folder of photos, and the first labels only.
    let package = package.to_str().unwrap();
    let photo = picture(&cases[0]);
    let arguments = ["predict", "--model", package, "--top", "2", photo.to_str().unwrap()];
    let (out, error, code) = host_cli(&arguments);
    assert_eq!(code, Some(0), "{error}");
    let alone: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(alone["label"], answers[0]["label"]);
    let shown: Vec<_> = alone["probabilities"].as_object().unwrap().values().collect();
    assert_eq!(shown.len(), 2);
    let folder = tempfile::tempdir().unwrap();
    for case in &cases {
        let path = picture(case);
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    std::fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    let folder = folder.path().to_str().unwrap();
    let (out, error, code) =
        host_cli(&["predict", "--model", package, "--format", "table", folder]);
    assert_eq!(code, Some(0), "{error}");
    for case in &cases {
        assert!(out.contains(case["picture"].as_str().unwrap()), "{out}");
    }
    assert!(out.contains('█') && !out.contains("notes.txt"), "{out}");
}

#[test]
fn image_classification_of_the_middle() {
    let (_folder, package, cases) = package("image-classification-of-the-middle");
    let instances: Vec<_> = cases.iter().map(|case| json!({ "image": picture(case) })).collect();
    probabilities_agree(&answers(&package, &instances), &cases);
}

fn picture(case: &Value) -> PathBuf {
    root().join("core/tests/pillow/pictures").join(case["picture"].as_str().unwrap())
}

/// Every kind of picture that the core reads, inside and outside of the sandbox. One value of one
/// pixel shows in the logits.
#[test]
fn pictures_are_the_same_in_the_sandbox() {
    let (_folder, package, _) = package("image-classification");
    let files = store::read(&package, &Limits::DEFAULT).unwrap();
    let native = inference_core::Model::load(files.clone()).unwrap();
    let sandbox = conformance::load(files).unwrap();
    let logits = |data: &[u8]| -> Vec<f32> {
        data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let mut count = 0;
    for entry in std::fs::read_dir(root().join("core/tests/pillow/pictures")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let inside = sandbox.predict(&[Instance::Image(bytes.clone())]).unwrap().remove(0).unwrap();
        let outside = native.predict(&[inference_core::Instance::Image(bytes)]).unwrap();
        let outside = outside.into_iter().next().unwrap().unwrap();
        let (inside, outside) = (logits(&inside.outputs[0].data), logits(&outside.outputs[0].data));
        assert_eq!(inside.len(), 4);
        for (inside, outside) in inside.iter().zip(&outside) {
            let near = (inside - outside).abs() <= 1e-5 * outside.abs().max(1.0);
            assert!(near, "{}: {inside} and {outside}", path.display());
        }
        count += 1;
    }
    assert!(count >= 50, "{count}");
}

#[test]
fn a_package_verifies_itself() {
    for kind in
        ["text-classification", "token-classification", "text-embedding", "image-classification"]
    {
        let (_folder, package, _) = package(kind);
        let (out, error, code) = host_cli(&["verify", package.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{kind}: {error}");
        assert!(out.contains("1 reference cases, every bit as expected"), "{out}");
    }
}

#[test]
fn instances_of_another_kind_are_refused() {
    let (_folder, package, _) = package("text-classification");
    let check = |input: &str, message: &str| {
        let arguments = ["predict", "--model", package.to_str().unwrap(), input];
        let (out, error, code) = host_cli(&arguments);
        assert_eq!((out.as_str(), code), ("", Some(3)), "{error}");
        assert!(error.contains(message), "{message:?} is not in: {error}");
    };
    check("core/tests/pillow/pictures/rgb.png", "wants text, found an image");
    check(
        "models/fraud/examples/ordinary.json",
        "is not a field of this model; the fields are text",
    );
    let (_folder, package, _) = self::package("image-classification");
    let arguments = ["predict", "--model", package.to_str().unwrap(), "README.md"];
    let (_, error, code) = host_cli(&arguments);
    assert_eq!(code, Some(3));
    assert!(
        error.contains("JPEG, PNG, WebP, GIF and BMP are accepted, found plain text"),
        "{error}"
    );
}
