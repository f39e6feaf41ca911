//! Graphs that tract's plans are wrong about: they answer all the same.

use inference_core::graph::Graph;
use inference_core::{ElementType, Tensor};
use tract_onnx::pb::NodeProto;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{declared, encode, floats, input, int, integers, model, node, with};
use crate::support::package::elements;

/// A graph of `x` with this shape that gives `y`.
fn graph(
    nodes: Vec<NodeProto>,
    shape: &[&str],
    y: (DataType, &[&str]),
    constants: Vec<TensorProto>,
) -> Graph {
    let inputs = vec![input("x", DataType::Float, shape)];
    let model = model(nodes, inputs, &[], constants);
    Graph::load(encode(&declared(model, vec![input("y", y.0, y.1)]))).unwrap()
}

fn run(graph: &Graph, shape: &[usize], values: &[f32]) -> Tensor {
    let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let shape = shape.into();
    let x = Tensor { name: "x".into(), element_type: ElementType::Float32, shape, data };
    graph.run(vec![x]).unwrap().remove(0)
}

#[test]
fn a_slice_ends_where_a_batch_ends() {
    let constants = vec![
        integers("start", &[1], &[0]),
        integers("end", &[1], &[2]),
        integers("axis", &[1], &[0]),
    ];
    let slice = node("Slice", &["x", "start", "end", "axis"], &["y"]);
    let graph = graph(vec![slice], &["N", "1"], (DataType::Float, &["M", "1"]), constants);
    for (rows, expected) in [(1, 1), (2, 2), (3, 2)] {
        let values: Vec<f32> = (0..rows).map(|row| row as f32).collect();
        let y = run(&graph, &[rows, 1], &values);
        assert_eq!(
            (y.shape.as_slice(), elements(&y)),
            (&[expected, 1][..], values[..expected].to_vec())
        );
    }
}

#[test]
fn a_picture_is_scaled_to_a_size_with_the_batch_in_it() {
    let nodes = vec![
        node("Shape", &["x"], &["shape"]),
        node("Gather", &["shape", "first"], &["batch"]),
        with(node("Concat", &["batch", "rest"], &["sizes"]), [int("axis", 0)]),
        node("Resize", &["x", "", "", "sizes"], &["y"]),
    ];
    let constants = vec![integers("first", &[1], &[0]), integers("rest", &[3], &[1, 2, 2])];
    let shape = &["N", "1", "1", "1"];
    let graph = graph(nodes, shape, (DataType::Float, &["N", "1", "2", "2"]), constants);
    for batch in [1, 2] {
        let values = [3.0, 5.0];
        let y = run(&graph, &[batch, 1, 1, 1], &values[..batch]);
        let expected: Vec<f32> = values[..batch].iter().flat_map(|x| [*x; 4]).collect();
        assert_eq!((elements(&y), y.shape), (expected, vec![batch, 1, 2, 2]));
    }
}

#[test]
fn a_sum_of_products_in_64_bits() {
    let double = |from: &str, to: &str| {
        with(node("Cast", &[from], &[to]), [int("to", DataType::Double as i64)])
    };
    let nodes = vec![
        double("x", "rows"),
        double("w", "weights"),
        double("b", "bias"),
        node("Gemm", &["rows", "weights", "bias"], &["y"]),
    ];
    let constants = vec![floats("w", &[2, 1], &[2.0, 3.0]), floats("b", &[1], &[0.5])];
    let graph = graph(nodes, &["N", "2"], (DataType::Double, &["N", "1"]), constants);
    let y = run(&graph, &[1, 2], &[1.0, 10.0]);
    assert_eq!((y.element_type, y.data), (ElementType::Float64, 32.5_f64.to_le_bytes().to_vec()));
}

#[test]
fn infinities_are_told_from_numbers() {
    let nodes = vec![
        node("Div", &["x", "zero"], &["all"]),
        with(node("IsInf", &["all"], &["y"]), [int("detect_negative", 0)]),
    ];
    let constants = vec![floats("zero", &[1], &[0.0])];
    let graph = graph(nodes, &["N"], (DataType::Bool, &["N"]), constants);
    assert_eq!(run(&graph, &[3], &[1.0, 0.0, -1.0]).data, [1, 0, 0]);
}
