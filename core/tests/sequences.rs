//! Sequences of tensors and optional values between the nodes of a graph.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, ErrorKind, Tensor};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, NodeProto, ValueInfoProto};

use crate::support::onnx::{declared, encode, graph, input, int, integers, model, node, with};
use crate::support::package::elements;

/// A graph of `x` `[N]`, the constants `minus_one`, `one` and `two`, and these nodes, that gives `y` of
/// this rank.
fn load(nodes: Vec<NodeProto>, kind: DataType, shape: &[&str]) -> Result<Graph, Error> {
    let constant = |name: &str, value| integers(name, &[], &[value]);
    let constants = vec![constant("minus_one", -1), constant("one", 1), constant("two", 2)];
    let inputs = vec![input("x", DataType::Float, &["N"])];
    let model = model(nodes, inputs, &[], constants);
    Graph::load(encode(&declared(model, vec![input("y", kind, shape)])))
}

fn run(nodes: Vec<NodeProto>, kind: DataType, shape: &[&str]) -> Result<Tensor, Error> {
    let values = [1.0_f32, 2.0, 3.0, 4.0, 5.0];
    let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let x = Tensor { name: "x".into(), element_type: ElementType::Float32, shape: vec![5], data };
    Ok(load(nodes, kind, shape).unwrap().run(vec![x])?.remove(0))
}

fn gives(nodes: Vec<NodeProto>, shape: &[usize], expected: &[f32]) {
    let names = vec!["D"; shape.len()];
    let y = run(nodes, DataType::Float, &names).unwrap();
    assert_eq!((y.shape.as_slice(), elements(&y).as_slice()), (shape, expected));
}

fn fails(nodes: Vec<NodeProto>, message: &str) {
    let error = run(nodes, DataType::Float, &["D"]).expect_err(message);
    assert_eq!(error.kind, ErrorKind::InferenceFailed);
    assert!(error.message.contains(message), "{message:?} is not in: {error}");
}

/// `s` are pieces of two, the last of one.
fn pieces() -> NodeProto {
    node("SplitToSequence", &["x", "two"], &["s"])
}

fn at(sequence: &str, place: &str) -> NodeProto {
    node("SequenceAt", &[sequence, place], &["y"])
}

fn joined(sequence: &str) -> NodeProto {
    with(node("ConcatFromSequence", &[sequence], &["y"]), [int("axis", 0)])
}

