//! Ensembles: numbers by hand, for each way to combine, and what becomes of members that fail or warn.

use inference_core::{Error, ErrorKind, Instance, Model, Prediction};
use model_package::PackageFile;
use proptest::prelude::*;
use serde_json::{Value, json};
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{input, model as graph, node};
use crate::support::package::{Draft, echo, elements, ensemble, output, predict};

/// A classification whose probabilities are two of its fields, as they are given.
fn member(labels: [&str; 2], columns: [&str; 2]) -> Draft {
    let identity = node("Identity", &["x"], &["p"]);
    let rows = vec![input("x", DataType::Float, &["N", "2"])];
    let number = |name: &&str| json!({ "name": name, "type": "number" });
    let feature = |name: &&str| json!({ "name": name, "op": "value", "of": name });
    let fields = columns.iter().map(number).collect();
    let features = columns.iter().map(feature).collect();
    Draft::new(fields, features, &graph(vec![identity], rows, &["p"], vec![]))
        .with("/task", json!("tabular-classification"))
        .with("/output", json!({ "labels": labels, "probabilities": "p" }))
}

const LABELS: [&str; 2] = ["no", "yes"];

/// Three members: the first two take fields of their own, the third has its labels the other way round.
fn members() -> Vec<(&'static str, Vec<PackageFile>)> {
    vec![
        ("first", member(LABELS, ["a", "b"]).files()),
        ("second", member(LABELS, ["c", "d"]).files()),
        ("third", member(["yes", "no"], ["e", "f"]).files()),
    ]
}

fn manifest(section: Value) -> Value {
    let number = |name| json!({ "name": name, "type": "number" });
    let mut fields: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(number).into();
    fields.push(json!({ "name": "id", "type": "string", "role": "id", "default": "" }));
    json!({
        "format": "samebits/1",
        "name": "both",
        "version": "1.0.0",
        "task": "tabular-classification",
        "license": "Apache-2.0",
        "ensemble": section,
        "input": { "fields": fields },
        "output": {
            "labels": LABELS,
            "probabilities": "probabilities",
            "score": { "name": "risk", "label": "yes" },
        },
        "decision": { "rules": [{ "above": 0.5, "action": "look" }], "otherwise": "pass" },
    })
}

fn section(combine: &str) -> Value {
    json!({
        "members": [{ "name": "first" }, { "name": "second" }, { "name": "third" }],
        "combine": combine,
    })
}

fn load(section: Value) -> Model {
    Model::load(ensemble(manifest(section), members())).unwrap()
}

const INSTANCE: &str = r#"{"id":"x","a":0.25,"b":0.75,"c":0.5,"d":0.5,"e":0.125,"f":0.875}"#;

fn combined(prediction: &Prediction) -> Vec<f32> {
    elements(output(prediction, "probabilities"))
}

#[test]
fn an_average() {
    let prediction = predict(&load(section("average")), INSTANCE).unwrap();
    // yes: (0.75 + 0.5 + 0.125) / 3.
    let yes = (1.375_f64 / 3.0) as f32;
    assert_eq!(combined(&prediction), [(1.625_f64 / 3.0) as f32, yes]);
    assert_eq!(prediction.score, Some(yes));
    assert_eq!(prediction.label.as_deref(), Some("no"));
    assert_eq!(prediction.action.as_deref(), Some("pass"));
    let members = r#""members":{"first":{"risk":0.75,"label":"yes"},"second":{"risk":0.5,"label":"no"},"third":{"risk":0.125,"label":"no"}}"#;
    let expected =
        format!(r#"{{"id":"x","risk":0.45833334,"label":"no","action":"pass",{members}}}"#);
    assert_eq!(prediction.json, expected);
    let names: Vec<_> = prediction.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["probabilities", "first.p", "second.p", "third.p"]);
    // What a member's graph gave is left as it is.
    assert_eq!(elements(output(&prediction, "third.p")), [0.125, 0.875]);
}

#[test]
fn weights() {
    let mut section = section("weighted");
    for (index, weight) in [4.0, 2.0, 2.0].iter().enumerate() {
        section["members"][index]["weight"] = json!(weight);
    }
    let prediction = predict(&load(section), INSTANCE).unwrap();
    // yes: 0.5 × 0.75 + 0.25 × 0.5 + 0.25 × 0.125.
    assert_eq!(combined(&prediction), [0.46875, 0.53125]);
    assert_eq!(prediction.label.as_deref(), Some("yes"));
    assert_eq!(prediction.action.as_deref(), Some("look"));
}

