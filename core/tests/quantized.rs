//! ONNX Runtime's quantised operators.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, Tensor};
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{NodeProto, OperatorSetIdProto, TensorProto};

use crate::support::onnx::{encode, floats, input, int, model, node, with};

fn bytes(name: &str, dims: &[i64], values: &[u8]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.into(),
        data_type: DataType::Uint8 as i32,
        raw_data: values.into(),
        ..Default::default()
    }
}

/// A node of `com.microsoft` on `x`, bytes of a scale of 0.5 around 10, and constants: `w` of a scale of
/// 0.25 around 0, and the scale `s` of 1 with the zero point `z` of 100 for what comes out.
fn load(own: NodeProto) -> Result<Graph, Error> {
    let own = NodeProto { domain: "com.microsoft".into(), ..own };
    let inputs = vec![input("x", DataType::Uint8, &["N", "2"])];
    let constants = vec![
        floats("xs", &[], &[0.5]),
        bytes("xz", &[], &[10]),
        bytes("w", &[2, 2], &[4, 8, 12, 16]),
        floats("ws", &[], &[0.25]),
        bytes("wz", &[], &[0]),
        floats("s", &[], &[1.0]),
        bytes("z", &[], &[100]),
    ];
    let mut model = model(vec![own], inputs, &["y"], constants);
    model.opset_import.push(OperatorSetIdProto { domain: "com.microsoft".into(), version: 1 });
    Graph::load(encode(&model))
}

fn run(own: NodeProto) -> Vec<u8> {
    let (name, element_type, shape) = ("x".into(), ElementType::Uint8, vec![2, 2]);
    // −5, 1, 4 and 20.
    let x = Tensor { name, element_type, shape, data: vec![0, 12, 18, 50] };
    load(own).unwrap().run(vec![x]).unwrap().remove(0).data
}

#[test]
fn sums_and_products() {
    let inputs = ["x", "xs", "xz", "w", "ws", "wz", "s", "z"];
    // With 1, 2, 3 and 4.
    assert_eq!(run(node("QLinearAdd", &inputs, &["y"])), [96, 103, 107, 124]);
    assert_eq!(run(node("QLinearMul", &inputs, &["y"])), [95, 102, 112, 180]);
}

#[test]
fn functions_of_one_tensor() {
    let inputs = ["x", "xs", "xz", "s", "z"];
    assert_eq!(run(node("QLinearSigmoid", &inputs, &["y"])), [100, 101, 101, 101]);
    let softmax = with(node("QLinearSoftmax", &inputs, &["y"]), [int("axis", 1), int("opset", 13)]);
    assert_eq!(run(softmax), [100, 101, 100, 101]);
    let turned = with(node("QLinearAveragePool", &inputs, &["y"]), [int("channels_last", 1)]);
    let error = load(turned).unwrap_err();
    assert_eq!(error.code, "unsupported-operator");
    assert!(error.message.contains("com.microsoft.QLinearAveragePool"), "{error}");
}

#[test]
fn tensors_side_by_side() {
    let inputs = ["s", "z", "x", "xs", "xz", "w", "ws", "wz"];
    let joined = with(node("QLinearConcat", &inputs, &["y"]), [int("axis", 0)]);
    assert_eq!(run(joined), [95, 101, 104, 120, 101, 102, 103, 104]);
}

#[test]
fn products_of_matrices() {
    let product = node("QGemm", &["x", "xs", "xz", "w", "ws", "wz", "", "s", "z"], &["y"]);
    // [−5 1] and [4 20] times [1 2] over [3 4].
    assert_eq!(run(product), [98, 94, 164, 188]);
    let real = node("QGemm", &["x", "xs", "xz", "w", "ws", "wz"], &["y"]);
    let bits: Vec<u8> = [-2.0_f32, -6.0, 64.0, 88.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(run(real), bits);
}
