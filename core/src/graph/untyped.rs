//! The types of inputs and outputs that tract's generated messages leave out: maps, sequences and
//! optional values (field numbers of `onnx.proto`).

use std::collections::BTreeMap;

use prost::Message;
use tract_onnx::pb::{ModelProto, ValueInfoProto, type_proto};

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "11")]
    input: Vec<Info>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<Info>,
}

#[derive(Clone, PartialEq, Message)]
struct Info {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<Type>,
}

/// A type: one of these.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Type {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<type_proto::Tensor>,
    #[prost(message, optional, boxed, tag = "4")]
    pub sequence: Option<Box<Inner>>,
    #[prost(message, optional, boxed, tag = "5")]
    pub map: Option<Box<Map>>,
    #[prost(message, optional, boxed, tag = "9")]
    pub optional: Option<Box<Inner>>,
}

/// What a sequence or an optional value is of.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Inner {
    #[prost(message, optional, tag = "1")]
    pub kind: Option<Type>,
}

/// A map: the element type of its keys, and the type of its values.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Map {
    #[prost(int32, tag = "1")]
    pub key: i32,
    #[prost(message, optional, boxed, tag = "2")]
    pub value: Option<Box<Type>>,
}

/// The types of the graph's inputs and outputs by name, if one of them is untyped; `onnx` are the
/// model's bytes.
pub(super) fn types(proto: &ModelProto, onnx: &[u8]) -> BTreeMap<String, Type> {
    let graph = proto.graph.iter();
    if !graph.flat_map(|graph| graph.input.iter().chain(&graph.output)).any(is_untyped) {
        return BTreeMap::new();
    }
    // The bytes were decoded before, so what fails here has no such types.
    let typed = Model::decode(onnx).ok().and_then(|model| model.graph).unwrap_or_default();
    let values = typed.input.into_iter().chain(typed.output);
    values.filter_map(|value| Some((value.name, value.kind?))).collect()
}

/// Whether the generated messages leave a value's type out.
pub(super) fn is_untyped(value: &ValueInfoProto) -> bool {
    value.r#type.as_ref().is_some_and(|declared| declared.value.is_none())
}
