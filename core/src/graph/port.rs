//! Sequences and optional values that enter or leave a graph, as the tensors that they are made of.
//!
//! | in the graph | declared as | tensors of a call |
//! |---|---|---|
//! | `x` is a sequence of tensors | `x[]` | `x[0]`, `x[1]`, …, as many as there are |
//! | `x` is an optional tensor | `x?` | `x`, or none |
//! | `x` is an optional sequence | `x[]?` | as a sequence; none stands for one that is not there |
//!
//! Such a graph is run node by node. What [`super::flatten`] can name beforehand it takes apart
//! itself.

use std::collections::BTreeMap;

use prost::Message;
use tract_onnx::pb::type_proto::{self, Value};
use tract_onnx::pb::{ModelProto, TensorShapeProto, TypeProto, ValueInfoProto};

use super::declared;
use crate::TensorType;

/// The shape of a tensor that may have any number of dimensions.
pub(crate) const ANY_SHAPE: &str = "...";

/// What a value of a graph is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    #[default]
    Tensor,
    Sequence,
    Optional,
    OptionalSequence,
}

impl Form {
    /// What stands behind the name where the value is declared.
    fn mark(self) -> &'static str {
        match self {
            Self::Tensor => "",
            Self::Sequence => "[]",
            Self::Optional => "?",
            Self::OptionalSequence => "[]?",
        }
    }

    /// Whether it is a sequence, if it is there.
    pub(crate) fn is_sequence(self) -> bool {
        matches!(self, Self::Sequence | Self::OptionalSequence)
    }

    /// Whether it may be left out.
    pub(crate) fn is_optional(self) -> bool {
        matches!(self, Self::Optional | Self::OptionalSequence)
    }
}

/// An input or output: the graph's own name for it, and what it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub name: String,
    pub form: Form,
}

impl Port {
    /// The name of an element of a sequence.
    pub fn element(&self, index: usize) -> String {
        format!("{}[{index}]", self.name)
    }
}

/// The inputs and outputs whose types the generated messages can't say, by name: their form, and the
/// type of their tensors.
pub(super) type Ports = BTreeMap<String, (Form, TensorType)>;

/// The same as the file has it.
pub(super) type Types = BTreeMap<String, (Form, type_proto::Tensor)>;

/// The types that the generated messages leave out (field numbers of `onnx.proto`).
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

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor: Option<type_proto::Tensor>,
    #[prost(message, optional, boxed, tag = "4")]
    sequence: Option<Box<Inner>>,
    #[prost(message, optional, boxed, tag = "9")]
    optional: Option<Box<Inner>>,
}

#[derive(Clone, PartialEq, Message)]
struct Inner {
    #[prost(message, optional, tag = "1")]
    kind: Option<Type>,
}

/// The types of the graph's sequences and optional values; `onnx` are the model's bytes.
pub(super) fn types(proto: &ModelProto, onnx: &[u8]) -> Types {
    let graph = proto.graph.iter();
    if !graph.flat_map(|graph| graph.input.iter().chain(&graph.output)).any(is_untyped) {
        return Types::new();
    }
    // The bytes were decoded before, so what fails here has no such types.
    let typed = Model::decode(onnx).ok().and_then(|model| model.graph).unwrap_or_default();
    let values = typed.input.into_iter().chain(typed.output);
    values.filter_map(|value| Some((value.name, made_of(value.kind?)?))).collect()
}

/// Declares the graph's sequences and optional values as their tensors.
pub(super) fn take(proto: &mut ModelProto, types: &Types) -> Ports {
    let Some(graph) = &mut proto.graph else { return Ports::new() };
    let mut ports = Ports::new();
    for value in graph.input.iter_mut().chain(&mut graph.output) {
        if !is_untyped(value) {
            continue;
        }
        let Some((form, tensor)) = types.get(&value.name) else { continue };
        // The declared shape may be none at all; the checks of inputs want one.
        let shape = Some(TensorShapeProto::default());
        let own = type_proto::Tensor { shape, ..tensor.clone() };
        let name = format!("{}{}", value.name, form.mark());
        let Some(declared) = declare(name, tensor) else { continue };
        ports.insert(value.name.clone(), (*form, declared));
        value.r#type = Some(info(own));
    }
    ports
}

/// A tensor of a type in the file.
pub(super) fn declare(name: String, tensor: &type_proto::Tensor) -> Option<TensorType> {
    let r#type = Some(info(tensor.clone()));
    declared::tensor_type(&ValueInfoProto { name, r#type, ..Default::default() })
}

fn info(tensor: type_proto::Tensor) -> TypeProto {
    TypeProto { value: Some(Value::TensorType(tensor)), ..Default::default() }
}

fn is_untyped(value: &ValueInfoProto) -> bool {
    value.r#type.as_ref().is_some_and(|declared| declared.value.is_none())
}

/// The form of a type, and the tensors that it is made of.
fn made_of(kind: Type) -> Option<(Form, type_proto::Tensor)> {
    let inner = |inner: Box<Inner>| inner.kind;
    match (kind.sequence, kind.optional) {
        (Some(sequence), _) => Some((Form::Sequence, inner(sequence)?.tensor?)),
        (_, Some(optional)) => match inner(optional)? {
            Type { tensor: Some(tensor), .. } => Some((Form::Optional, tensor)),
            Type { sequence, .. } => Some((Form::OptionalSequence, inner(sequence?)?.tensor?)),
        },
        _ => None,
    }
}
