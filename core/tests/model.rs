//! A model as a whole: how it is loaded, and what a batch promises.

use inference_core::{Error, ErrorKind, Instance, Model};
use serde_json::{Value, json};
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{floats, input, int, integers, ints, model as graph, node, with};
use crate::support::package::{Draft, echo, elements, output, predict};

/// Numbers `a` and `b`, which enter the graph as they are.
fn draft(graph: &ModelProto) -> Draft {
    let fields = json!([
        { "name": "id", "type": "string", "role": "id", "default": "" },
        { "name": "a", "type": "number" },
        { "name": "b", "type": "number", "default": 0 },
    ]);
    let features = json!([
        { "name": "a", "op": "value", "of": "a" },
        { "name": "b", "op": "value", "of": "b" },
    ]);
    Draft::new(fields, features, graph)
}

/// `probabilities` are the two features, as they are.
fn classification(labels: Value) -> Draft {
    let identity = node("Identity", &["x"], &["probabilities"]);
    let rows = vec![input("x", DataType::Float, &["N", "2"])];
    draft(&graph(vec![identity], rows, &["probabilities"], vec![]))
        .with("/task", json!("tabular-classification"))
        .with("/output", json!({ "labels": labels, "probabilities": "probabilities" }))
}

fn batch(instances: &[&str]) -> Vec<Instance> {
    instances.iter().map(|text| Instance::Json((*text).into())).collect()
}

#[test]
fn describes_itself() {
    let draft = draft(&echo(2));
    let manifest = draft.clone().files().remove(0).content;
    let description = draft.load().unwrap().describe();
    assert_eq!(description.name, "example");
    assert_eq!(description.version, "1.2.3");
    assert_eq!(description.task, "tabular-regression");
    assert_eq!(description.package, model_package::Digest::of(&manifest).to_string());
    assert_eq!(description.manifest.as_bytes(), manifest);
    assert_eq!(description.operators, ["Gather", "Identity"]);
    assert!(description.labels.is_empty());
    let types = |types: &[inference_core::TensorType]| {
        let show = |t: &inference_core::TensorType| {
            format!("{}: {} [{}]", t.name, t.element_type, t.shape.join(", "))
        };
        types.iter().map(show).collect::<Vec<_>>()
    };
    assert_eq!(types(&description.inputs), ["x: float32 [N, 2]"]);
    assert_eq!(types(&description.outputs), ["value: float32 [N, 1]", "features: float32 [N, 2]"]);
}

#[test]
fn graph_and_manifest_must_agree() {
    let check = |draft: Draft, code: &str, field: Option<&str>, message: &str| {
        let error: Error = draft.load().expect_err(message);
        assert!(error.message.contains(message), "{message:?} is not in: {error}");
        assert_eq!((error.code, error.field.as_deref()), (code, field), "{error}");
    };
    let mismatch = |draft: Draft, field: &str, message: &str| {
        check(draft, "graph-mismatch", Some(field), message);
    };
    mismatch(
        draft(&echo(2)).with("/graph/inputs/0/name", json!("rows")),
        "graph.inputs[0].name",
        r#"the graph has no input "rows", its inputs are x"#,
    );
    mismatch(draft(&echo(3)), "features", "has the shape [N, 3], the manifest fills [N, 2]");
    mismatch(
        draft(&echo(2)).with("/output/value", json!("y")),
        "output.value",
        r#"the graph has no output "y", its outputs are value, features"#,
    );
    mismatch(
        draft(&echo(2)).with("/output/value", json!("features")),
        "output.labels",
        r#"the output "features" has 2 columns, the manifest has 1 labels"#,
    );
    mismatch(
        classification(json!(["a", "b", "c"])),
        "output.labels",
        r#"the output "probabilities" has 2 columns, the manifest has 3 labels"#,
    );
    let shaped = |shape: &[&str], data: DataType| {
        let rows = vec![input("x", data, shape)];
        draft(&graph(vec![node("Identity", &["x"], &["value"])], rows, &["value"], vec![]))
    };
    mismatch(
        shaped(&["8", "2"], DataType::Float),
        "graph.inputs[0]",
        "the graph takes batches of 8 x 2 only",
    );
    mismatch(shaped(&["2"], DataType::Float), "features", "has the shape [2]");
    mismatch(
        shaped(&["N", "2"], DataType::Double),
        "graph.inputs[0]",
        "is float64, features are float32",
    );
    let cast = with(node("Cast", &["x"], &["value"]), [int("to", DataType::Int64 as i64)]);
    let rows = || vec![input("x", DataType::Float, &["N", "2"])];
    mismatch(
        draft(&graph(vec![cast], rows(), &["value"], vec![])),
        "output.value",
        r#"the output "value" is int64, expected float32 or float64"#,
    );
    let two =
        vec![input("x", DataType::Float, &["N", "1"]), input("z", DataType::Float, &["N", "1"])];
    let add = node("Add", &["x", "z"], &["value"]);
    mismatch(
        draft(&graph(vec![add], two, &["value"], vec![])),
        "graph.inputs",
        r#"nothing fills the graph's input "z"; its inputs are x, z"#,
    );
    let mut broken = draft(&echo(2));
    broken.graph.truncate(40);
    let error = broken.load().expect_err("cut short");
    assert_eq!((error.code, error.file.as_deref()), ("invalid-onnx", Some("model.onnx")));
    let error = draft(&echo(2)).with("/name", json!("Not a name")).load().expect_err("name");
    assert_eq!((error.code, error.field.as_deref()), ("invalid-manifest", Some("name")));
    let mut changed = draft(&echo(2)).files();
    changed[1].content[20] ^= 1;
    let error = Model::load(changed).expect_err("changed");
    assert_eq!((error.code, error.file.as_deref()), ("digest-mismatch", Some("model.onnx")));
    let error = Model::load(vec![]).expect_err("no files");
    assert_eq!((error.code, error.file.as_deref()), ("missing-file", Some("manifest.json")));
}

