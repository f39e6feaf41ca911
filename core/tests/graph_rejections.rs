//! Graphs that must be refused, one malformation a row, and how.

use inference_core::ErrorKind::{InvalidModel, UnsupportedModel};
use inference_core::graph::Graph;
use inference_core::{Error, ErrorKind};
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{
    FunctionProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, StringStringEntryProto,
    TensorProto, TypeProto, ValueInfoProto,
};

use crate::support::onnx::{
    encode, floats, graph, input, int, integers, model, node, tensor, with,
};

/// `y = x · w`, from `[N, 2]` to `[N, 1]`.
fn sound() -> ModelProto {
    model(
        vec![node("MatMul", &["x", "w"], &["y"])],
        vec![input("x", DataType::Float, &["N", "2"])],
        &["y"],
        vec![floats("w", &[2, 1], &[1.0, 2.0])],
    )
}

fn load(model: &ModelProto) -> Result<Graph, Error> {
    Graph::load(encode(model))
}

/// Breaks the sound graph in one way and expects one error.
fn check(
    breakage: impl FnOnce(&mut ModelProto, &mut GraphProto),
    kind: ErrorKind,
    code: &str,
    message: &str,
) {
    let mut model = sound();
    let mut graph = model.graph.take().unwrap();
    breakage(&mut model, &mut graph);
    model.graph = Some(graph);
    expect(load(&model), kind, code, message);
}

fn expect(loaded: Result<Graph, Error>, kind: ErrorKind, code: &str, message: &str) {
    let error = loaded.expect_err(message);
    assert!(error.message.contains(message), "{message:?} is not in: {}", error.message);
    assert_eq!((error.kind, error.code), (kind, code), "{}", error.message);
    assert!(error.message.len() < 1000, "{}", error.message);
}

#[test]
fn the_graph_to_break_is_sound() {
    assert_eq!(load(&sound()).unwrap().operators(), ["MatMul"]);
}

#[test]
fn bytes_that_are_no_model() {
    let check = |bytes: &[u8], message| {
        expect(Graph::load(bytes), InvalidModel, "invalid-onnx", message);
    };
    check(b"", "the ONNX model has no graph");
    check(b"not an ONNX model", "not an ONNX model, or cut short (17 bytes)");
    check(&[0xff; 64], "not an ONNX model, or cut short (64 bytes)");
    let mut nested = vec![];
    for _ in 0..200 {
        // Field 7 of a model is its graph; in it, fields 1, 5 and 6 are node, attribute and graph.
        let mut outer = vec![if nested.is_empty() { 0x0a } else { 0x32 }];
        prost::encoding::encode_varint(nested.len() as u64, &mut outer);
        outer.extend(nested);
        nested = outer;
    }
    check(&nested, "not an ONNX model");
}

#[test]
fn every_truncation() {
    let bytes = encode(&sound());
    for length in 0..bytes.len() {
        // Some cuts leave a smaller model behind; what counts is that none panics.
        if let Ok(graph) = Graph::load(&bytes[..length]) {
            assert_eq!(graph.operators(), ["MatMul"], "cut to {length} bytes");
        }
    }
}

#[test]
fn the_model_around_the_graph() {
    let mut empty = sound();
    empty.graph = None;
    expect(load(&empty), InvalidModel, "invalid-onnx", "has no graph");
}

/// A function `local.F` whose body is one node, beside a node that calls it.
fn with_function(model: &mut ModelProto, graph: &mut GraphProto, body: NodeProto) {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    model.functions.push(FunctionProto {
        name: Some("F".into()),
        domain: Some("local".into()),
        input: names(&["a"]),
        output: names(&["b"]),
        node: vec![body],
        ..Default::default()
    });
    graph.node.push(node("local.F", &["y"], &["z"]));
    graph.output[0].name = "z".into();
}

