//! Sequences of tensors and optional values that enter and leave a graph.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, ErrorKind, Tensor, TensorType};
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{encode, input, integers, model, node};
use crate::support::package::{load_bare, predict};

/// A message in a field of a protobuf.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128 && number < 16, "larger ones take more bytes");
    [&[number << 3 | 2, length], content].concat()
}

/// `tensor(float)` of any shape, and types made of it, as `TypeProto` has them: the messages of the
/// tests have only tensors.
fn tensor() -> Vec<u8> {
    field(1, &[1 << 3, 1])
}

fn sequence(of: &[u8]) -> Vec<u8> {
    field(4, &field(1, of))
}

fn optional(of: &[u8]) -> Vec<u8> {
    field(9, &field(1, of))
}

/// A graph of `t` `[N]` and an input and an output of these types. The bytes of a message that stand
/// behind those of another are added to it.
fn bytes(nodes: Vec<NodeProto>, x: Option<&[u8]>, y: &[u8]) -> Vec<u8> {
    let inputs = vec![input("t", DataType::Float, &["N"])];
    let model = model(nodes, inputs, &[], vec![integers("zero", &[], &[0])]);
    let named = |name: &str, kind: &[u8]| [field(1, name.as_bytes()), field(2, kind)].concat();
    let x = x.map(|kind| field(11, &named("x", kind))).unwrap_or_default();
    let y = field(12, &named("y", y));
    [encode(&model), field(7, &[x, y].concat())].concat()
}

fn names(types: &[TensorType]) -> Vec<String> {
    types.iter().map(|found| format!("{} [{}]", found.name, found.shape.join(", "))).collect()
}

fn real(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor { name: name.into(), element_type: ElementType::Float32, shape: shape.into(), data }
}

/// `t` in front of the sequence `x`.
fn inserting() -> Vec<u8> {
    let insert = node("SequenceInsert", &["x", "t", "zero"], &["y"]);
    bytes(vec![insert], Some(&sequence(&tensor())), &sequence(&tensor()))
}

/// What is in `x`, if anything is.
fn unwrapping() -> Vec<u8> {
    let nodes = vec![node("Identity", &["x"], &["y"]), node("Neg", &["t"], &["unused"])];
    bytes(nodes, Some(&optional(&tensor())), &optional(&tensor()))
}

#[test]
fn a_sequence_is_as_many_tensors_as_it_has() {
    let graph = Graph::load(inserting()).unwrap();
    assert_eq!(names(graph.inputs()), ["t [N]", "x[] [...]"]);
    assert_eq!(names(graph.outputs()), ["y[] [...]"]);
    let t = || real("t", &[2], &[1.0, 2.0]);
    let (a, b) = (real("x[0]", &[1, 1], &[3.0]), real("x[1]", &[], &[4.0]));
    let given = graph.run(vec![a, t(), b]).unwrap();
    let expected =
        [real("y[0]", &[2], &[1.0, 2.0]), real("y[1]", &[1, 1], &[3.0]), real("y[2]", &[], &[4.0])];
    assert_eq!(given, expected);
    assert_eq!(graph.run(vec![t()]).unwrap(), [real("y[0]", &[2], &[1.0, 2.0])]);
}

#[test]
fn elements_have_no_gap() {
    let graph = Graph::load(inserting()).unwrap();
    let given = vec![real("t", &[1], &[0.0]), real("x[0]", &[], &[0.0]), real("x[2]", &[], &[0.0])];
    let error = graph.run(given).expect_err("x[1] is missing");
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, "unknown-tensor"));
}

#[test]
fn an_optional_value_is_a_tensor_or_none() {
    let graph = Graph::load(unwrapping()).unwrap();
    assert_eq!(names(graph.inputs()), ["t [N]", "x? [...]"]);
    let t = || real("t", &[1], &[0.0]);
    assert_eq!(graph.run(vec![t()]).unwrap(), []);
    let given = vec![t(), real("x", &[1, 2], &[1.0, 2.0])];
    assert_eq!(graph.run(given).unwrap(), [real("y", &[1, 2], &[1.0, 2.0])]);
}

#[test]
fn an_optional_sequence() {
    let kind = optional(&sequence(&tensor()));
    let graph = bytes(vec![node("Identity", &["x"], &["y"])], Some(&kind), &kind);
    let graph = Graph::load(&graph).unwrap();
    assert_eq!(names(graph.outputs()), ["y[]? [...]"]);
    let t = || real("t", &[1], &[0.0]);
    assert_eq!(graph.run(vec![t()]).unwrap(), []);
    let given = vec![t(), real("x[0]", &[1], &[1.0])];
    assert_eq!(graph.run(given).unwrap(), [real("y[0]", &[1], &[1.0])]);
}

#[test]
fn types_that_stay_out() {
    let kind = sequence(&sequence(&tensor()));
    let nodes = vec![node("SplitToSequence", &["t"], &["y"])];
    let error = Graph::load(bytes(nodes, None, &kind)).expect_err("a sequence of sequences");
    assert_eq!((error.kind, error.code), (ErrorKind::UnsupportedModel, "unsupported-type"));
    assert_eq!(error.field.as_deref(), Some("y"));
    assert!(error.message.contains("sequence of tensors or optional tensor"), "{error}");
}

#[test]
fn in_json_a_sequence_is_an_array_and_nothing_is_null() {
    let answer = |onnx: Vec<u8>, instance: &str| -> Result<String, Error> {
        Ok(predict(&load_bare(onnx).unwrap(), instance)?.json)
    };
    let json = answer(inserting(), r#"{"t":[1],"x":[[[2,3]],4]}"#).unwrap();
    assert_eq!(json, r#"{"y":[[1.0],[[2.0,3.0]],4.0]}"#);
    let json = answer(inserting(), r#"{"t":[1],"x":[]}"#).unwrap();
    assert_eq!(json, r#"{"y":[[1.0]]}"#);
    assert_eq!(answer(unwrapping(), r#"{"t":[1],"x":null}"#).unwrap(), r#"{"y":null}"#);
    assert_eq!(answer(unwrapping(), r#"{"t":[1]}"#).unwrap(), r#"{"y":null}"#);
    assert_eq!(answer(unwrapping(), r#"{"t":[1],"x":[2]}"#).unwrap(), r#"{"y":[2.0]}"#);
    let error = answer(inserting(), r#"{"t":[1],"x":5}"#).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        ("wrong-type", "x: expected an array of tensors, found the number 5")
    );
    let error = answer(inserting(), r#"{"t":[1],"x":[[1,[2]]]}"#).unwrap_err();
    assert_eq!(error.field.as_deref(), Some("x"));
    assert!(error.message.starts_with("x[0]"), "{error}");
}