#[test]
fn one_bad_instance_spoils_no_other() {
    let model = draft(&echo(2)).load().unwrap();
    let good = [r#"{"id":"1","a":0.1,"b":2}"#, r#"{"id":"2","a":-3}"#];
    let alone: Vec<_> = good.iter().map(|text| predict(&model, text).unwrap()).collect();
    let mixed = batch(&["", good[0], r#"{"a":"x"}"#, r#"{"a":1e300}"#, good[1], "[]"]);
    let answers = model.predict(&mixed).unwrap();
    let codes: Vec<_> = answers.iter().map(|a| a.as_ref().map_err(|e| e.code)).collect();
    assert_eq!(
        codes,
        [
            Err("invalid-json"),
            Ok(&alone[0]),
            Err("wrong-type"),
            Err("feature-undefined"),
            Ok(&alone[1]),
            Err("not-an-object"),
        ]
    );
}

#[test]
fn a_batch_may_be_empty_but_not_endless() {
    let model = draft(&echo(2)).load().unwrap();
    assert!(model.predict(&[]).unwrap().is_empty());
    let most = vec![Instance::Json(r#"{"a":1}"#.into()); 10_000];
    assert!(model.predict(&most).unwrap().iter().all(Result::is_ok));
    let error = model.predict(&vec![Instance::Text(String::new()); 10_001]).expect_err("too many");
    assert_eq!((error.kind, error.code), (ErrorKind::TooLarge, "too-many-instances"));
    assert!(error.message.starts_with("10001 instances in one call, at most 10000"), "{error}");
}

#[test]
fn answers_that_are_no_numbers_are_refused() {
    let reciprocal = vec![
        node("Reciprocal", &["x"], &["all"]),
        with(node("Gather", &["all", "zero"], &["value"]), [int("axis", 1)]),
    ];
    let rows = vec![input("x", DataType::Float, &["N", "2"])];
    let zero = vec![integers("zero", &[1], &[0])];
    let model = draft(&graph(reciprocal, rows, &["value"], zero)).load().unwrap();
    let answers = model
        .predict(&batch(&[r#"{"a":2,"b":1}"#, r#"{"a":0,"b":1}"#, r#"{"a":4}"#, r#"{"a":-0.0}"#]))
        .unwrap();
    let scores: Vec<_> =
        answers.iter().map(|a| a.as_ref().map(|p| p.score.unwrap()).map_err(|e| e.code)).collect();
    assert_eq!(scores, [Ok(0.5), Err("non-finite-output"), Ok(0.25), Err("non-finite-output")]);
    let messages: Vec<_> =
        answers.iter().filter_map(|a| a.as_ref().err()).map(|e| e.message.as_str()).collect();
    assert_eq!(
        messages,
        ["inf", "-inf"].map(|x| format!("the model gave {x}, which is not a number to decide on"))
    );
}

/// The value is the entry of a table at the place that the first feature says; beyond its end, the
/// graph fails.
fn table() -> ModelProto {
    let nodes = vec![
        with(node("Gather", &["x", "zero"], &["first"]), [int("axis", 1)]),
        with(node("Cast", &["first"], &["place"]), [int("to", DataType::Int64 as i64)]),
        node("Gather", &["table", "place"], &["value"]),
    ];
    let rows = vec![input("x", DataType::Float, &["N", "2"])];
    let constants = vec![integers("zero", &[1], &[0]), floats("table", &[3], &[7.0, 8.0, 9.0])];
    graph(nodes, rows, &["value"], constants)
}

#[test]
fn an_instance_that_the_graph_fails_on_spoils_no_other() {
    let model = draft(&table()).load().unwrap();
    let answers = model.predict(&batch(&[r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":-3}"#])).unwrap();
    let scores: Vec<_> =
        answers.iter().map(|a| a.as_ref().map(|p| p.score.unwrap()).map_err(|e| e.kind)).collect();
    assert_eq!(scores, [Ok(9.0), Err(ErrorKind::InferenceFailed), Ok(7.0)]);
}

#[test]
fn a_graph_of_one_row_takes_batches_row_by_row() {
    let rows = vec![input("x", DataType::Float, &["1", "2"])];
    let nodes = vec![with(node("Gather", &["x", "zero"], &["value"]), [int("axis", 1)])];
    let graph = graph(nodes, rows, &["value"], vec![integers("zero", &[1], &[0])]);
    let model = draft(&graph).load().unwrap();
    let answers = model.predict(&batch(&[r#"{"a":1}"#, "", r#"{"a":3}"#])).unwrap();
    let scores: Vec<_> =
        answers.into_iter().map(|a| a.map(|p| p.score.unwrap()).map_err(|e| e.code)).collect();
    assert_eq!(scores, [Ok(1.0), Err("invalid-json"), Ok(3.0)]);
}

#[test]
fn outputs_come_without_the_batch() {
    let model = draft(&echo(2)).load().unwrap();
    for instances in [&[r#"{"a":1,"b":2}"#][..], &[r#"{"a":1,"b":2}"#, r#"{"a":5}"#]] {
        let prediction = model.predict(&batch(instances)).unwrap().remove(0).unwrap();
        assert_eq!(output(&prediction, "value").shape, [1]);
        assert_eq!(output(&prediction, "features").shape, [2]);
        assert_eq!(elements(output(&prediction, "features")), [1.0, 2.0]);
    }
}

#[test]
fn a_value_may_lack_its_column_but_not_its_rows() {
    let sum = |axes: &[i64]| {
        let sum =
            with(node("ReduceMean", &["x"], &["value"]), [ints("axes", axes), int("keepdims", 0)]);
        let rows = vec![input("x", DataType::Float, &["N", "2"])];
        draft(&graph(vec![sum], rows, &["value"], vec![])).load().unwrap()
    };
    let instances = batch(&[r#"{"a":1,"b":3}"#, r#"{"a":5}"#]);
    let codes = |model: &Model| {
        let answers = model.predict(&instances).unwrap();
        answers.into_iter().map(|a| a.map(|p| p.score).map_err(|e| e.code)).collect::<Vec<_>>()
    };
    assert_eq!(codes(&sum(&[1])), [Ok(Some(2.0)), Ok(Some(2.5))]);
    assert_eq!(codes(&sum(&[0, 1])), [Err("unexpected-output"); 2]);
}

#[test]
fn answers_as_json() {
    let check = |draft: Draft, instance: &str, expected: &str| {
        assert_eq!(predict(&draft.load().unwrap(), instance).unwrap().json, expected);
    };
    check(draft(&echo(2)), r#"{"id":"x","a":0.1}"#, r#"{"id":"x","score":0.1}"#);
    check(draft(&echo(2)), r#"{"id":"\"\n","a":1e20}"#, r#"{"id":"\"\n","score":1e+20}"#);
    let named = draft(&echo(2))
        .with("/output", json!({ "value": "value", "score": { "name": "price" } }))
        .with(
            "/decision",
            json!({ "rules": [{ "above": 5, "action": "buy" }], "otherwise": "no" }),
        );
    check(named, r#"{"id":"x","a":5}"#, r#"{"id":"x","price":5.0,"action":"no"}"#);
    check(
        classification(json!(["no", "yes"])),
        r#"{"id":"x","a":0.25,"b":0.75}"#,
        r#"{"id":"x","score":0.75,"label":"yes","probabilities":{"no":0.25,"yes":0.75}}"#,
    );
    let ranged = draft(&echo(2)).with("/input/fields/1/training_range", json!([0, 1]));
    check(
        ranged,
        r#"{"id":"x","a":2}"#,
        r#"{"id":"x","score":2.0,"warnings":["a: 2 lies outside the range seen in training, 0 to 1"]}"#,
    );
}

#[test]
fn labels_scores_and_actions() {
    let spec = json!({
        "labels": ["no", "yes"],
        "probabilities": "probabilities",
        "score": { "name": "risk", "label": "yes" },
    });
    // 0.1 in binary32 lies above 0.1 in binary64.
    let rules = json!([{ "above": 0.5, "action": "stop" }, { "above": 0.1, "action": "ask" }]);
    let model = classification(json!(["no", "yes"]))
        .with("/output", spec)
        .with("/decision", json!({ "rules": rules, "otherwise": "go" }))
        .load()
        .unwrap();
    for (no, yes, label, action) in [
        (0.5, 0.5, "no", "ask"),
        (0.4, 0.6, "yes", "stop"),
        (0.9, 0.1, "no", "ask"),
        (0.9, 0.0625, "no", "go"),
        (-3.0, -2.0, "yes", "go"),
    ] {
        let instance = json!({ "id": "x", "a": no, "b": yes }).to_string();
        let prediction = predict(&model, &instance).unwrap();
        assert_eq!(prediction.score, Some(yes as f32));
        assert_eq!(prediction.label.as_deref(), Some(label), "{instance}");
        assert_eq!(prediction.action.as_deref(), Some(action), "{instance}");
    }
}

#[test]
fn a_prediction_never_says_a_key_twice() {
    for name in ["label", "action", "probabilities", "warnings", "score"] {
        let draft = draft(&echo(2)).with("/input/fields/0/name", json!(name));
        let error = draft.load().expect_err(name);
        assert_eq!(
            (error.code, error.field.as_deref()),
            ("invalid-manifest", Some("input.fields[0].name"))
        );
    }
}
