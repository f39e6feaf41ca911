//! The rules of the manifest for inputs and outputs of the graph and for decisions: one broken rule,
//! one row.

use serde_json::{Value, json};

use crate::manifest::{changed, check, parse, refused, set};

#[test]
fn graph_inputs() {
    check("/graph/inputs", json!([]), "graph.inputs", "expected one input, found 0");
    let input = json!({ "name": "x", "from": "features" });
    let message = "expected one input, found 2";
    check("/graph/inputs", json!([input, input]), "graph.inputs", message);
}

#[test]
fn classification() {
    let labels = "output.labels";
    check("/output/labels", json!(["one"]), labels, "at least two labels");
    check("/output/labels", Value::Null, labels, "at least two labels");
    check("/output/labels", json!(["a", "a"]), "output.labels[1]", "is there already");
    check("/output/labels", json!(["a", ""]), "output.labels[1]", "expected 1 to 256 bytes");
    let names = "a classification names its output here";
    check("/output/probabilities", Value::Null, "output.probabilities", names);
    check("/output/value", json!("y"), "output.value", "a classification has no value");
    let score = |key: &str, value: Value, message: &str| {
        check(&format!("/output/score/{key}"), value, &format!("output.score.{key}"), message);
    };
    score("label", json!("unknown"), r#""unknown" is not among the labels"#);
    score("label", Value::Null, "missing: whose probability is the score");
    score("name", json!(""), "expected 1 to 256 bytes, found 0");
    score("name", json!("s".repeat(257)), "expected 1 to 256 bytes, found 257");
    for name in ["label", "action", "probabilities", "warnings", "provenance", "error"] {
        score("name", json!(name), "is a key that every prediction has");
    }
}

#[test]
fn regression() {
    let mut sound = changed("/task", json!("tabular-regression"));
    set(&mut sound, "/output", json!({ "value": "y" }));
    assert!(parse(&sound).is_ok());
    let check = |path: &str, value: Value, field: &str, message: &str| {
        let mut manifest = sound.clone();
        set(&mut manifest, path, value);
        refused(&manifest, "invalid-manifest", Some(field), message);
    };
    check("/output", json!({}), "output.value", "a regression names its output here");
    let neither = "a regression has neither labels nor probabilities";
    check("/output/labels", json!(["a", "b"]), "output", neither);
    check("/output/probabilities", json!("p"), "output", neither);
    let score = json!({ "name": "price", "label": "a" });
    check("/output/score", score, "output.score.label", "a regression has no labels");
}

#[test]
fn decisions() {
    let rules = |rules: Value, field: &str, message: &str| {
        check("/decision/rules", rules, field, message);
    };
    rules(json!([]), "decision.rules", "expected 1 to 65536 rules");
    let many: Vec<_> = (0..65_537).map(|i| json!({ "above": -i, "action": "a" })).collect();
    rules(json!(many), "decision.rules", "expected 1 to 65536 rules");
    let empty = json!([{ "above": 1, "action": "" }]);
    rules(empty, "decision", "an action is 1 to 256 bytes long");
    let long = json!([{ "above": 1, "action": "a".repeat(257) }]);
    rules(long, "decision", "an action is 1 to 256 bytes long");
    check("/decision/otherwise", json!(""), "decision", "an action is 1 to 256 bytes long");
    let equal = json!([{ "above": 0.5, "action": "a" }, { "above": 0.5, "action": "b" }]);
    rules(equal, "decision.rules[1].above", "0.5 is not below the rule before it, 0.5");
    let rising = json!([{ "above": 0.5, "action": "a" }, { "above": 0.75, "action": "b" }]);
    rules(rising, "decision.rules[1].above", "0.75 is not below the rule before it, 0.5");
}

/// A table whose fields enter the graph as they are.
fn columns() -> Value {
    let mut sound = changed("/features", Value::Null);
    let field = sound["input"]["fields"][0]["name"].clone();
    set(&mut sound, "/graph/inputs", json!([{ "name": "x", "from": "fields", "fields": [field] }]));
    sound
}

#[test]
fn inputs_from_fields() {
    parse(&columns()).unwrap();
    let check = |path: &str, value: Value, field: &str, message: &str| {
        let mut manifest = columns();
        set(&mut manifest, path, value);
        refused(&manifest, "invalid-manifest", Some(field), message);
    };
    let fields = "/graph/inputs/0/fields";
    check(fields, json!([]), "graph.inputs[0].fields", "missing: the names of the fields");
    check(fields, json!(["none"]), "graph.inputs[0].fields[0]", r#""none" is not a field"#);
    check("/graph/inputs/0/from", json!("pixels"), "graph.inputs[0].from", "filled from");
    check("/graph/inputs/0/from", json!("features"), "features", "no feature enters the graph");
    let feature = json!([{ "name": "one", "op": "value", "of": "amount" }]);
    check("/features", feature, "features", "no input of the graph is filled from features");
}

#[test]
fn deciles_of_scores() {
    const KEY: &str = "training.score_deciles";
    let mut sound = changed("/training", json!({ "data": "orders of 2025" }));
    let deciles = json!([0.0, 0.0, 0.1, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0]);
    set(&mut sound, "/training/score_deciles", deciles.clone());
    parse(&sound).unwrap();
    let mut falling = sound.clone();
    set(&mut falling, "/training/score_deciles/4", json!(0.05));
    refused(&falling, "invalid-manifest", Some(KEY), "0.05 comes after 0.1, which is larger");
    let mut few = sound.clone();
    set(&mut few, "/training/score_deciles", json!([0.1, 0.2]));
    assert!(parse(&few).is_err());

    let mut none = changed("/task", json!("tensors"));
    for key in ["features", "input", "graph", "output", "decision"] {
        set(&mut none, &format!("/{key}"), Value::Null);
    }
    set(&mut none, "/training", json!({ "data": "x", "score_deciles": deciles }));
    refused(&none, "invalid-manifest", Some(KEY), "a tensors has no score");
}

#[test]
fn tensors() {
    let mut sound = changed("/task", json!("tensors"));
    for key in ["features", "input", "graph", "output", "decision"] {
        set(&mut sound, &format!("/{key}"), Value::Null);
    }
    parse(&sound).unwrap();
    let check = |path: &str, value: Value, field: &str, message: &str| {
        let mut manifest = sound.clone();
        set(&mut manifest, path, value);
        refused(&manifest, "invalid-manifest", Some(field), message);
    };
    let input = json!({ "inputs": [{ "name": "x", "from": "features" }] });
    check("/graph", input, "graph.inputs", "the inputs of tensors are the graph's own");
    let labels = json!({ "labels": ["a", "b"] });
    check("/output", labels, "output.labels", "a tensors has no labels");
    let score = json!({ "score": { "name": "s" } });
    check("/output", score, "output.score", "a tensors has no score");
    let decision = json!({ "rules": [{ "above": 1, "action": "a" }], "otherwise": "b" });
    check("/decision", decision, "decision", "a tensors has no score to decide on");
    let fields = json!({ "fields": [{ "name": "a", "type": "number" }] });
    check("/input", fields, "input.fields", "a tensors has none");
}
