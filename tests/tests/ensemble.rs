//! Ensembles from end to end: made by the command line, answered by the component, baked, and in V8,
//! with the same bits everywhere.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs::File;
use std::path::Path;
use std::process::Command;

use conformance::{
    bake, cache_folder, component, component_bytes, finished, fraud, load, program, root,
    tool_is_there, with_manifest,
};
use inference_core::Model;
use model_package::{Limits, PackageFile, store};
use predictor_host::{
    Baked, HostError, Instance, Policy, Prediction, Predictor, SandboxLimits, Target, reference,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The fraud model as it would be with other days: its night begins earlier, and ratios are damped.
fn late() -> Vec<PackageFile> {
    with_manifest(fraud(), |manifest| {
        manifest["name"] = json!("late");
        for feature in manifest["features"].as_array_mut().unwrap() {
            if feature["name"] == "night" {
                feature["from"] = json!(8);
            } else if feature["name"] == "amount_to_average" {
                feature["plus"] = json!(25);
            }
        }
    })
}

/// Takes numbers of members and gives the first back, so that its answer is known.
fn judge() -> Vec<PackageFile> {
    with_manifest(fraud(), |manifest| {
        let number = |name| json!({ "name": name, "type": "number" });
        let feature = |name: &str, of: &str| json!({ "name": name, "op": "value", "of": of });
        let features = manifest["features"].as_array().unwrap();
        let names: Vec<_> = features.iter().filter(|it| it["internal"] != true).collect();
        let fill = |(place, it): (usize, &&Value)| {
            let of = if place % 2 == 0 { "trees" } else { "late.legitimate" };
            feature(&format!("f-{}", it["name"].as_str().unwrap()), of)
        };
        let features: Vec<_> = names.iter().enumerate().map(fill).collect();
        manifest["features"] = json!(features);
        manifest["input"]["fields"] = json!([number("trees"), number("late.legitimate")]);
        manifest["files"].as_array_mut().unwrap().truncate(1);
    })
    .into_iter()
    .filter(|file| file.path != "reference-cases.json")
    .collect()
}

/// A folder with both as archives.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, files) in [("late.tar", late()), ("judge.tar", judge())] {
        store::write_archive(files, File::create(folder.path().join(name)).unwrap()).unwrap();
    }
    folder
}

/// What the program says in a folder, digests left out.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let _ = component();
    let mut command = Command::new(program("host-cli"));
    command.args(arguments).current_dir(folder).env("SAMEBITS_CACHE", cache_folder());
    let (out, error, code) = finished(&mut command);
    let mut parts = [out, error].concat();
    while let Some(place) = parts.find("sha256:") {
        parts.replace_range(place..place + "sha256:".len() + 64, "…");
    }
    format!("$ {}\n{parts}exit code {}\n", arguments.join(" "), code.unwrap())
}

fn make(folder: &Path, options: &[&str]) -> String {
    let start = ["ensemble", "trees=fraud", "late=late.tar", "-o", "both", "--combine"];
    said(folder, &[&start, options].concat())
}

fn files(folder: &Path) -> Vec<PackageFile> {
    store::read(&folder.join("both"), &Limits::DEFAULT).unwrap()
}

fn instances(predictor: &Predictor) -> Vec<Instance> {
    let cases = reference::cases(predictor).unwrap().cases;
    cases.iter().map(reference::instance).collect()
}

fn answers(predictor: &Predictor, instances: &[Instance]) -> Vec<Prediction> {
    let outcomes = predictor.predict(instances).unwrap();
    outcomes.into_iter().map(|outcome| outcome.unwrap()).collect()
}

fn number(prediction: &Prediction, pointer: &str) -> f64 {
    let answer: Value = serde_json::from_str(&prediction.json).unwrap();
    answer.pointer(pointer).unwrap().as_f64().unwrap()
}

