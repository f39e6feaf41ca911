//! The task `tensors`: nested arrays in and out, by the graph's own names.

use inference_core::{ErrorKind, Instance, Model};
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::exported::cases;
use crate::support::onnx::{encode, input, int, ints, model, node, strings, with};
use crate::support::package::{load_bare, predict};

fn bare(onnx: Vec<u8>) -> Model {
    load_bare(onnx).unwrap()
}

/// A graph that gives its input `x` back as `y`.
fn echo(kind: DataType, shape: &[&str]) -> ModelProto {
    model(vec![node("Identity", &["x"], &["y"])], vec![input("x", kind, shape)], &["y"], Vec::new())
}

fn check(kind: DataType, shape: &[&str], x: &str, y: &str) {
    let answer = predict(&bare(encode(&echo(kind, shape))), &format!(r#"{{"x":{x}}}"#));
    assert_eq!(answer.unwrap().json, format!(r#"{{"y":{y}}}"#));
}

fn refused(kind: DataType, shape: &[&str], instance: &str, code: &str, message: &str) {
    let error = predict(&bare(encode(&echo(kind, shape))), instance).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, code), "{}", error.message);
    assert_eq!(error.message, message);
}

#[test]
fn elements_of_every_type() {
    check(DataType::Bool, &["N"], "[true,false]", "[true,false]");
    check(DataType::String, &["N", "1"], r#"[["a\"b"],[""],["ü"]]"#, r#"[["a\"b"],[""],["ü"]]"#);
    for kind in [DataType::Int8, DataType::Int16, DataType::Int32, DataType::Int64] {
        check(kind, &["N"], "[-128,0,127.0]", "[-128,0,127]");
    }
    for kind in [DataType::Uint8, DataType::Uint16, DataType::Uint32, DataType::Uint64] {
        check(kind, &["N"], "[0,255]", "[0,255]");
    }
    check(DataType::Int64, &["N"], "[9223372036854775807]", "[9223372036854775807]");
    check(DataType::Uint64, &["N"], "[18446744073709551615]", "[18446744073709551615]");
    check(DataType::Float, &["N"], "[0.1,1,-0.0,1e-45]", "[0.1,1.0,-0.0,1e-45]");
    check(DataType::Double, &["N"], "[0.1,1e300]", "[0.1,1e+300]");
    check(DataType::Float16, &["N"], "[0.1,65504]", "[0.099975586,65504.0]");
}

#[test]
fn numbers_that_json_lacks_are_strings() {
    let all = r#"["NaN","Infinity","-Infinity"]"#;
    for kind in [DataType::Float, DataType::Double, DataType::Float16] {
        check(kind, &["N"], all, all);
    }
}

#[test]
fn shapes_come_from_the_arrays() {
    check(DataType::Float, &[], "2.5", "2.5");
    check(DataType::Float, &["N", "2", "M"], "[[[1],[2]]]", "[[[1.0],[2.0]]]");
    check(DataType::Float, &["N", "2"], "[]", "[]");
    check(DataType::Float, &["N", "M"], "[[],[]]", "[[],[]]");
}

#[test]
fn instances_that_do_not_fit() {
    let float = |instance: &str, code: &str, message: &str| {
        refused(DataType::Float, &["N", "2"], instance, code, message);
    };
    float(
        r#"{"x":[1,2]}"#,
        "wrong-shape",
        "x[0]: expected an array of float32 with the shape [2], found the number 1",
    );
    float(
        r#"{"x":7}"#,
        "wrong-shape",
        "x: expected nested arrays of float32 with the shape [N, 2], found the number 7",
    );
    float(
        r#"{"x":[[1,2],[3]]}"#,
        "wrong-shape",
        "x[1]: expected 2 elements as in the array before, found 1",
    );
    float(r#"{"x":[[1,2,3]]}"#, "wrong-shape", "x: expected the shape [N, 2], found [1, 3]");
    let number = r#"x: expected a number, "NaN", "Infinity" or "-Infinity", found"#;
    float(r#"{"x":[["1",2]]}"#, "wrong-type", &format!(r#"{number} the string "1""#));
    float(r#"{"x":[[null,2]]}"#, "wrong-type", &format!("{number} null"));
    float(r#"{"x":[[[1],2]]}"#, "wrong-type", &format!("{number} an array of 1"));
    let single = "x: expected a number that a float32 can hold, found the number 1e+300";
    float(r#"{"x":[[1e300,2]]}"#, "wrong-type", single);
    float(r#"{"y":[]}"#, "unknown-tensor", r#""y" is not an input of the graph, which takes x"#);
    float("{}", "missing-tensor", r#"the input "x" is missing"#);
    float("[1]", "not-an-object", "expected a JSON object, found an array of 1");
    let range = "x: expected a whole number from -128 to 127, found the number";
    let byte = |x: &str| {
        let instance = format!(r#"{{"x":[{x}]}}"#);
        refused(DataType::Int8, &["N"], &instance, "wrong-type", &format!("{range} {x}"));
    };
    byte("128");
    byte("0.5");
    let message = "x: expected true or false, found the number 1";
    refused(DataType::Bool, &["N"], r#"{"x":[1]}"#, "wrong-type", message);
    let message = "x: expected a string, found the number 1";
    refused(DataType::String, &["N"], r#"{"x":[1]}"#, "wrong-type", message);
}

#[test]
fn texts_and_pictures_are_no_instances() {
    let model = bare(encode(&echo(DataType::Float, &["N"])));
    for instance in [Instance::Text("x".into()), Instance::Image(Vec::new())] {
        let error = model.predict(&[instance]).unwrap().remove(0).unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::UnsupportedInput, "unsupported-input"));
    }
}

fn exported(name: &str) -> Model {
    bare(cases().into_iter().find(|(found, _)| found == name).unwrap().1.model)
}

#[test]
fn maps_are_objects_and_sequences_arrays() {
    let zipped = exported("linear_logistic_names");
    let answer = predict(&zipped, r#"{"X":[[0.5,-1,0.25,2],[0,0,0,0]]}"#).unwrap().json;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let rows = answer["output_probability"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let keys: Vec<_> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["high", "low", "middle"]);

    let several = exported("multi_output_classifier");
    let answer = predict(&several, r#"{"X":[[0.5,-1,0.25,2]]}"#).unwrap().json;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["probabilities"].as_array().unwrap().len(), 2);
}

#[test]
fn a_map_goes_in_as_an_object() {
    let dictionary = exported("dictionary");
    let name = dictionary.describe().inputs[0].name.strip_suffix(".keys").unwrap().to_owned();
    let known = predict(&dictionary, &format!(r#"{{"{name}":{{"a":1.0}}}}"#)).unwrap();
    assert_eq!(known.outputs.len(), 1);
}

#[test]
fn a_name_that_hosts_need() {
    let graph = model(
        vec![node("Identity", &["x"], &["provenance"])],
        vec![input("x", DataType::Float, &["N"])],
        &["provenance"],
        Vec::new(),
    );
    let error = load_bare(encode(&graph)).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::UnsupportedModel, "graph-mismatch"));
}

#[test]
fn a_value_that_an_operator_does_not_accept_is_named() {
    let encoder = |categories| {
        let attributes = [categories, int("zeros", 0)];
        with(node("ai.onnx.ml.OneHotEncoder", &["x"], &["y"]), attributes)
    };
    let check = |data, categories, instance: &str, expected: &str| {
        let graph =
            model(vec![encoder(categories)], vec![input("x", data, &["N"])], &["y"], vec![]);
        let error = predict(&bare(encode(&graph)), instance).unwrap_err();
        assert_eq!(
            (error.kind, error.code),
            (ErrorKind::InvalidInput, "unaccepted-value"),
            "{error}"
        );
        assert_eq!(error.message, expected);
    };
    let words = || strings("cats_strings", &["red", "blue"]);
    check(
        DataType::String,
        words(),
        r#"{"x": ["violet"]}"#,
        r#""violet" is none of the categories "red", "blue""#,
    );
    let numbers: Vec<_> = (1..12).collect();
    let first = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …";
    check(
        DataType::Float,
        ints("cats_int64s", &numbers),
        r#"{"x": [12.5]}"#,
        &format!("12.5 is none of the categories {first}"),
    );
}