#[test]
fn votes() {
    let model = load(section("vote"));
    let prediction = predict(&model, INSTANCE).unwrap();
    assert_eq!(combined(&prediction), [(2.0_f64 / 3.0) as f32, (1.0_f64 / 3.0) as f32]);
    assert_eq!(prediction.label.as_deref(), Some("no"));
}

/// The stacker gives two of its fields back: the second member's probability of `no` and the first
/// one's score.
#[test]
fn a_stack() {
    let mut section = section("stacked");
    section["stacker"] = json!("judge");
    let mut members = members();
    members.push(("judge", member(LABELS, ["third.no", "first"]).files()));
    let model = Model::load(ensemble(manifest(section), members)).unwrap();
    let prediction = predict(&model, INSTANCE).unwrap();
    assert_eq!(combined(&prediction), [0.875, 0.75]);
    let names: Vec<_> = prediction.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(names, ["probabilities", "first.p", "second.p", "third.p", "judge.p"]);
    assert!(!prediction.json.contains("judge"), "{}", prediction.json);
}

#[test]
fn regressions() {
    let features = json!([{ "name": "a", "op": "value", "of": "a" }]);
    let double = json!([{ "name": "x", "op": "product", "of": "a", "by": "a" }]);
    let draft =
        |features| Draft::new(json!([{ "name": "a", "type": "number" }]), features, &echo(1));
    let mut manifest = manifest(json!({
        "members": [{ "name": "same", "weight": 1 }, { "name": "square", "weight": 3 }],
        "combine": "weighted",
    }));
    manifest["task"] = json!("tabular-regression");
    manifest["input"] = json!({ "fields": [{ "name": "a", "type": "number" }] });
    manifest["output"] = json!({ "value": "value" });
    let members = vec![("same", draft(features).files()), ("square", draft(double).files())];
    let model = Model::load(ensemble(manifest, members)).unwrap();
    let prediction = predict(&model, r#"{"a": 4}"#).unwrap();
    assert_eq!(prediction.score, Some(13.0));
    let expected = r#"{"score":13.0,"action":"look","members":{"same":{"score":4.0},"square":{"score":16.0}}}"#;
    assert_eq!(prediction.json, expected);
    assert!(output(&prediction, "value").shape.is_empty());
}

#[test]
fn it_is_described_by_all_graphs() {
    let description = load(section("average")).describe();
    assert_eq!((description.name.as_str(), description.task), ("both", "tabular-classification"));
    let names = |types: &[inference_core::TensorType]| {
        types.iter().map(|it| format!("{} [{}]", it.name, it.shape.join(", "))).collect::<Vec<_>>()
    };
    assert_eq!(names(&description.inputs), ["first.x [N, 2]", "second.x [N, 2]", "third.x [N, 2]"]);
    assert_eq!(
        names(&description.outputs),
        ["probabilities [N, 2]", "first.p [N, 2]", "second.p [N, 2]", "third.p [N, 2]"]
    );
    assert_eq!(description.operators, ["Identity"]);
    let alone = member(LABELS, ["a", "b"]).load().unwrap().describe();
    assert_eq!(description.operations, alone.operations.map(|one| 3 * one));
}

#[test]
fn the_ensemble_checks_its_own_fields() {
    let model = load(section("average"));
    let check = |instance: &str, code: &str, message: &str| {
        let error: Error = predict(&model, instance).expect_err(message);
        assert_eq!((error.code, error.message.as_str()), (code, message));
    };
    check(r#"{"a":1}"#, "missing-field", "b: missing; expected a number");
    let unknown = INSTANCE.replace("\"f\"", "\"g\"");
    let message = "\"g\" is not a field of this model; did you mean \"a\"";
    check(&unknown, "unknown-field", message);
}

#[test]
fn a_member_that_fails_is_named_and_fails_one_instance() {
    let strict = member(LABELS, ["a", "b"]).with("/input/fields/0/max", json!(0.5));
    let mut members = members();
    members[1] = ("second", strict.files());
    let mut manifest = manifest(section("average"));
    let fields = manifest["input"]["fields"].as_array_mut().unwrap();
    fields.retain(|field| field["name"] != "c" && field["name"] != "d");
    let model = Model::load(ensemble(manifest, members)).unwrap();
    let instance = |a: f64| Instance::Json(format!(r#"{{"a":{a},"b":0.5,"e":0.5,"f":0.5}}"#));
    let answers = model.predict(&[instance(0.25), instance(0.75), instance(0.5)]).unwrap();
    assert!(answers[0].is_ok() && answers[2].is_ok());
    let error = answers[1].as_ref().unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, "out-of-range"));
    assert_eq!(error.field.as_deref(), Some("a"));
    let message = "the member second: a: expected a number of at most 0.5, found 0.75";
    assert_eq!(error.message, message);
    assert_eq!(answers[2], model.predict(&[instance(0.5)]).unwrap().remove(0));
}

#[test]
fn warnings_name_their_members_once() {
    let seen = |draft: Draft| draft.with("/input/fields/0/training_range", json!([0, 0.1])).files();
    let members = vec![
        ("first", seen(member(LABELS, ["a", "b"]))),
        ("second", seen(member(LABELS, ["a", "b"]))),
        ("third", seen(member(["yes", "no"], ["e", "f"]))),
    ];
    let mut manifest = manifest(section("average"));
    let fields = manifest["input"]["fields"].as_array_mut().unwrap();
    fields.retain(|field| field["name"] != "c" && field["name"] != "d");
    let model = Model::load(ensemble(manifest, members)).unwrap();
    let instance = r#"{"a":0.25,"b":0.75,"e":0.125,"f":0.875}"#;
    let warning = |names: &str, field: &str, value: f64| {
        format!("{names}: {field}: {value} lies outside the range seen in training, 0 to 0.1")
    };
    let expected = [warning("first, second", "a", 0.25), warning("third", "e", 0.125)];
    assert_eq!(predict(&model, instance).unwrap().warnings, expected);
}

#[test]
fn the_defaults_of_the_ensemble_reach_its_members() {
    let mut manifest = manifest(section("average"));
    manifest["input"]["fields"][1]["default"] = json!(0.75);
    let model = Model::load(ensemble(manifest, members())).unwrap();
    for absent in ["", r#""b":null,"#] {
        let instance = INSTANCE.replace(r#""b":0.75,"#, absent);
        let (given, expected) = (predict(&model, &instance), predict(&model, INSTANCE));
        assert_eq!(given.unwrap(), expected.unwrap());
    }
}

#[test]
fn it_has_no_graph_for_raw_tensors() {
    let error = load(section("vote")).infer(Vec::new()).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::UnsupportedInput, "no-graph"));
}

#[test]
fn the_work_of_all_members_counts() {
    let mut model = load(section("average"));
    let one = model.describe().operations.unwrap();
    model.restrict(Some(one)).unwrap();
    assert!(predict(&model, INSTANCE).is_ok());
    let two = [(); 2].map(|()| Instance::Json(INSTANCE.into()));
    let error = model.predict(&two).unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(error.message.starts_with("the member first: "), "{error}");
    let error = model.restrict(Some(one - 1)).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidModel, "too-much-work"));
}

