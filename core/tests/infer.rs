//! Raw tensors in and out: what is refused, and that everything else passes unchanged.

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, ErrorKind, Tensor};
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{encode, floats as initializer, input, model, node};
use crate::support::package::elements;

/// `sum = a + b`, both `[N, 2]`.
fn sum() -> Graph {
    let inputs = ["a", "b"].map(|name| input(name, DataType::Float, &["N", "2"]));
    let graph = model(vec![node("Add", &["a", "b"], &["sum"])], inputs.into(), &["sum"], vec![]);
    Graph::load(encode(&graph)).unwrap()
}

fn floats(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    Tensor {
        name: name.into(),
        element_type: ElementType::Float32,
        shape: shape.into(),
        data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

#[test]
fn inputs_come_in_any_order() {
    let (a, b) = (floats("a", &[1, 2], &[1.0, 2.0]), floats("b", &[1, 2], &[10.0, 20.0]));
    let expected = [floats("sum", &[1, 2], &[11.0, 22.0])];
    assert_eq!(sum().run(vec![a.clone(), b.clone()]).unwrap(), expected);
    assert_eq!(sum().run(vec![b, a]).unwrap(), expected);
}

#[test]
fn no_rows_give_no_rows() {
    let none = |name| floats(name, &[0, 2], &[]);
    assert_eq!(sum().run(vec![none("a"), none("b")]).unwrap(), [none("sum")]);
}

#[test]
fn tensors_that_are_refused() {
    let graph = sum();
    let check = |tensors: Vec<Tensor>, code: &str, field: &str, message: &str| {
        let error: Error = graph.run(tensors).expect_err(message);
        assert!(error.message.contains(message), "{message:?} is not in: {error}");
        let found = (error.kind, error.code, error.field.as_deref());
        assert_eq!(found, (ErrorKind::InvalidInput, code, Some(field)), "{error}");
    };
    let a = || floats("a", &[1, 2], &[1.0, 2.0]);
    let b = || floats("b", &[1, 2], &[1.0, 2.0]);
    check(vec![], "missing-tensor", "a", r#"the input "a" is missing"#);
    check(vec![a()], "missing-tensor", "b", r#"the input "b" is missing"#);
    let c = Tensor { name: "c".into(), ..a() };
    check(vec![a(), b(), c], "unknown-tensor", "c", r#""c" is not an input left to fill"#);
    check(vec![a(), a(), b()], "unknown-tensor", "a", "the graph takes a, b");
    let doubles = Tensor { element_type: ElementType::Float64, data: vec![0; 16], ..a() };
    check(
        vec![doubles, b()],
        "wrong-type",
        "a",
        "expected elements of type float32, found float64",
    );
    for shape in [&[][..], &[2], &[2, 1], &[1, 2, 1], &[1, usize::MAX]] {
        let message = format!("expected the shape [N, 2], found {shape:?}");
        check(vec![floats("a", shape, &[1.0, 2.0]), b()], "wrong-shape", "a", &message);
    }
    for (rows, length) in [(1, 7), (1, 9), (1, 0), (2, 8)] {
        let short = Tensor { shape: vec![rows, 2], data: vec![0; length], ..a() };
        let message = format!("the shape [{rows}, 2] takes {} bytes, found {length}", rows * 8);
        check(vec![short, b()], "wrong-size", "a", &message);
    }
    for rows in [usize::MAX, usize::MAX / 2, usize::MAX / 8] {
        let huge = Tensor { shape: vec![rows, 2], ..a() };
        check(vec![huge, b()], "wrong-size", "a", "takes");
    }
    let more = floats("b", &[3, 2], &[0.0; 6]);
    check(vec![a(), more], "wrong-shape", "b", "expected 1 for N as in a, found 3");
}

#[test]
fn outputs_have_the_names_that_the_graph_gives_them() {
    let nodes = vec![
        node("Relu", &["x"], &["y"]),
        node("Identity", &["y"], &["z"]),
        node("Identity", &["x"], &["copy"]),
        node("Relu", &["x"], &["twin"]),
    ];
    let names = ["z", "y", "copy", "constant", "twin"];
    let rows = vec![input("x", DataType::Float, &["N", "2"])];
    let constant = initializer("constant", &[1], &[7.0]);
    let graph = Graph::load(encode(&model(nodes, rows, &names, vec![constant]))).unwrap();
    let declared: Vec<_> = graph.outputs().iter().map(|output| output.name.as_str()).collect();
    assert_eq!(declared, names);
    let outputs = graph.run(vec![floats("x", &[1, 2], &[-1.0, 2.0])]).unwrap();
    let found: Vec<_> = outputs.iter().map(|o| (o.name.as_str(), elements(o))).collect();
    let (x, y) = (vec![-1.0, 2.0], vec![0.0, 2.0]);
    let expected = [y.clone(), y.clone(), x, vec![7.0], y];
    assert_eq!(found, names.into_iter().zip(expected).collect::<Vec<_>>());
}

#[test]
fn every_element_type_passes_unchanged() {
    let check = |data: DataType, element_type: ElementType, bytes: &[u8], count: usize| {
        let inputs = vec![input("x", data, &["N"])];
        let graph = model(vec![node("Identity", &["x"], &["y"])], inputs, &["y"], vec![]);
        let graph = Graph::load(encode(&graph)).unwrap();
        let tensor = |name: &str| Tensor {
            name: name.into(),
            element_type,
            shape: vec![count],
            data: bytes.into(),
        };
        assert_eq!(graph.inputs()[0].element_type, element_type);
        assert_eq!(graph.outputs()[0].element_type, element_type);
        assert_eq!(graph.run(vec![tensor("x")]).unwrap(), [tensor("y")]);
        // One byte less is refused whatever the type.
        let cut = Tensor { data: bytes[1..].into(), ..tensor("x") };
        assert_eq!(graph.run(vec![cut]).unwrap_err().code, "wrong-size");
    };
    let bytes: Vec<u8> = (0..16).map(|byte| byte * 7).collect();
    check(DataType::Bool, ElementType::Bool, &[0, 1, 1], 3);
    check(DataType::Uint8, ElementType::Uint8, &bytes, 16);
    check(DataType::Int8, ElementType::Int8, &[0x80, 0xff, 0x7f], 3);
    check(DataType::Uint16, ElementType::Uint16, &bytes, 8);
    check(DataType::Int16, ElementType::Int16, &bytes, 8);
    check(DataType::Float16, ElementType::Float16, &bytes, 8);
    check(DataType::Uint32, ElementType::Uint32, &bytes, 4);
    check(DataType::Int32, ElementType::Int32, &bytes, 4);
    check(DataType::Float, ElementType::Float32, &bytes, 4);
    check(DataType::Uint64, ElementType::Uint64, &bytes, 2);
    check(DataType::Int64, ElementType::Int64, &bytes, 2);
    check(DataType::Double, ElementType::Float64, &bytes, 2);
    check(
        DataType::String,
        ElementType::String,
        b"\x00\x00\x00\x00\x03\x00\x00\x00\xe2\x82\xac",
        2,
    );
}

#[test]
fn elements_that_are_refused() {
    let check = |data: DataType, element_type: ElementType, bytes: &[u8], shape: &[usize], code| {
        let inputs = vec![input("x", data, &["N"])];
        let graph = model(vec![node("Identity", &["x"], &["y"])], inputs, &["y"], vec![]);
        let tensor =
            Tensor { name: "x".into(), element_type, shape: shape.into(), data: bytes.into() };
        let error = Graph::load(encode(&graph)).unwrap().run(vec![tensor]).unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::InvalidInput, code), "{error}");
    };
    check(DataType::Bool, ElementType::Bool, &[0, 2], &[2], "invalid-value");
    let string = |bytes: &[u8], shape: &[usize]| {
        check(DataType::String, ElementType::String, bytes, shape, "wrong-size");
    };
    string(b"", &[1]);
    string(b"\x00\x00\x00", &[1]);
    string(b"\x02\x00\x00\x00a", &[1]);
    string(b"\xff\xff\xff\xffa", &[1]);
    string(b"\x01\x00\x00\x00ab", &[1]);
    string(b"\x01\x00\x00\x00\xff", &[1]);
    string(b"\x01\x00\x00\x00a", &[2]);
    string(b"\x01\x00\x00\x00a", &[usize::MAX]);
}

#[test]
fn a_nan_among_the_outputs_is_the_canonical_one() {
    let check = |data: DataType, element_type: ElementType, bits: &[u8], canonical: &[u8]| {
        let inputs = vec![input("x", data, &["N"])];
        let graph = model(vec![node("Identity", &["x"], &["y"])], inputs, &["y"], vec![]);
        let tensor = |bits: &[u8]| Tensor {
            name: "x".into(),
            element_type,
            shape: vec![1],
            data: bits.into(),
        };
        let outputs = Graph::load(encode(&graph)).unwrap().run(vec![tensor(bits)]).unwrap();
        assert_eq!(outputs[0].data, canonical);
    };
    let quiet = 0x7fc0_0000_u32.to_le_bytes();
    for nan in [0x7fc0_0000_u32, 0xffc0_0000, 0x7f80_0001, 0xffff_ffff] {
        check(DataType::Float, ElementType::Float32, &nan.to_le_bytes(), &quiet);
    }
    let quiet = 0x7ff8_0000_0000_0000_u64.to_le_bytes();
    for nan in [u64::MAX, 0x7ff0_0000_0000_0001] {
        check(DataType::Double, ElementType::Float64, &nan.to_le_bytes(), &quiet);
    }
    for nan in [0xffff_u16, 0x7c01] {
        let quiet = 0x7e00_u16.to_le_bytes();
        check(DataType::Float16, ElementType::Float16, &nan.to_le_bytes(), &quiet);
    }
    let infinity = f32::NEG_INFINITY.to_le_bytes();
    check(DataType::Float, ElementType::Float32, &infinity, &infinity);
}
