//! Operators on values that crash tract's own, and what they give instead.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, ErrorKind, Tensor};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, ModelProto, TensorProto};

use crate::support::onnx::{
    encode, floats, input, int, integers, ints, model, node, string, typed_input, with,
};
use crate::support::package::elements;

fn whole(name: &str, shape: &[usize], values: &[i64]) -> Tensor {
    let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor { name: name.into(), element_type: ElementType::Int64, shape: shape.into(), data }
}

fn numbers(tensor: &Tensor) -> Vec<i64> {
    tensor.data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
}

/// `c = a ⋄ b`, of integers that arrive.
fn division(operator: &str, attributes: &[AttributeProto]) -> ModelProto {
    let divided = with(node(operator, &["a", "b"], &["c"]), attributes.iter().cloned());
    let inputs = vec![input("a", DataType::Int64, &["N"]), input("b", DataType::Int64, &["N"])];
    model(vec![divided], inputs, &["c"], vec![])
}

#[test]
fn integers_are_divided_towards_zero_and_never_by_it() {
    let check = |operator, attributes: &[AttributeProto], b: &[i64], expected: Option<&[i64]>| {
        let graph = Graph::load(encode(&division(operator, attributes))).unwrap();
        let a = [7, -7, i64::MIN];
        let found = graph.run(vec![whole("a", &[3], &a), whole("b", &[3], b)]);
        match expected {
            Some(expected) => assert_eq!(numbers(&found.unwrap()[0]), expected, "{operator}"),
            None => {
                let error = found.expect_err("a division by zero");
                assert_eq!(error.kind, ErrorKind::InferenceFailed);
                assert!(error.message.contains("an integer is divided by zero"), "{error}");
            }
        }
    };
    check("Div", &[], &[2, 2, -1], Some(&[3, -3, i64::MIN]));
    check("Div", &[], &[2, 0, 1], None);
    check("Mod", &[], &[2, 2, -1], Some(&[1, 1, 0]));
    check("Mod", &[], &[-2, 4, 10], Some(&[-1, 1, 2]));
    check("Mod", &[int("fmod", 1)], &[-2, 4, 10], Some(&[1, -3, -8]));
    check("Mod", &[], &[1, 1, 0], None);
}

#[test]
fn a_constant_zero_is_refused_when_the_graph_is_loaded() {
    let divided = node("Div", &["a", "b"], &["c"]);
    let inputs = vec![input("a", DataType::Int64, &["N"])];
    let graph = model(vec![divided], inputs, &["c"], vec![integers("b", &[1], &[0])]);
    let error = Graph::load(encode(&graph)).expect_err("a division by zero");
    assert!(error.message.contains("an integer is divided by zero"), "{error}");
}

#[test]
fn reductions_of_axes_that_are_not_there() {
    let check = |operator, attribute: AttributeProto| {
        let reduced = with(node(operator, &["x"], &["y"]), [attribute]);
        let graph =
            model(vec![reduced], vec![input("x", DataType::Float, &["N", "3"])], &["y"], vec![]);
        let error = Graph::load(encode(&graph)).expect_err("no axis");
        assert!(error.message.contains("lies outside of rank 2"), "{operator}: {error}");
    };
    for axis in [2, -3, i64::MAX, i64::MIN] {
        check("ReduceMean", ints("axes", &[axis]));
        check("ReduceMax", ints("axes", &[0, axis]));
        check("ArgMax", int("axis", axis));
    }
}

/// `y` is what `operator` does with `x` `[2, 2]`, indices of the given shape, and zeros.
fn indexed(operator: &str, shape: &[usize], updates: &[usize]) -> ModelProto {
    let integers = |name: &str, shape: &[usize]| {
        let texts: Vec<_> = shape.iter().map(ToString::to_string).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        input(name, DataType::Int64, &texts)
    };
    let mut inputs = vec![integers("x", &[2, 2]), integers("i", shape)];
    let mut names = vec!["x", "i"];
    if operator.starts_with("Scatter") {
        inputs.push(integers("u", updates));
        names.push("u");
    }
    model(vec![node(operator, &names, &["y"])], inputs, &["y"], vec![])
}

