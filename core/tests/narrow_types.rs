//! Element types that tract lacks, through `Cast`: what each value becomes, by the tables of
//! <https://onnx.ai/onnx/operators/onnx__Cast.html>.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, Tensor};
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{declared, encode, input, int, model, node, typed_input, with};
use crate::support::package::elements;

/// The numbers of the types in `TensorProto.DataType`.
const BFLOAT16: i64 = 16;
const FLOAT8E4M3FN: i64 = 17;
const FLOAT8E4M3FNUZ: i64 = 18;
const FLOAT8E5M2: i64 = 19;
const FLOAT8E8M0: i64 = 24;
const FLOAT4E2M1: i64 = 23;
const UINT4: i64 = 21;
const INT4: i64 = 22;
const INT2: i64 = 26;

/// From float32 to the type and back, or only to it.
fn cast(to: i64, back: bool, saturate: bool) -> ModelProto {
    let attributes = [int("to", to), int("saturate", saturate.into())];
    let mut nodes = vec![with(node("Cast", &["x"], &["y"]), attributes)];
    let mut output = typed_input("y", to, &["N"]);
    if back {
        nodes.push(with(node("Cast", &["y"], &["z"]), [int("to", 1)]));
        output = input("z", DataType::Float, &["N"]);
    }
    declared(model(nodes, vec![input("x", DataType::Float, &["N"])], &[], vec![]), vec![output])
}

fn run(model: &ModelProto, values: &[f32]) -> Result<Tensor, Error> {
    let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let shape = vec![values.len()];
    let x = Tensor { name: "x".into(), element_type: ElementType::Float32, shape, data };
    Ok(Graph::load(encode(model))?.run(vec![x])?.remove(0))
}

#[test]
fn values_between_two_become_the_nearer_and_of_halves_the_even() {
    let check = |to, values: &[f32], expected: &[f32]| {
        assert_eq!(elements(&run(&cast(to, true, true), values).unwrap()), expected, "{to}");
    };
    check(BFLOAT16, &[1.0, 1.003_906_3, 1.011_718_8, -0.1], &[1.0, 1.0, 1.015_625, -0.100_097_656]);
    check(
        FLOAT8E4M3FN,
        &[17.0, 19.0, 448.0, 1e9, f32::NEG_INFINITY],
        &[16.0, 20.0, 448.0, 448.0, -448.0],
    );
    check(FLOAT8E4M3FNUZ, &[0.1, -1e9], &[0.101_562_5, -240.0]);
    check(FLOAT8E5M2, &[9.0, 11.0, 1e9], &[8.0, 12.0, 57344.0]);
    check(FLOAT4E2M1, &[0.25, 0.75, 2.5, 5.0, -9.0], &[0.0, 1.0, 2.0, 4.0, -6.0]);
    check(FLOAT8E8M0, &[1.0, 3.0, 0.3], &[1.0, 4.0, 0.5]);
    check(INT4, &[7.0, -8.0, 3.9], &[7.0, -8.0, 3.0]);
}

#[test]
fn without_saturation_what_is_too_large_is_infinite_or_not_a_number() {
    let check = |to, value: f32, expected: fn(f32) -> bool| {
        let found = elements(&run(&cast(to, true, false), &[value]).unwrap())[0];
        assert!(expected(found), "{to}: {value} became {found}");
    };
    check(FLOAT8E4M3FN, 465.0, f32::is_nan);
    check(FLOAT8E4M3FN, 463.0, |x| x == 448.0);
    check(FLOAT8E5M2, 1e9, |x| x == f32::INFINITY);
    check(FLOAT8E5M2, f32::NEG_INFINITY, |x| x == f32::NEG_INFINITY);
    check(FLOAT8E4M3FNUZ, f32::INFINITY, f32::is_nan);
}

#[test]
fn small_elements_share_bytes() {
    let check = |to, element_type, values: &[f32], expected: &[u8]| {
        let output = run(&cast(to, false, true), values).unwrap();
        assert_eq!((output.element_type, output.data.as_slice()), (element_type, expected));
        assert_eq!(output.shape, [values.len()]);
    };
    check(UINT4, ElementType::Uint4, &[1.0, 2.0, 15.0], &[0x21, 0x0f]);
    check(INT4, ElementType::Int4, &[-1.0, 7.0], &[0x7f]);
    check(INT2, ElementType::Int2, &[1.0, -2.0, -1.0, 0.0, 1.0], &[0b0011_1001, 0b01]);
    check(FLOAT4E2M1, ElementType::Float4e2m1, &[6.0, -0.5], &[0x97]);
    check(BFLOAT16, ElementType::Bfloat16, &[1.0], &[0x80, 0x3f]);
}

#[test]
fn an_input_of_packed_elements_has_the_bytes_that_its_shape_takes() {
    let back = with(node("Cast", &["x"], &["y"]), [int("to", 1)]);
    let inputs = vec![typed_input("x", INT4, &["3"])];
    let model =
        declared(model(vec![back], inputs, &[], vec![]), vec![input("y", DataType::Float, &["3"])]);
    let graph = Graph::load(encode(&model)).unwrap();
    let tensor = |data: &[u8]| Tensor {
        name: "x".into(),
        element_type: ElementType::Int4,
        shape: vec![3],
        data: data.into(),
    };
    assert_eq!(elements(&graph.run(vec![tensor(&[0xf1, 0x08])]).unwrap()[0]), [1.0, -1.0, -8.0]);
    for data in [&[0xf1][..], &[0xf1, 0x08, 0x00]] {
        let error = graph.run(vec![tensor(data)]).expect_err("another length");
        assert_eq!(error.code, "wrong-size");
    }
}
