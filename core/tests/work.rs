//! Operations are counted from the shapes of a call, before it runs.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, ErrorKind, Tensor};
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{declared, encode, floats as initializer, input, integers, model, node};

fn graph(nodes: Vec<NodeProto>, output: &str) -> Graph {
    let inputs = vec![input("x", DataType::Float, &["N", "3"])];
    let weights = vec![initializer("w", &[3, 4], &[0.5; 12])];
    Graph::load(encode(&model(nodes, inputs, &[output], weights))).unwrap()
}

fn rows(count: usize) -> Vec<Tensor> {
    let data = std::iter::repeat_n(1.0_f32.to_le_bytes(), count * 3).flatten().collect();
    let shape = vec![count, 3];
    vec![Tensor { name: "x".into(), element_type: ElementType::Float32, shape, data }]
}

#[test]
fn a_call_may_take_as_much_as_it_is_allowed_and_no_more() {
    let graph = graph(vec![node("MatMul", &["x", "w"], &["y"])], "y");
    let one = graph.operations().unwrap();
    assert!(one >= 12, "{one} operations for 12 multiplications");
    graph.run_within(rows(1), one).unwrap();
    for (count, operations) in [(1, one - 1), (2, one), (1000, 2 * one)] {
        let error = graph.run_within(rows(count), operations).unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::TooLarge, "too-much-work"), "{error}");
    }
    // The weights are there once, however many rows there are.
    graph.run_within(rows(1000), 1000 * one).unwrap();
}

#[test]
fn work_that_follows_from_values_is_not_known() {
    let graph = graph(vec![node("NonZero", &["x"], &["y"])], "y");
    assert_eq!(graph.operations(), None);
    graph.run_within(rows(2), 1_000).unwrap();
}

/// Every product of two of the `width` columns of a row.
fn products(width: usize) -> Result<Graph, Error> {
    let inputs = vec![input("x", DataType::Float, &["N", &width.to_string()])];
    let nodes = vec![
        node("Unsqueeze", &["x", "first"], &["row"]),
        node("Unsqueeze", &["x", "second"], &["column"]),
        node("Mul", &["row", "column"], &["all"]),
        node("Softmax", &["all"], &["y"]),
    ];
    let axes = vec![integers("first", &[1], &[1]), integers("second", &[1], &[2])];
    Graph::load(encode(&model(nodes, inputs, &["y"], axes)))
}

#[test]
fn a_row_that_no_memory_holds_is_refused_when_the_graph_is_loaded() {
    let error = products(65_536).expect_err("2^32 products of 4 bytes");
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidModel, "graph-too-large"));
    let message =
        "one row takes a tensor of 1.7e10 bytes, at most 2.1e9 fit the memory of an instance";
    assert_eq!(error.message, message);
}

#[test]
fn rows_that_no_memory_holds_are_refused_before_they_run() {
    let graph = products(1024).unwrap();
    let rows = |count: usize| {
        let (shape, data) = (vec![count, 1024], vec![0; count * 1024 * 4]);
        vec![Tensor { name: "x".into(), element_type: ElementType::Float32, shape, data }]
    };
    graph.run(rows(1)).unwrap();
    let error = graph.run(rows(600)).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::TooLarge, "too-much-memory"), "{error}");
    assert!(error.message.starts_with("a tensor of 2.5e9 bytes for one call"), "{error}");
}

/// The same beside a reshape to a shape that arrives with the call, so that it is run node by node.
fn products_node_by_node(width: usize) -> Result<Graph, Error> {
    let width = &width.to_string();
    let inputs =
        vec![input("x", DataType::Float, &["N", width]), input("shape", DataType::Int64, &["1"])];
    let nodes = vec![
        node("Unsqueeze", &["x", "first"], &["row"]),
        node("Unsqueeze", &["x", "second"], &["column"]),
        node("Mul", &["row", "column"], &["all"]),
        node("Softmax", &["all"], &["y"]),
        node("Reshape", &["x", "shape"], &["z"]),
    ];
    let axes = vec![integers("first", &[1], &[1]), integers("second", &[1], &[2])];
    let outputs = vec![
        input("y", DataType::Float, &["N", width, width]),
        input("z", DataType::Float, &["M"]),
    ];
    Graph::load(encode(&declared(model(nodes, inputs, &[], axes), outputs)))
}

fn with_shape(count: usize, width: usize) -> Vec<Tensor> {
    let tensor = |name: &str, element_type, shape: Vec<usize>, data| Tensor {
        name: name.into(),
        element_type,
        shape,
        data,
    };
    let elements = i64::try_from(count * width).unwrap().to_le_bytes().to_vec();
    vec![
        tensor("x", ElementType::Float32, vec![count, width], vec![0; count * width * 4]),
        tensor("shape", ElementType::Int64, vec![1], elements),
    ]
}

#[test]
fn a_row_that_no_memory_holds_is_refused_node_by_node_too() {
    let error = products_node_by_node(65_536).expect_err("2^32 products of 4 bytes");
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidModel, "graph-too-large"));
    assert!(error.message.starts_with("one row takes a tensor of 1.7e10 bytes"), "{error}");
    let graph = products_node_by_node(1024).unwrap();
    let error = graph.run(with_shape(600, 1024)).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::TooLarge, "too-much-memory"), "{error}");
}

#[test]
fn the_least_work_of_a_graph_is_known_node_by_node() {
    let graph = products_node_by_node(8).unwrap();
    assert_eq!(graph.operations(), None);
    graph.run_within(with_shape(2, 8), 10_000).unwrap();
    let error = graph.run_within(with_shape(1000, 8), 10_000).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::TooLarge, "too-much-work"), "{error}");
    assert!(error.message.starts_with("at least 2.2e5 operations"), "{error}");
}

#[test]
fn a_constant_that_no_memory_holds_is_refused_with_its_size() {
    let nodes = vec![node("ConstantOfShape", &["shape"], &["y"])];
    let constants = vec![integers("shape", &[2], &[1 << 20, 1 << 20])];
    let inputs = vec![input("x", DataType::Float, &["N"])];
    let error = Graph::load(encode(&model(nodes, inputs, &["y"], constants))).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidModel, "graph-too-large"), "{error}");
    assert!(
        error.message.ends_with("gives 1.1e12 elements, at most 5.4e8 are accepted"),
        "{error}"
    );
}
