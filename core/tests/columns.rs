//! Tables whose fields enter the graph as they are: a graph's input for each column, or several.

use inference_core::{Error, ErrorKind, Model};
use serde_json::{Value, json};
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{encode, input, int, model, node, with};
use crate::support::package::{elements, load, output, predict};

/// A graph with an input of two numbers, one of whole numbers and one of texts; its outputs are
/// those, and `value`, the whole number as a float.
fn graph() -> ModelProto {
    model(
        vec![
            with(node("Cast", &["count"], &["value"]), [int("to", 1)]),
            node("Identity", &["size"], &["sizes"]),
            node("Identity", &["city"], &["cities"]),
        ],
        vec![
            input("size", DataType::Float, &["N", "2"]),
            input("count", DataType::Int32, &["N", "1"]),
            input("city", DataType::String, &["N"]),
        ],
        &["value", "sizes", "cities"],
        Vec::new(),
    )
}

fn manifest() -> Value {
    json!({
        "format": "samebits/1",
        "name": "columns",
        "version": "1.0.0",
        "task": "tabular-regression",
        "license": "Apache-2.0",
        "files": [],
        "input": { "fields": [
            { "name": "width", "type": "number" },
            { "name": "height", "type": "number", "nullable": true },
            { "name": "count", "type": "integer" },
            { "name": "city", "type": "category", "values": ["Paris", "Zürich"] },
        ] },
        "graph": { "inputs": [
            { "name": "size", "from": "fields", "fields": ["width", "height"] },
            { "name": "count", "from": "fields", "fields": ["count"] },
            { "name": "city", "from": "fields", "fields": ["city"] },
        ] },
        "output": { "value": "value" },
    })
}

fn loaded(manifest: Value) -> Result<Model, Error> {
    load(manifest, &[("model.onnx", "graph", encode(&graph()))])
}

#[test]
fn fields_fill_the_inputs() {
    let model = loaded(manifest()).unwrap();
    let instance = r#"{"width":1.5,"height":2,"count":7,"city":"Zürich"}"#;
    let answer = predict(&model, instance).unwrap();
    assert_eq!(answer.json, r#"{"score":7.0}"#);
    assert_eq!(elements(output(&answer, "sizes")), [1.5, 2.0]);
    assert_eq!(output(&answer, "cities").data, [&[7, 0, 0, 0], "Zürich".as_bytes()].concat());
}

#[test]
fn what_may_be_missing_is_nan() {
    let model = loaded(manifest()).unwrap();
    for height in ["", r#""height":null,"#] {
        let instance = format!(r#"{{"width":1.5,{height}"count":7,"city":"Paris"}}"#);
        let answer = predict(&model, &instance).unwrap();
        let sizes = elements(output(&answer, "sizes"));
        assert!(sizes[0] == 1.5 && sizes[1].is_nan(), "{sizes:?}");
    }
    let error = predict(&model, r#"{"height":1,"count":7,"city":"Paris"}"#).unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), ("missing-field", Some("width")));
}

#[test]
fn a_row_that_fails_leaves_the_others() {
    let model = loaded(manifest()).unwrap();
    let row = |count: &str, city: &str| {
        let text = format!(r#"{{"width":1,"height":2,"count":{count},"city":"{city}"}}"#);
        inference_core::Instance::Json(text)
    };
    let rows = [row("1", "Paris"), row("3000000000", "Zürich"), row("3", "Zürich")];
    let answers = model.predict(&rows).unwrap();
    let scores: Vec<_> = answers.iter().map(|answer| answer.as_ref().ok()?.score).collect();
    assert_eq!(scores, [Some(1.0), None, Some(3.0)]);
    let error = answers[1].as_ref().unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, "out-of-range"));
    let last = answers[2].as_ref().unwrap();
    assert_eq!(output(last, "cities").data, [&[7, 0, 0, 0], "Zürich".as_bytes()].concat());
}

fn mismatch(path: &str, value: Value, field: &str, message: &str) {
    let mut changed = manifest();
    *changed.pointer_mut(path).unwrap() = value;
    let error = loaded(changed).unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), ("graph-mismatch", Some(field)), "{error}");
    assert!(error.message.contains(message), "{error}");
}

#[test]
fn fields_that_do_not_fit_the_graph() {
    mismatch(
        "/graph/inputs/1/fields/0",
        json!("width"),
        "graph.inputs[1].fields",
        r#"the field "width" is a number, the graph's input "count" takes int32"#,
    );
    mismatch(
        "/graph/inputs/0/fields",
        json!(["width"]),
        "graph.inputs[0].fields",
        r#"the graph's input "size" has the shape [N, 2], the manifest fills [N, 1]"#,
    );
    mismatch(
        "/graph/inputs/2/name",
        json!("town"),
        "graph.inputs[2].name",
        r#"the graph has no input "town", its inputs are size, count, city"#,
    );
}