#[test]
fn what_is_wrong_with_a_members_graph_is_said_with_its_file() {
    let mut members = members();
    let draft = member(LABELS, ["c", "d"]).with("/output/probabilities", json!("q"));
    members[1] = ("second", draft.files());
    let error = Model::load(ensemble(manifest(section("average")), members)).unwrap_err();
    assert_eq!(error.code, "graph-mismatch");
    assert_eq!(error.file.as_deref(), Some("members/second/manifest.json"));
    assert!(error.message.starts_with("the member second: "), "{error}");
    // A name that the ensemble has for its own output, too.
    let mut manifest = manifest(section("average"));
    manifest["output"]["probabilities"] = json!("first.p");
    let error = Model::load(ensemble(manifest, self::members())).unwrap_err();
    assert!(error.message.contains("two outputs have the name \"first.p\""), "{error}");
}

proptest! {
    #[test]
    fn an_instance_has_one_answer_in_every_batch(
        rows in proptest::collection::vec(proptest::array::uniform6(0.0_f64..=1.0), 1..12),
        combine in prop_oneof![Just("average"), Just("vote")],
    ) {
        let instance = |row: &[f64; 6]| {
            let [a, b, c, d, e, f] = row;
            Instance::Json(json!({ "a": a, "b": b, "c": c, "d": d, "e": e, "f": f }).to_string())
        };
        let instances: Vec<_> = rows.iter().map(instance).collect();
        let model = load(section(combine));
        let together = model.predict(&instances).unwrap();
        for (instance, answer) in instances.iter().zip(together) {
            let alone = model.predict(std::slice::from_ref(instance)).unwrap().remove(0);
            prop_assert_eq!(alone.unwrap(), answer.unwrap());
        }
    }
}