#[test]
fn indices_that_lie_outside() {
    let check = |operator, shape: &[usize], updates: &[usize]| {
        let graph = Graph::load(encode(&indexed(operator, shape, updates))).unwrap();
        let run = |index: i64| -> Result<Vec<Tensor>, Error> {
            let count = shape.iter().product();
            let mut inputs =
                vec![whole("x", &[2, 2], &[1, 2, 3, 4]), whole("i", shape, &vec![index; count])];
            if operator.starts_with("Scatter") {
                inputs.push(whole("u", updates, &vec![0; updates.iter().product()]));
            }
            graph.run(inputs)
        };
        for inside in [0, 1, -1, -2] {
            assert!(run(inside).is_ok(), "{operator} {inside}");
        }
        for outside in [2, -3, i64::MAX, i64::MIN] {
            let error = run(outside).expect_err("outside");
            let message = format!("the index {outside} lies outside of an axis of 2");
            assert!(error.message.contains(&message), "{operator}: {error}");
        }
    };
    check("GatherElements", &[1, 2], &[]);
    check("GatherND", &[3, 1], &[]);
    check("GatherND", &[1, 2], &[]);
    check("ScatterElements", &[1, 2], &[1, 2]);
    check("ScatterND", &[1, 1], &[1, 2]);
}

#[test]
fn random_numbers_are_not_drawn() {
    for operator in ["RandomUniformLike", "RandomNormalLike", "Bernoulli", "Multinomial"] {
        let graph = model(
            vec![node(operator, &["x"], &["y"])],
            vec![input("x", DataType::Float, &["N", "3"])],
            &["y"],
            vec![],
        );
        let error = Graph::load(encode(&graph)).expect_err(operator);
        assert_eq!((error.kind, error.code), (ErrorKind::UnsupportedModel, "unsupported-operator"));
    }
}