#[test]
fn functions() {
    check(
        |model, graph| with_function(model, graph, node("local.F", &["a"], &["b"])),
        InvalidModel,
        "graph-too-large",
        "call each other more than 32 deep",
    );
    check(
        |model, graph| {
            with_function(model, graph, node("Neg", &["a"], &["b"]));
            graph.node[1].input.push("x".into());
        },
        InvalidModel,
        "invalid-graph",
        "the function \"F\" has 1 inputs and 1 outputs, a node has 2 and 1",
    );
    let mut sound = sound();
    let mut graph = sound.graph.take().unwrap();
    with_function(&mut sound, &mut graph, node("Neg", &["a"], &["b"]));
    sound.graph = Some(graph);
    assert_eq!(load(&sound).unwrap().operators(), ["MatMul", "Neg"]);
}

#[test]
fn outputs() {
    check(
        |_, graph| graph.output.clear(),
        InvalidModel,
        "invalid-graph",
        "the graph has no output",
    );
    check(
        |_, graph| graph.output[0].name = "z".into(),
        InvalidModel,
        "invalid-graph",
        r#"nothing gives the output "z""#,
    );
    check(
        |_, graph| graph.output.push(graph.output[0].clone()),
        InvalidModel,
        "invalid-graph",
        r#"two outputs of the graph are named "y""#,
    );
    check(
        |_, graph| graph.output[0].name = "x".into(),
        UnsupportedModel,
        "graph-rejected",
        r#"the output "x" is an input of the graph; put an Identity between them"#,
    );
}

#[test]
fn unknown_operators_are_named_all_at_once() {
    check(
        |_, graph| {
            graph.node.push(node("Frobnicate", &["y"], &["a"]));
            graph.node.push(node("com.example.MatMul", &["a"], &["b"]));
            graph.node.push(node("ai.onnx.ml.Divine", &["b"], &["c"]));
        },
        UnsupportedModel,
        "unsupported-operator",
        "3 operators of the graph are not supported: \
         ai.onnx.Frobnicate (opset 17, node \"a\"), \
         ai.onnx.ml.Divine (opset 3, node \"c\"), \
         com.example.MatMul (opset ?, node \"b\")",
    );
    check(
        |_, graph| {
            let body = GraphProto { node: vec![node("Hidden", &[], &["h"])], ..Default::default() };
            let branch = self::graph("then_branch", body);
            graph.node.push(with(node("If", &["y"], &["a"]), [branch]));
        },
        UnsupportedModel,
        "unsupported-operator",
        "ai.onnx.Hidden",
    );
}

#[test]
fn names() {
    check(
        |_, graph| graph.node[0].input[1] = "nowhere".into(),
        InvalidModel,
        "invalid-graph",
        r#"node "y" (MatMul) uses "nowhere", which nothing before it gives"#,
    );
    check(
        |_, graph| graph.node[0].input[1] = "y".into(),
        InvalidModel,
        "invalid-graph",
        r#"uses "y", which nothing before it gives; the graph has a cycle"#,
    );
    check(
        |_, graph| {
            graph.node.insert(0, node("Relu", &["b"], &["a"]));
            graph.node.insert(1, node("Relu", &["a"], &["b"]));
        },
        InvalidModel,
        "invalid-graph",
        r#"uses "b", which nothing before it gives; the graph has a cycle"#,
    );
    check(
        |_, graph| graph.node.insert(0, node("Relu", &["y"], &["a"])),
        InvalidModel,
        "invalid-graph",
        "is out of order",
    );
    for taken in ["x", "w", "y"] {
        check(
            |_, graph| graph.node.push(node("Relu", &["y"], &[taken])),
            InvalidModel,
            "invalid-graph",
            "which is there already",
        );
    }
    check(
        |_, graph| graph.input.push(graph.input[0].clone()),
        InvalidModel,
        "invalid-graph",
        r#"two inputs of the graph are named "x""#,
    );
    check(
        |_, graph| graph.initializer.push(graph.initializer[0].clone()),
        InvalidModel,
        "invalid-graph",
        "two initializers of the graph have one name",
    );
    check(
        |_, graph| {
            graph.node[0] = with(graph.node[0].clone(), [int("alpha", 1), int("alpha", 2)]);
        },
        InvalidModel,
        "invalid-graph",
        r#"has the attribute "alpha" twice"#,
    );
    check(
        |_, graph| {
            let body = GraphProto {
                node: vec![node("Relu", &["inside"], &["h"])],
                output: graph.output.clone(),
                ..Default::default()
            };
            let branch = self::graph("then_branch", body);
            graph.node.push(with(node("If", &["y"], &["a"]), [branch]));
        },
        InvalidModel,
        "invalid-graph",
        r#"node "h" (Relu) uses "inside""#,
    );
}