#[test]
fn a_tensor_is_cut_and_joined() {
    gives(vec![pieces(), at("s", "one")], &[2], &[3.0, 4.0]);
    gives(vec![pieces(), at("s", "minus_one")], &[1], &[5.0]);
    gives(vec![pieces(), joined("s")], &[5], &[1.0, 2.0, 3.0, 4.0, 5.0]);
    gives(vec![node("SplitToSequence", &["x"], &["s"]), at("s", "two")], &[1], &[3.0]);
    let flat = with(node("SplitToSequence", &["x"], &["s"]), [int("keepdims", 0)]);
    gives(vec![flat.clone(), at("s", "two")], &[], &[3.0]);
    let stacked =
        with(node("ConcatFromSequence", &["s"], &["y"]), [int("axis", 0), int("new_axis", 1)]);
    gives(vec![flat, stacked], &[5], &[1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn elements_are_added_and_taken() {
    let construct = node("SequenceConstruct", &["x", "x"], &["t"]);
    let erase = node("SequenceErase", &["s", "one"], &["t"]);
    let erase_last = node("SequenceErase", &["s"], &["t"]);
    let insert = node("SequenceInsert", &["s", "x", "one"], &["t"]);
    let append = node("SequenceInsert", &["s", "x"], &["t"]);
    gives(vec![construct, at("t", "one")], &[5], &[1.0, 2.0, 3.0, 4.0, 5.0]);
    gives(vec![pieces(), erase, joined("t")], &[3], &[1.0, 2.0, 5.0]);
    gives(vec![pieces(), erase_last, joined("t")], &[4], &[1.0, 2.0, 3.0, 4.0]);
    gives(vec![pieces(), insert, at("t", "two")], &[2], &[3.0, 4.0]);
    gives(vec![pieces(), append, at("t", "minus_one")], &[5], &[1.0, 2.0, 3.0, 4.0, 5.0]);
    let nodes = vec![pieces(), node("SequenceLength", &["s"], &["y"])];
    assert_eq!(run(nodes, DataType::Int64, &[]).unwrap().data, 3_i64.to_le_bytes());
}

#[test]
fn a_loop_carries_a_sequence() {
    let body = GraphProto {
        name: "body".into(),
        input: vec![
            input("trip", DataType::Int64, &[]),
            input("went_on", DataType::Bool, &[]),
            ValueInfoProto { name: "old".into(), ..Default::default() },
        ],
        node: vec![
            node("SequenceInsert", &["old", "x"], &["new"]),
            node("Identity", &["went_on"], &["goes_on"]),
        ],
        output: vec![
            input("goes_on", DataType::Bool, &[]),
            ValueInfoProto { name: "new".into(), ..Default::default() },
        ],
        ..Default::default()
    };
    let nodes = vec![
        node("SequenceEmpty", &[], &["none"]),
        with(node("Loop", &["two", "", "none"], &["all"]), [graph("body", body)]),
        node("Identity", &["all"], &["same"]),
        joined("same"),
    ];
    let twice = [1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    gives(nodes, &[10], &twice);
}

#[test]
fn a_graph_is_run_on_each_element() {
    let body = GraphProto {
        name: "body".into(),
        input: vec![input("one_piece", DataType::Float, &["N"])],
        node: vec![node("Neg", &["one_piece"], &["less"])],
        output: vec![input("less", DataType::Float, &["N"])],
        ..Default::default()
    };
    let map = with(node("SequenceMap", &["s"], &["t"]), [graph("body", body)]);
    gives(vec![pieces(), map, joined("t")], &[5], &[-1.0, -2.0, -3.0, -4.0, -5.0]);
}

#[test]
fn an_optional_value_is_there_or_not() {
    let check = |nodes: Vec<NodeProto>, expected: u8| {
        assert_eq!(run(nodes, DataType::Bool, &[]).unwrap().data, [expected]);
    };
    let has = node("OptionalHasElement", &["o"], &["y"]);
    check(vec![node("Optional", &["x"], &["o"]), has.clone()], 1);
    check(vec![node("Optional", &[], &["o"]), has], 0);
    check(vec![node("OptionalHasElement", &["x"], &["y"])], 1);
    check(vec![node("OptionalHasElement", &[], &["y"])], 0);
    let get = node("OptionalGetElement", &["o"], &["y"]);
    let expected = [1.0, 2.0, 3.0, 4.0, 5.0];
    gives(vec![node("Optional", &["x"], &["o"]), get.clone()], &[5], &expected);
    fails(vec![node("Optional", &[], &["o"]), get], "the optional value is not there");
}

#[test]
fn what_does_not_fit_is_an_error_of_the_call() {
    let scalar = integers("lengths", &[2], &[1, 2]);
    let uneven =
        with(node("Constant", &[], &["lengths"]), [crate::support::onnx::tensor("value", scalar)]);
    fails(vec![node("SequenceConstruct", &["x"], &["s"]), at("s", "two")], "axis");
    fails(vec![uneven, node("SplitToSequence", &["x", "lengths"], &["s"]), joined("s")], "pieces");
    fails(vec![node("SequenceEmpty", &[], &["s"]), joined("s")], "an empty sequence");
    fails(
        vec![node("SequenceEmpty", &[], &["s"]), node("Neg", &["s"], &["y"])],
        "a sequence where",
    );
    fails(vec![at("x", "one")], "a tensor where a sequence is expected");
    fails(
        vec![
            node("SequenceEmpty", &[], &["s"]),
            node("SequenceErase", &["s"], &["t"]),
            joined("t"),
        ],
        "nothing is there to erase",
    );
}