#[test]
fn the_command_line_makes_one_and_says_what_it_is() {
    let folder = folder();
    let ordinary = root().join("models/fraud/examples/ordinary.json");
    std::fs::copy(ordinary, folder.path().join("transaction.json")).unwrap();
    let made = make(folder.path(), &["weighted", "--weights", "3,1"]);
    let inspected = said(folder.path(), &["inspect", "both"]);
    let verified = said(folder.path(), &["verify", "both"]);
    let predict = ["predict", "--model", "both", "--format", "jsonl", "transaction.json"];
    let predicted = said(folder.path(), &predict);
    insta::assert_snapshot!("one_is_made", [made, inspected, verified, predicted].join("\n"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = folder();
    let say = |arguments: &[&str]| said(folder.path(), arguments);
    let out = ["-o", "both", "--combine"];
    let all = [
        say(&[&["ensemble", "fraud"], &out[..], &["average"]].concat()),
        say(&[&["ensemble", "fraud", "digits"], &out[..], &["average"]].concat()),
        say(&[&["ensemble", "fraud", "nothing"], &out[..], &["vote"]].concat()),
        say(&[&["ensemble", "fraud", "late.tar"], &out[..], &["weighted"]].concat()),
        say(&[&["ensemble", "fraud", "late.tar"], &out[..], &["weighted", "--weights", "1"]]
            .concat()),
        say(&[&["ensemble", "fraud", "late.tar"], &out[..], &["weighted", "--weights", "0,0"]]
            .concat()),
        say(&[&["ensemble", "fraud", "late.tar"], &out[..], &["vote", "--score", "theft"]].concat()),
        say(&[&["ensemble", "fraud", "late.tar"], &out[..], &["stacked"]].concat()),
        say(&[&["ensemble", "a=fraud", "late.tar"], &out[..], &["stacked", "--with", "judge.tar"]]
            .concat()),
    ];
    assert!(!folder.path().join("both").exists());
    insta::assert_snapshot!("what_does_not_fit", all.join("\n"));
}

#[test]
fn each_way_to_combine_gives_the_same_bits_alone_and_in_a_batch() {
    let folder = folder();
    for options in [
        ["average"].as_slice(),
        &["weighted", "--weights", "1,2.5"],
        &["vote"],
        &["stacked", "--with", "judge=judge.tar"],
    ] {
        let made = make(folder.path(), options);
        assert!(made.ends_with("exit code 0\n"), "{made}");
        let loaded = load(files(folder.path())).unwrap();
        let cases = reference::cases(&loaded).unwrap().cases;
        assert!(cases.len() > 5, "{} cases", cases.len());
        let alone = reference::answer(&loaded, &cases).unwrap();
        assert_eq!(reference::differences(&cases, &alone), []);

        let instances = instances(&loaded);
        let batch = answers(&loaded, &instances);
        let bits: Vec<_> = batch.iter().map(reference::bits).collect();
        assert_eq!(bits, alone);

        // As a library the core runs other kernels in the members' graphs; see `component.rs`. What
        // is made of them is the same: `core/tests/ensemble.rs` has its numbers by hand.
        let native = Model::load(files(folder.path())).unwrap();
        for (case, found) in cases.iter().zip(&batch) {
            let text = Value::Object(case.input.clone()).to_string();
            let native = native.predict(&[inference_core::Instance::Json(text)]).unwrap();
            let native = native.into_iter().next().unwrap().unwrap();
            let (label, action) = (native.label.as_ref(), native.action.as_ref());
            assert_eq!((label, action), (found.label.as_ref(), found.action.as_ref()));
            let distance = (native.score.unwrap() - found.score.unwrap()).abs();
            let most = if options == ["vote"] { 0.0 } else { 1e-6 };
            assert!(distance <= most, "{options:?}, {}: {distance}", case.name);
        }
        std::fs::remove_dir_all(folder.path().join("both")).unwrap();
    }
}

#[test]
fn members_say_what_they_say_alone() {
    let folder = folder();
    make(folder.path(), &["average"]);
    let both = load(files(folder.path())).unwrap();
    let instances = instances(&both);
    let (trees, late) = (load(fraud()).unwrap(), load(late()).unwrap());
    let (trees, late) = (answers(&trees, &instances), answers(&late, &instances));
    let mut differ = 0;
    for ((both, trees), late) in answers(&both, &instances).iter().zip(&trees).zip(&late) {
        let (a, b) = (trees.score.unwrap(), late.score.unwrap());
        assert_eq!(number(both, "/members/trees/fraud_score"), number(trees, "/fraud_score"));
        assert_eq!(number(both, "/members/late/fraud_score"), number(late, "/fraud_score"));
        assert_eq!(both.score, Some(((f64::from(a) + f64::from(b)) / 2.0) as f32));
        assert_eq!(both.outputs[1].name, "trees.probabilities");
        assert_eq!(both.outputs[1].data, trees.outputs[0].data);
        differ += usize::from(a != b);
    }
    assert!(differ > 0, "the members are the same");
}

#[test]
fn a_baked_ensemble_gives_the_same_bits() {
    let folder = folder();
    make(folder.path(), &["average"]);
    let baked = folder.path().join("both.baked");
    let targets = [Target::host().unwrap()];
    bake(&component_bytes(), files(folder.path())).write(&baked, &targets, |_| {}).unwrap();
    let baked = Baked::open(&baked).unwrap();
    let baked = Predictor::baked(&baked, SandboxLimits::DEFAULT, Policy::Fresh).unwrap();
    let cases = reference::cases(&baked).unwrap().cases;
    let found = reference::answer(&baked, &cases).unwrap();
    assert_eq!(reference::differences(&cases, &found), []);
    assert_eq!(baked.description(), load(files(folder.path())).unwrap().description());
}

#[test]
fn an_ensemble_gives_the_same_bits_in_v8() {
    let node = Command::new("node").arg("--version").output().is_ok();
    let installed = root().join("tests/v8/node_modules").is_dir();
    if !tool_is_there("Node with the packages of tests/v8", node && installed) {
        return;
    }
    let folder = folder();
    make(folder.path(), &["stacked", "--with", "judge=judge.tar"]);
    let component = root().join("target/component/predictor.wasm");
    let mut command = Command::new("node");
    command.current_dir(root().join("tests/v8")).arg("run.mjs").arg(component);
    let (out, error, code) = finished(command.arg(folder.path().join("both")));
    assert_eq!(code, Some(0), "{out}{error}");
}

#[test]
fn pictures() {
    let folder = tempfile::tempdir().unwrap();
    let made = said(
        folder.path(),
        &[
            "ensemble",
            "digits",
            "other=digits",
            "-o",
            "both",
            "--combine",
            "weighted",
            "--weights",
            "1,3",
        ],
    );
    assert!(made.ends_with("exit code 0\n"), "{made}");
    let both = load(files(folder.path())).unwrap();
    let drawn = std::fs::read(root().join("models/digits/examples/drawn.png")).unwrap();
    let answer = answers(&both, &[Instance::Image(drawn.clone())]).remove(0);
    let digits = root().join("models/digits/package");
    let alone = load(store::read(&digits, &Limits::DEFAULT).unwrap()).unwrap();
    let alone = answers(&alone, &[Instance::Image(drawn)]).remove(0);
    // One model twice: shares of a quarter and three are exact.
    assert_eq!((answer.label, answer.score), (alone.label, alone.score));
    let shown: Value = serde_json::from_str(&answer.json).unwrap();
    assert_eq!(shown["members"]["digits"], shown["members"]["other"]);
    let error = both.predict(&[Instance::Text("seven".into())]).unwrap().remove(0).unwrap_err();
    assert!(error.to_string().starts_with("the member digits: "), "{error}");
}

#[test]
fn raw_tensors_are_refused() {
    let folder = folder();
    make(folder.path(), &["vote"]);
    let both = load(files(folder.path())).unwrap();
    let error: HostError = both.infer(&[]).unwrap_err();
    assert_eq!(error.code(), "no-graph");
}
