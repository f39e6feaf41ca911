//! Operations are counted from the shapes of a call, before it runs.

use inference_core::graph::Graph;
use inference_core::{ElementType, ErrorKind, Tensor};
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{encode, floats as initializer, input, model, node};

fn graph(nodes: Vec<NodeProto>, output: &str) -> Graph {
    let inputs = vec![input("x", DataType::Float, &["N", "3"])];
    let weights = vec![initializer("w", &[3, 4], &[0.5; 12])];
    Graph::load(&encode(&model(nodes, inputs, &[output], weights))).unwrap()
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
