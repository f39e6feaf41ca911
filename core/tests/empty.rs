//! Tensors without an element: a batch of no rows, a list that nothing was put into.

use inference_core::graph::Graph;
use inference_core::{ElementType, Tensor};
use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{encode, floats, input, int, integers, ints, model, node, with};

#[test]
fn norms_of_nothing() {
    for (operator, weights, axes) in [
        ("InstanceNormalization", 2, vec![]),
        ("MeanVarianceNormalization", 0, vec![ints("axes", &[0, 2])]),
        ("LayerNormalization", 1, vec![]),
    ] {
        for shape in [[2, 3, 0], [0, 3, 4]] {
            for extents in
                [[0, 1, 2].map(|place| shape[place].to_string()), ["a", "3", "b"].map(String::from)]
            {
                if operator == "LayerNormalization" && extents[2] == "b" {
                    continue;
                }
                let names = &["x", "scale", "shift"][..=weights];
                let extents = extents.each_ref().map(String::as_str);
                let inputs = vec![input("x", DataType::Float, &extents)];
                let count = if weights == 1 { shape[2] } else { 3 };
                let ones = |name| floats(name, &[count as i64], &vec![1.0; count]);
                let proto = model(
                    vec![with(node(operator, names, &["y"]), axes.clone())],
                    inputs,
                    &["y"],
                    vec![ones("scale"), ones("shift")],
                );
                let graph = Graph::load(encode(&proto)).unwrap();
                let (name, element_type) = ("x".into(), ElementType::Float32);
                let x = Tensor { name, element_type, shape: shape.into(), data: vec![] };
                assert_eq!(graph.run(vec![x]).unwrap()[0].shape, shape, "{operator} {extents:?}");
            }
        }
    }
}

/// What `operator` gives along `axis` of a float32 tensor of a shape without elements, whose extents
/// are declared as numbers, or each with a name.
fn given(operator: &str, axis: i64, shape: &[usize], named: bool, data: DataType) -> Vec<usize> {
    let extents = shape.iter().enumerate();
    let extents = extents.map(|(place, extent)| match named {
        true => format!("d{place}"),
        false => extent.to_string(),
    });
    let extents: Vec<_> = extents.collect();
    let extents: Vec<_> = extents.iter().map(String::as_str).collect();
    let listed = operator == "ReduceSum";
    let attributes: Vec<AttributeProto> = match operator {
        "ReduceSum" => vec![int("keepdims", 0)],
        _ if operator.starts_with("Reduce") => {
            vec![ints("axes", &[axis]), int("keepdims", 0)]
        }
        _ => vec![int("axis", axis)],
    };
    let names: &[&str] = match operator {
        "Concat" => &["x", "x"],
        _ if listed => &["x", "axes"],
        _ => &["x"],
    };
    let nodes = vec![with(node(operator, names, &["y"]), attributes)];
    let constants = if listed { vec![integers("axes", &[1], &[axis])] } else { vec![] };
    let proto = model(nodes, vec![input("x", data, &extents)], &["y"], constants);
    let graph = Graph::load(encode(&proto)).unwrap();
    let element_type = graph.inputs()[0].element_type;
    let x = Tensor { name: "x".into(), element_type, shape: shape.into(), data: vec![] };
    graph.run(vec![x]).unwrap().remove(0).shape
}

#[test]
fn nothing_is_reduced_to_something_and_something_to_nothing() {
    for operator in [
        "ReduceSum",
        "ReduceMean",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceSumSquare",
        "ReduceProd",
        "ReduceMax",
        "ReduceLogSumExp",
    ] {
        for data in [DataType::Float, DataType::Double, DataType::Int32, DataType::Int64] {
            for named in [false, true] {
                assert_eq!(given(operator, 1, &[2, 0], named, data), [2], "{operator} {data:?}");
                assert_eq!(given(operator, 0, &[2, 0], named, data), [0], "{operator} {data:?}");
                assert_eq!(given(operator, 0, &[0, 3], named, data), [3], "{operator} {data:?}");
            }
        }
    }
}

#[test]
fn operators_along_an_axis_of_nothing() {
    for operator in ["Softmax", "LogSoftmax", "Hardmax", "LpNormalization"] {
        for data in [DataType::Float, DataType::Double, DataType::Float16] {
            for named in [false, true] {
                for (axis, shape) in [(1, [2, 0]), (0, [2, 0]), (0, [0, 3]), (1, [0, 3])] {
                    assert_eq!(given(operator, axis, &shape, named, data), shape, "{operator}");
                }
            }
        }
    }
    assert_eq!(given("Concat", 0, &[2, 0], false, DataType::Int64), [4, 0]);
}
