//! ONNX graphs, written out as protocol buffers.

use prost::Message as _;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value::{DimParam, DimValue};
use tract_onnx::pb::type_proto::Value::TensorType;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// A model of one graph, with the operator sets that the tests use.
pub fn model(
    nodes: Vec<NodeProto>,
    inputs: Vec<ValueInfoProto>,
    outputs: &[&str],
    initializers: Vec<TensorProto>,
) -> ModelProto {
    let output = |name: &&str| ValueInfoProto { name: (*name).into(), ..Default::default() };
    let set = |domain: &str, version| OperatorSetIdProto { domain: domain.into(), version };
    ModelProto {
        ir_version: 8,
        opset_import: vec![set("", 17), set("ai.onnx.ml", 3)],
        graph: Some(GraphProto {
            name: "graph".into(),
            node: nodes,
            input: inputs,
            output: outputs.iter().map(output).collect(),
            initializer: initializers,
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub fn encode(model: &ModelProto) -> Vec<u8> {
    model.encode_to_vec()
}

/// A node named after its first output. An operator of `ai.onnx.ml` is written with its domain.
pub fn node(operator: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    let (domain, op_type) = operator.rsplit_once('.').unwrap_or(("", operator));
    NodeProto {
        name: (*outputs.first().unwrap_or(&"")).into(),
        op_type: op_type.into(),
        domain: domain.into(),
        input: names(inputs),
        output: names(outputs),
        ..Default::default()
    }
}

/// The same node with these attributes.
pub fn with(
    mut node: NodeProto,
    attributes: impl IntoIterator<Item = AttributeProto>,
) -> NodeProto {
    node.attribute.extend(attributes);
    node
}

/// A tensor input. An extent is a number or a name.
pub fn input(name: &str, data: DataType, shape: &[&str]) -> ValueInfoProto {
    let dimension = |extent: &&str| Dimension {
        value: Some(extent.parse().map_or_else(|_| DimParam((*extent).into()), DimValue)),
        ..Default::default()
    };
    let shape = Some(TensorShapeProto { dim: shape.iter().map(dimension).collect() });
    let tensor = TensorType(type_proto::Tensor { elem_type: data as i32, shape });
    let r#type = Some(TypeProto { value: Some(tensor), ..Default::default() });
    ValueInfoProto { name: name.into(), r#type, ..Default::default() }
}

/// A tensor input of a type by its number, for the types that the protobuf here has no name for.
pub fn typed_input(name: &str, number: i64, shape: &[&str]) -> ValueInfoProto {
    let mut input = input(name, DataType::Float, shape);
    if let Some(TypeProto { value: Some(TensorType(tensor)), .. }) = &mut input.r#type {
        tensor.elem_type = i32::try_from(number).unwrap();
    }
    input
}

/// The model with these outputs, whose types are declared.
pub fn declared(mut model: ModelProto, outputs: Vec<ValueInfoProto>) -> ModelProto {
    if let Some(graph) = &mut model.graph {
        graph.output = outputs;
    }
    model
}

pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.into(),
        data_type: DataType::Float as i32,
        float_data: values.into(),
        ..Default::default()
    }
}

pub fn integers(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.into(),
        data_type: DataType::Int64 as i32,
        int64_data: values.into(),
        ..Default::default()
    }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: kind as i32, ..Default::default() }
}

pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: value, ..attribute(name, AttributeType::Int) }
}

pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.into(), ..attribute(name, AttributeType::Ints) }
}

pub fn float_list(name: &str, values: &[f32]) -> AttributeProto {
    AttributeProto { floats: values.into(), ..attribute(name, AttributeType::Floats) }
}

pub fn string(name: &str, value: &str) -> AttributeProto {
    AttributeProto { s: value.into(), ..attribute(name, AttributeType::String) }
}

pub fn strings(name: &str, values: &[&str]) -> AttributeProto {
    let strings = values.iter().map(|value| value.as_bytes().to_vec()).collect();
    AttributeProto { strings, ..attribute(name, AttributeType::Strings) }
}

pub fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(value), ..attribute(name, AttributeType::Tensor) }
}

pub fn graph(name: &str, value: GraphProto) -> AttributeProto {
    AttributeProto { g: Some(value), ..attribute(name, AttributeType::Graph) }
}