#[test]
fn a_subgraph_sees_the_names_around_it_but_not_the_other_way_round() {
    let branch = |name: &str, used: &str, given: &str| {
        let output = ValueInfoProto { name: given.into(), ..Default::default() };
        let body = GraphProto {
            node: vec![node("Relu", &[used], &[given])],
            output: vec![output],
            ..Default::default()
        };
        graph(name, body)
    };
    let with_if = |used: &str, given: &str, after: &str| {
        let branches =
            [branch("then_branch", used, given), branch("else_branch", "y", "otherwise")];
        let mut model = sound();
        let graph = model.graph.as_mut().unwrap();
        graph.input.push(input("condition", DataType::Bool, &[]));
        graph.node.push(with(node("If", &["condition"], &["z"]), branches));
        graph.node.push(node("Relu", &[after], &["last"]));
        graph.output[0].name = "last".into();
        load(&model)
    };
    with_if("y", "inside", "z").unwrap();
    let error = with_if("y", "inside", "inside").expect_err("inside");
    assert!(error.message.contains(r#"(Relu) uses "inside", which nothing before"#), "{error}");
    let error = with_if("y", "w", "z").expect_err("w");
    assert!(error.message.contains(r#"(Relu) gives "w", which is there already"#), "{error}");
}

#[test]
fn inputs() {
    let extents = |shape: &'static [&'static str]| {
        move |_: &mut ModelProto, graph: &mut GraphProto| {
            graph.input[0] = input("x", DataType::Float, shape);
        }
    };
    check(
        |_, graph| graph.input[0].r#type = None,
        InvalidModel,
        "invalid-graph",
        r#"the input "x" is not a tensor"#,
    );
    check(
        |_, graph| graph.input[0].r#type = Some(TypeProto::default()),
        InvalidModel,
        "invalid-graph",
        r#"the input "x" is not a tensor"#,
    );
    check(
        |_, graph| {
            let kind = graph.input[0].r#type.as_mut().unwrap().value.as_mut().unwrap();
            let tract_onnx::pb::type_proto::Value::TensorType(kind) = kind;
            kind.shape = None;
        },
        UnsupportedModel,
        "unknown-shape",
        r#"the input "x" has no shape"#,
    );
    let large = r#"the input "x" has more than 4294967296 elements"#;
    check(extents(&["N", "4294967297"]), InvalidModel, "graph-too-large", large);
    check(extents(&["65536", "65537"]), InvalidModel, "graph-too-large", large);
    check(
        extents(&["9223372036854775807", "9223372036854775807"]),
        InvalidModel,
        "graph-too-large",
        large,
    );
    check(extents(&["N", "3"]), UnsupportedModel, "graph-rejected", "the graph can't be prepared");
    check(
        |_, graph| graph.input[0] = input("x", DataType::Complex64, &["N", "2"]),
        UnsupportedModel,
        "graph-rejected",
        "Complex64",
    );
}

#[test]
fn initializers() {
    let broken = |tensor: TensorProto| {
        move |_: &mut ModelProto, graph: &mut GraphProto| graph.initializer[0] = tensor
    };
    let sound = || floats("w", &[2, 1], &[1.0, 2.0]);
    let invalid = |tensor: TensorProto, message: &str| {
        check(broken(tensor.clone()), InvalidModel, "invalid-graph", message);
        // The same tensor as an attribute.
        let constant = with(node("Constant", &[], &["c"]), [self::tensor("value", tensor)]);
        check(|_, graph| graph.node.push(constant), InvalidModel, "invalid-graph", message);
    };
    invalid(floats("w", &[2, 1], &[1.0]), "takes 2 elements, found 1 in its data field");
    invalid(floats("w", &[2, 1], &[1.0; 3]), "takes 2 elements, found 3 in its data field");
    invalid(floats("w", &[], &[]), "takes 1 elements, found 0 in its data field");
    invalid(floats("w", &[-2, 1], &[1.0, 2.0]), "has the extent -2");
    invalid(TensorProto { raw_data: vec![0; 9], ..sound() }, "takes 2 elements, found -1 in raw");
    invalid(TensorProto { raw_data: vec![0; 12], ..sound() }, "takes 2 elements, found 3 in raw");
    let text = |raw_data: &[u8], strings: &[&[u8]]| TensorProto {
        name: "w".into(),
        dims: vec![i64::try_from(strings.len()).unwrap()],
        data_type: DataType::String as i32,
        raw_data: raw_data.into(),
        string_data: strings.iter().map(|text| text.to_vec()).collect(),
        ..Default::default()
    };
    invalid(text(b"raw", &[]), "strings in raw data");
    invalid(
        TensorProto { dims: vec![3], ..text(b"", &[b"a"]) },
        "takes 3 elements, found 1 strings",
    );
    let large = |dims: &[i64]| {
        let message = r#"the initializer "w" has more than 4294967296 elements"#;
        check(broken(floats("w", dims, &[])), InvalidModel, "graph-too-large", message);
    };
    large(&[1 << 33]);
    large(&[i64::MAX, i64::MAX]);
    let external = |tensor: TensorProto| {
        check(broken(tensor), UnsupportedModel, "external-data", "lies in another file");
    };
    external(TensorProto { data_location: Some(DataLocation::External as i32), ..sound() });
    let entry = StringStringEntryProto { key: "location".into(), value: "/etc/passwd".into() };
    external(TensorProto { external_data: vec![entry], ..sound() });
    check(
        |_, graph| graph.sparse_initializer.push(SparseTensorProto::default()),
        UnsupportedModel,
        "sparse-initializer",
        "store them dense",
    );
    for data_type in [DataType::Undefined as i32, DataType::Complex128 as i32, 9999, -1] {
        let tensor = TensorProto { data_type, ..sound() };
        check(broken(tensor), UnsupportedModel, "graph-rejected", "nknown");
    }
    let utf8 = text(b"", &[b"\xff"]);
    check(broken(utf8), UnsupportedModel, "graph-rejected", "UTF8");
}

#[test]
fn size() {
    check(
        |_, graph| {
            for index in 0..200_000 {
                graph.node.push(node("Relu", &["y"], &[&format!("y{index}")]));
            }
        },
        InvalidModel,
        "graph-too-large",
        "the graph has 200001 nodes nested 0 deep",
    );
    check(
        |_, graph| {
            let mut innermost = node("Relu", &["y"], &["innermost"]);
            for level in 0..17 {
                let body = GraphProto { node: vec![innermost], ..Default::default() };
                let outputs = format!("level{level}");
                innermost = with(node("If", &["y"], &[&outputs]), [self::graph("then", body)]);
            }
            graph.node.push(innermost);
        },
        InvalidModel,
        "graph-too-large",
        "nested 17 deep",
    );
}

#[test]
fn nodes_that_tract_refuses() {
    let refused = |node: NodeProto| {
        let output = node.output.first().cloned().unwrap_or_default();
        check(
            |_, graph| {
                graph.node.push(node);
                graph.output[0].name = output;
            },
            UnsupportedModel,
            "graph-rejected",
            "the graph can't be prepared",
        );
    };
    refused(node("MatMul", &["x"], &["z"]));
    refused(node("MatMul", &["x", "w", "y"], &["z"]));
    refused(node("Relu", &[], &["z"]));
    refused(node("Constant", &[], &["z"]));
    refused(node("Gather", &["x"], &["z"]));
    refused(with(node("Concat", &["x", "y"], &["z"]), [int("axis", 7)]));
    refused(with(node("Cast", &["x"], &["z"]), [int("to", 9999)]));
    refused(node("Reshape", &["x", "w"], &["z"]));
    refused(node("If", &["x"], &["z"]));
    let shape = with(node("Constant", &[], &["z"]), [tensor("value", integers("s", &[1], &[7]))]);
    assert!(load(&model(vec![shape], vec![], &["z"], vec![])).is_ok());
}
