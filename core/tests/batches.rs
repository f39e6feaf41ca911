//! First extents of inputs that the file gives no name.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, ErrorKind, Tensor};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{NodeProto, ValueInfoProto};

use crate::support::onnx::{encode, floats, input, int, model, node, with};
use crate::support::package::elements;

/// Two inputs of rows whose number has no name.
fn inputs() -> Vec<ValueInfoProto> {
    ["a", "b"].map(|name| input(name, DataType::Float, &["?", "1"])).into()
}

fn concat(axis: i64) -> Vec<NodeProto> {
    vec![with(node("Concat", &["a", "b"], &["y"]), [int("axis", axis)])]
}

fn load(nodes: Vec<NodeProto>) -> Graph {
    Graph::load(encode(&model(nodes, inputs(), &["y"], vec![]))).unwrap()
}

fn run(graph: &Graph, a: &[f32], b: &[f32]) -> Result<(Vec<usize>, Vec<f32>), Error> {
    let tensor = |name: &str, values: &[f32]| {
        let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let shape = vec![values.len(), 1];
        Tensor { name: name.into(), element_type: ElementType::Float32, shape, data }
    };
    let y = graph.run(vec![tensor("a", a), tensor("b", b)])?.remove(0);
    Ok((y.shape.clone(), elements(&y)))
}

#[test]
fn they_may_differ() {
    let stacked = load(concat(0));
    assert_eq!(stacked.outputs()[0].shape, ["N+N1", "1"]);
    assert_eq!(run(&stacked, &[1.0, 2.0], &[3.0]).unwrap(), (vec![3, 1], vec![1.0, 2.0, 3.0]));
    let added = load(vec![node("Add", &["a", "b"], &["y"])]);
    assert_eq!(run(&added, &[1.0, 2.0], &[3.0]).unwrap(), (vec![2, 1], vec![4.0, 5.0]));
    assert_eq!(run(&added, &[1.0], &[3.0, 4.0]).unwrap(), (vec![2, 1], vec![4.0, 5.0]));
    assert_eq!(run(&added, &[1.0, 2.0], &[3.0, 4.0]).unwrap(), (vec![2, 1], vec![4.0, 6.0]));
}

#[test]
fn rows_that_do_not_fit_are_the_callers_mistake() {
    let added = load(vec![node("Add", &["a", "b"], &["y"])]);
    let error = run(&added, &[1.0, 2.0], &[3.0, 4.0, 5.0]).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, "wrong-shape"));
    let message = "b has 3 rows, a has 2, and the graph fails on them: ";
    assert!(error.message.starts_with(message), "{error}");
}

#[test]
fn they_are_the_same_where_the_graph_wants_it() {
    let columns = load(concat(1));
    let shapes: Vec<_> = columns.inputs().iter().map(|input| &input.shape).collect();
    assert_eq!(shapes, [&["N", "1"], &["N", "1"]]);
    assert_eq!(run(&columns, &[1.0], &[2.0]).unwrap(), (vec![1, 2], vec![1.0, 2.0]));
    let error = run(&columns, &[1.0, 2.0], &[3.0]).unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, "wrong-shape"));
    assert_eq!(error.message, "b: expected 2 for N as in a, found 1");
}

#[test]
fn they_are_the_same_where_all_inputs_are_filled_with_rows() {
    let graph = encode(&model(concat(0), inputs(), &["y"], vec![]));
    let rows = Graph::load_rows(&graph).unwrap();
    assert_eq!(rows.outputs()[0].shape, ["2*N", "1"]);
}

#[test]
fn a_name_that_inputs_share_is_one_extent() {
    let inputs = ["a", "b"].map(|name| input(name, DataType::Float, &["rows", "1"])).into();
    let graph = Graph::load(encode(&model(concat(0), inputs, &["y"], vec![]))).unwrap();
    let error = run(&graph, &[1.0, 2.0], &[3.0]).unwrap_err();
    assert_eq!(error.message, "b: expected 2 for rows as in a, found 1");
}

#[test]
fn they_may_differ_node_by_node() {
    let nodes = vec![
        with(node("Concat", &["a", "b"], &["all"]), [int("axis", 0)]),
        node("NonZero", &["all"], &["places"]),
        node("Transpose", &["places"], &["turned"]),
        node("GatherND", &["all", "turned"], &["y"]),
    ];
    let mut graph = model(nodes, inputs(), &[], vec![floats("unused", &[1], &[0.0])]);
    if let Some(graph) = &mut graph.graph {
        graph.output = vec![input("y", DataType::Float, &["M"])];
    }
    let graph = Graph::load(encode(&graph)).unwrap();
    assert_eq!(run(&graph, &[1.0, 0.0], &[3.0]).unwrap(), (vec![2], vec![1.0, 3.0]));
}
