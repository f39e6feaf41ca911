//! Graphs that are run node by node, because their shapes depend on values.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, ErrorKind, Tensor};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

use crate::support::onnx::{
    declared, encode, floats, graph, input, int, integers, model, node, with,
};
use crate::support::package::elements;

/// A model whose outputs have types, without which a graph can't be run node by node.
fn typed(
    nodes: Vec<NodeProto>,
    inputs: Vec<ValueInfoProto>,
    outputs: Vec<ValueInfoProto>,
    initializers: Vec<TensorProto>,
) -> ModelProto {
    declared(model(nodes, inputs, &[], initializers), outputs)
}

fn load(model: &ModelProto) -> Result<Graph, Error> {
    Graph::load(encode(model))
}

fn real(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor { name: name.into(), element_type: ElementType::Float32, shape: shape.into(), data }
}

fn whole(name: &str, values: &[i64]) -> Tensor {
    let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let shape = vec![values.len()];
    Tensor { name: name.into(), element_type: ElementType::Int64, shape, data }
}

/// `y` is `x` in the shape `s`.
fn reshape() -> Graph {
    let nodes = vec![node("Reshape", &["x", "s"], &["y"])];
    let inputs =
        vec![input("x", DataType::Float, &["N", "2"]), input("s", DataType::Int64, &["2"])];
    load(&typed(nodes, inputs, vec![input("y", DataType::Float, &["A", "B"])], vec![])).unwrap()
}

#[test]
fn a_shape_that_arrives() {
    let graph = reshape();
    for (given, expected) in [([4, 1], [4, 1]), ([1, -1], [1, 4]), ([0, 2], [2, 2])] {
        let inputs = vec![real("x", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), whole("s", &given)];
        let output = graph.run(inputs).unwrap().remove(0);
        assert_eq!(output.shape, expected);
        assert_eq!(elements(&output), [1.0, 2.0, 3.0, 4.0]);
    }
}

#[test]
fn a_shape_that_does_not_fit_is_an_error_of_the_call() {
    let inputs = vec![real("x", &[2, 2], &[0.0; 4]), whole("s", &[3, 3])];
    let error = reshape().run(inputs).expect_err("9 elements of 4");
    assert_eq!((error.kind, error.code), (ErrorKind::InferenceFailed, "inference-failed"));
    assert!(error.message.contains("Reshape"), "{error}");
}

#[test]
fn without_declared_outputs_the_refusal_of_the_plan_stands() {
    let nodes = vec![node("Reshape", &["x", "s"], &["y"])];
    let inputs =
        vec![input("x", DataType::Float, &["N", "2"]), input("s", DataType::Int64, &["2"])];
    let error = load(&model(nodes, inputs, &["y"], vec![])).expect_err("no types");
    assert_eq!((error.kind, error.code), (ErrorKind::UnsupportedModel, "graph-rejected"));
}

/// Adds `step` to `x` again and again: at most `trips` times, and until it is 10 or more.
fn counting() -> Graph {
    let condition = input("goes_on", DataType::Bool, &[]);
    let body = GraphProto {
        name: "body".into(),
        input: vec![
            input("trip", DataType::Int64, &[]),
            input("went_on", DataType::Bool, &[]),
            input("old", DataType::Float, &["1"]),
        ],
        node: vec![
            node("Add", &["old", "step"], &["new"]),
            node("Less", &["new", "ten"], &["less"]),
            node("Squeeze", &["less"], &["goes_on"]),
            node("Identity", &["new"], &["seen"]),
        ],
        output: vec![
            condition,
            input("new", DataType::Float, &["1"]),
            input("seen", DataType::Float, &["1"]),
        ],
        initializer: vec![floats("ten", &[1], &[10.0])],
        ..Default::default()
    };
    let nodes = vec![with(node("Loop", &["trips", "", "x"], &["y", "all"]), [graph("body", body)])];
    let inputs = vec![
        input("x", DataType::Float, &["1"]),
        input("step", DataType::Float, &["1"]),
        input("trips", DataType::Int64, &["1"]),
    ];
    let outputs =
        vec![input("y", DataType::Float, &["1"]), input("all", DataType::Float, &["K", "1"])];
    load(&typed(nodes, inputs, outputs, vec![])).unwrap()
}

#[test]
fn a_loop_ends_by_its_condition_or_its_trips() {
    let check = |step: f32, trips: i64, expected: &[f32]| {
        let inputs =
            vec![real("x", &[1], &[0.0]), real("step", &[1], &[step]), whole("trips", &[trips])];
        let outputs = counting().run(inputs).unwrap();
        assert_eq!(elements(&outputs[0]), expected[expected.len() - 1..]);
        assert_eq!((elements(&outputs[1]), outputs[1].shape[0]), (expected.into(), expected.len()));
    };
    check(4.0, 100, &[4.0, 8.0, 12.0]);
    check(1.0, 2, &[1.0, 2.0]);
}

#[test]
fn a_loop_without_end_is_stopped() {
    let inputs =
        vec![real("x", &[1], &[0.0]), real("step", &[1], &[0.0]), whole("trips", &[i64::MAX])];
    let error = counting().run(inputs).expect_err("never reaches 10");
    assert!(error.message.contains("runs more than"), "{error}");
}

