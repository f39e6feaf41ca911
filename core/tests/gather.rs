//! `Gather`: an index outside of the axis is an error, not a crash.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, ErrorKind, Tensor};
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{encode, input, int, integers, model, node, with};
use crate::support::package::elements;

/// `y` is what `i` takes out of `x`, of the given shape, along an axis; `i` is a constant or an
/// input of any length.
fn load(shape: &[&str], axis: i64, indices: Option<TensorProto>) -> Result<Graph, Error> {
    let gather = with(node("Gather", &["x", "i"], &["y"]), [int("axis", axis)]);
    let mut inputs = vec![input("x", DataType::Float, shape)];
    if indices.is_none() {
        inputs.push(input("i", DataType::Int64, &["I"]));
    }
    Graph::load(encode(&model(vec![gather], inputs, &["y"], indices.into_iter().collect())))
}

/// Numbers from 0 upwards.
fn counting(shape: &[usize]) -> Tensor {
    let count = u16::try_from(shape.iter().product::<usize>()).unwrap();
    let data = (0..count).flat_map(|x| f32::from(x).to_le_bytes()).collect();
    Tensor { name: "x".into(), element_type: ElementType::Float32, shape: shape.into(), data }
}

fn run(graph: &Graph, shape: &[usize], indices: Option<&[i64]>) -> Result<Vec<f32>, Error> {
    let mut inputs = vec![counting(shape)];
    inputs.extend(indices.map(|indices| Tensor {
        name: "i".into(),
        element_type: ElementType::Int64,
        shape: vec![indices.len()],
        data: indices.iter().flat_map(|index| index.to_le_bytes()).collect(),
    }));
    graph.run(inputs).map(|outputs| elements(&outputs[0]))
}

#[test]
fn constant_indices() {
    let check = |shape: &[&str], axis, indices: &[i64], expected: &[f32]| {
        let length = i64::try_from(indices.len()).unwrap();
        let constant = integers("i", &[length], indices);
        let graph = load(shape, axis, Some(constant)).unwrap();
        assert_eq!(run(&graph, &[2, 3], None).unwrap(), expected);
    };
    check(&["N", "3"], 1, &[0, -1], &[0.0, 2.0, 3.0, 5.0]);
    check(&["N", "3"], -1, &[2, 2], &[2.0, 2.0, 5.0, 5.0]);
    check(&["2", "3"], 0, &[-2], &[0.0, 1.0, 2.0]);
    // Along an axis that is open.
    check(&["N", "3"], 0, &[1, 0], &[3.0, 4.0, 5.0, 0.0, 1.0, 2.0]);
    check(&["N", "3"], 0, &[1], &[3.0, 4.0, 5.0]);
    let scalar = load(&["N", "3"], 1, Some(integers("i", &[], &[1]))).unwrap();
    assert_eq!(run(&scalar, &[2, 3], None).unwrap(), [1.0, 4.0]);
}

#[test]
fn constant_indices_beyond_the_end_are_refused_when_the_graph_is_loaded() {
    for indices in [&[3, 4][..], &[0, -4], &[3], &[i64::MAX, 0], &[i64::MIN, 0]] {
        let length = i64::try_from(indices.len()).unwrap();
        let error =
            load(&["N", "3"], 1, Some(integers("i", &[length], indices))).expect_err("outside");
        assert_eq!((error.kind, error.code), (ErrorKind::UnsupportedModel, "graph-rejected"));
        assert!(error.message.contains("lies outside of an axis of 3"), "{error}");
    }
    for axis in [2, -3, i64::MAX, i64::MIN] {
        let error = load(&["N", "3"], axis, Some(integers("i", &[1], &[0]))).expect_err("no axis");
        assert_eq!(error.code, "graph-rejected");
    }
}

#[test]
fn indices_that_arrive_are_checked_one_by_one() {
    for (shape, axis) in [(["N", "3"], 1), (["N", "3"], 0), (["2", "3"], 0)] {
        let graph = load(&shape, axis, None).unwrap();
        let extent = if axis == 0 { 2 } else { 3 };
        for inside in [&[0, extent - 1][..], &[-1, -extent], &[]] {
            assert!(run(&graph, &[2, 3], Some(inside)).is_ok(), "{inside:?}");
        }
        for outside in [extent, -extent - 1, i64::MAX, i64::MIN] {
            let error = run(&graph, &[2, 3], Some(&[0, outside])).expect_err("outside");
            assert_eq!((error.kind, error.code), (ErrorKind::InferenceFailed, "inference-failed"));
            let message = format!("the index {outside} lies outside of an axis of {extent}");
            assert!(error.message.contains(&message), "{error}");
        }
    }
}