#[test]
fn a_constant_of_a_shape_is_float32_unless_it_says_otherwise() {
    let filled = node("ConstantOfShape", &["s"], &["z"]);
    let sum = node("Add", &["x", "z"], &["y"]);
    let shape: TensorProto = integers("s", &[1], &[3]);
    let inputs = vec![typed_input("x", 1, &["3"])];
    let graph =
        Graph::load(encode(&model(vec![filled, sum], inputs, &["y"], vec![shape]))).unwrap();
    assert_eq!(graph.outputs()[0].element_type, ElementType::Float32);
    let data = [1.0_f32, 2.0, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let x = Tensor { name: "x".into(), element_type: ElementType::Float32, shape: vec![3], data };
    assert_eq!(elements(&graph.run(vec![x]).unwrap()[0]), [1.0, 2.0, 3.0]);
}

#[test]
fn the_greatest_of_nothing_but_infinities_is_infinite() {
    let reduced = with(node("ReduceMax", &["x"], &["y"]), [ints("axes", &[1]), int("keepdims", 0)]);
    let inputs = vec![input("x", DataType::Float, &["N", "2"])];
    let graph = Graph::load(encode(&model(vec![reduced], inputs, &["y"], vec![]))).unwrap();
    let values = [f32::NEG_INFINITY, f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY];
    let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let x =
        Tensor { name: "x".into(), element_type: ElementType::Float32, shape: vec![2, 2], data };
    assert_eq!(elements(&graph.run(vec![x]).unwrap()[0]), [f32::NEG_INFINITY, 1.0]);
}

#[test]
fn exponentials_that_would_run_over_do_not() {
    let check = |values: [f32; 2], expected: f32| {
        let reduced = with(node("ReduceLogSumExp", &["x"], &["y"]), [ints("axes", &[0])]);
        let inputs = vec![input("x", DataType::Float, &["N"])];
        let graph = Graph::load(encode(&model(vec![reduced], inputs, &["y"], vec![]))).unwrap();
        let data = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let (element_type, shape) = (ElementType::Float32, vec![2]);
        let x = Tensor { name: "x".into(), element_type, shape, data };
        assert_eq!(elements(&graph.run(vec![x]).unwrap()[0]), [expected], "{values:?}");
    };
    check([0.0, 0.0], 2_f32.ln());
    let beside = |value: f64| (value + std::f64::consts::LN_2) as f32;
    check([1000.0, 1000.0], beside(1000.0));
    check([-1000.0, -1000.0], beside(-1000.0));
    check([f32::NEG_INFINITY, f32::NEG_INFINITY], f32::NEG_INFINITY);
    check([f32::INFINITY, 0.0], f32::INFINITY);
}

#[test]
fn integers_come_nearer_to_zero() {
    let shrunk = with(node("Shrink", &["a"], &["c"]), [float("bias", 1.5), float("lambd", 1.0)]);
    let inputs = vec![input("a", DataType::Int64, &["N"])];
    let graph = Graph::load(encode(&model(vec![shrunk], inputs, &["c"], vec![]))).unwrap();
    let found = graph.run(vec![whole("a", &[4], &[-5, 0, 1, 4])]).unwrap();
    assert_eq!(numbers(&found[0]), [-3, 0, 0, 2]);
}

fn float(name: &str, f: f32) -> AttributeProto {
    let r#type = AttributeType::Float as i32;
    AttributeProto { name: name.into(), r#type, f, ..Default::default() }
}

#[test]
fn products_of_wide_integers() {
    for element in [DataType::Int64, DataType::Uint64] {
        let equation = string("equation", "ij,jk->ki");
        let product = with(node("Einsum", &["a", "b"], &["c"]), [equation]);
        let inputs = vec![input("a", element, &["N", "2"]), input("b", element, &["2", "1"])];
        let graph = Graph::load(encode(&model(vec![product], inputs, &["c"], vec![]))).unwrap();
        let element_type = graph.inputs()[0].element_type;
        let (a, b) = (whole("a", &[2, 2], &[1, 2, 3, 1 << 40]), whole("b", &[2, 1], &[5, 7]));
        let tensors = [a, b].map(|tensor| Tensor { element_type, ..tensor });
        let found = graph.run(tensors.into()).unwrap();
        assert_eq!(numbers(&found[0]), [19, 15 + (7 << 40)], "{element:?}");
    }
}

#[test]
fn a_quotient_by_infinity() {
    let infinite = floats("b", &[1], &[f32::NEG_INFINITY]);
    let inputs = vec![input("a", DataType::Float, &["N"])];
    let nodes = vec![node("Div", &["a", "b"], &["c"])];
    let graph = Graph::load(encode(&model(nodes, inputs, &["c"], vec![infinite]))).unwrap();
    let data = [1.0, f32::INFINITY, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect();
    let a = Tensor { name: "a".into(), element_type: ElementType::Float32, shape: vec![3], data };
    let found = elements(&graph.run(vec![a]).unwrap()[0]);
    assert!(matches!(found[..], [-0.0, b, c] if b.is_nan() && c.is_nan()), "{found:?}");
}

#[test]
fn float16_is_summed_in_float32() {
    // A window of 4,096 ones: in float16 the sum would stop at 2,048.
    let inputs = vec![input("a", DataType::Float16, &["N", "4096"])];
    let ones = TensorProto {
        name: "b".into(),
        dims: vec![4096, 1],
        data_type: DataType::Float16 as i32,
        raw_data: 0x3c00_u16.to_le_bytes().repeat(4096),
        ..Default::default()
    };
    let nodes = vec![node("MatMul", &["a", "b"], &["c"])];
    let graph = Graph::load(encode(&model(nodes, inputs, &["c"], vec![ones]))).unwrap();
    let (shape, data) = (vec![1, 4096], 0x3c00_u16.to_le_bytes().repeat(4096));
    let a = Tensor { name: "a".into(), element_type: ElementType::Float16, shape, data };
    let found = graph.run(vec![a]).unwrap().remove(0);
    assert_eq!((found.element_type, found.data), (ElementType::Float16, vec![0x00, 0x6c]));
}