#[test]
fn a_branch_is_taken_by_a_value() {
    let branch = |name: &str, operator: &str| GraphProto {
        name: name.into(),
        node: vec![node(operator, &["x"], &[name])],
        output: vec![input(name, DataType::Float, &["N"])],
        ..Default::default()
    };
    let branches = [
        graph("then_branch", branch("negative", "Neg")),
        graph("else_branch", branch("absolute", "Abs")),
    ];
    // The reshape makes a plan impossible.
    let nodes =
        vec![with(node("If", &["c"], &["z"]), branches), node("Reshape", &["z", "s"], &["y"])];
    let inputs = vec![
        input("c", DataType::Bool, &[]),
        input("x", DataType::Float, &["N"]),
        input("s", DataType::Int64, &["1"]),
    ];
    let graph = load(&typed(nodes, inputs, vec![input("y", DataType::Float, &["N"])], vec![]));
    let graph = graph.unwrap();
    for (condition, expected) in [(1, -2.0), (0, 2.0)] {
        let condition = Tensor {
            name: "c".into(),
            element_type: ElementType::Bool,
            shape: vec![],
            data: vec![condition],
        };
        let inputs = vec![condition, real("x", &[1], &[2.0]), whole("s", &[1])];
        assert_eq!(elements(&graph.run(inputs).unwrap()[0]), [expected]);
    }
}

#[test]
fn a_row_has_the_same_bits_in_every_batch() {
    let width = 48;
    let weights: Vec<f32> = (0..width * width).map(|i| (i as f32 * 0.37).sin()).collect();
    let nodes = vec![
        node("Reshape", &["x", "s"], &["r"]),
        node("MatMul", &["r", "w"], &["m"]),
        with(node("Gemm", &["m", "w", "b"], &["y"]), [int("transB", 1)]),
    ];
    let extent = width.to_string();
    let inputs =
        vec![input("x", DataType::Float, &["N", &extent]), input("s", DataType::Int64, &["2"])];
    let side = i64::try_from(width).unwrap();
    let constants =
        vec![floats("w", &[side, side], &weights), floats("b", &[side], &weights[..width])];
    let outputs = vec![input("y", DataType::Float, &["N", &extent])];
    let graph = load(&typed(nodes, inputs, outputs, constants)).unwrap();
    let rows = 50;
    let values: Vec<f32> = (0..rows * width).map(|i| (i as f32 * 0.11).cos()).collect();
    let run = |values: &[f32]| {
        let shape = [values.len() / width, width];
        graph.run(vec![real("x", &shape, values), whole("s", &[-1, side])]).unwrap().remove(0).data
    };
    let together = run(&values);
    let alone: Vec<u8> = values.chunks(width).flat_map(run).collect();
    assert_eq!(together, alone);
}

#[test]
fn a_tensor_that_no_memory_holds_is_refused() {
    let nodes = vec![node("Expand", &["x", "s"], &["e"]), node("CumSum", &["e", "zero"], &["y"])];
    let inputs = vec![input("x", DataType::Float, &["1"]), input("s", DataType::Int64, &["3"])];
    let outputs = vec![input("y", DataType::Float, &["A", "B", "C"])];
    let graph = load(&typed(nodes, inputs, outputs, vec![integers("zero", &[], &[0])])).unwrap();
    let inputs = vec![real("x", &[1], &[0.0]), whole("s", &[1 << 20, 1 << 20, 1 << 20])];
    let error = graph.run(inputs).expect_err("an exabyte");
    assert_eq!(error.kind, ErrorKind::InferenceFailed);
}

#[test]
fn a_wrong_graph_is_refused_when_it_is_loaded_even_if_its_outputs_are_declared() {
    let nodes = vec![node("MatMul", &["x", "w"], &["y"])];
    let inputs = vec![input("x", DataType::Float, &["N", "2"])];
    let outputs = vec![input("y", DataType::Float, &["N", "1"])];
    let error = load(&typed(nodes, inputs, outputs, vec![floats("w", &[3, 1], &[1.0; 3])]))
        .expect_err("2 columns and 3 rows");
    assert_eq!((error.kind, error.code), (ErrorKind::UnsupportedModel, "graph-rejected"));
}

#[test]
fn every_second_row() {
    let slice = node("Slice", &["x", "start", "end", "axis", "step"], &["y"]);
    let constants = vec![
        integers("start", &[1], &[0]),
        integers("end", &[1], &[i64::MAX]),
        integers("axis", &[1], &[0]),
        integers("step", &[1], &[2]),
    ];
    let (x, y) =
        (input("x", DataType::Float, &["N", "1"]), input("y", DataType::Float, &["M", "1"]));
    let graph = load(&typed(vec![slice], vec![x], vec![y], constants)).unwrap();
    for (rows, expected) in [(1, &[0.0][..]), (4, &[0.0, 2.0]), (5, &[0.0, 2.0, 4.0])] {
        let values: Vec<f32> = (0..rows).map(|row| row as f32).collect();
        let y = graph.run(vec![real("x", &[rows, 1], &values)]).unwrap().remove(0);
        assert_eq!(elements(&y), expected);
    }
}

/// PyTorch's older exporter writes the length that it saw into attention.
#[test]
fn an_extent_with_a_name_that_the_graph_takes_for_a_number() {
    let nodes = vec![node("Reshape", &["x", "shape"], &["y"])];
    let inputs = vec![input("x", DataType::Float, &["time", "batch", "2"])];
    let outputs = vec![input("y", DataType::Float, &["3", "batch", "2"])];
    let constants = vec![integers("shape", &[3], &[3, 1, 2])];
    let graph = load(&typed(nodes, inputs, outputs, constants)).unwrap();
    let y = graph.run(vec![real("x", &[3, 1, 2], &[1.0; 6])]).unwrap().remove(0);
    assert_eq!(y.shape, [3, 1, 2]);
    let error = graph.run(vec![real("x", &[4, 1, 2], &[1.0; 8])]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InferenceFailed, "{error}");
}
