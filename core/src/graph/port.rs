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

use tract_onnx::pb::type_proto::{self, Value};
use tract_onnx::pb::{ModelProto, TensorShapeProto, TypeProto, ValueInfoProto};

use super::declared;
use super::extents::BATCH;
use super::untyped::{Inner, Type, is_untyped};
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

/// The graph's sequences and optional values among its untyped inputs and outputs.
pub(super) fn types(untyped: &BTreeMap<String, Type>) -> Types {
    untyped.iter().filter_map(|(name, kind)| Some((name.clone(), made_of(kind)?))).collect()
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
    declared::tensor_type(&ValueInfoProto { name, r#type, ..Default::default() }, BATCH)
}

fn info(tensor: type_proto::Tensor) -> TypeProto {
    TypeProto { value: Some(Value::TensorType(tensor)), ..Default::default() }
}

/// The form of a type, and the tensors that it is made of.
fn made_of(kind: &Type) -> Option<(Form, type_proto::Tensor)> {
    let inner = |inner: &Inner| inner.kind.clone();
    match (&kind.sequence, &kind.optional) {
        (Some(sequence), _) => Some((Form::Sequence, inner(sequence)?.tensor?)),
        (_, Some(optional)) => match inner(optional)? {
            Type { tensor: Some(tensor), .. } => Some((Form::Optional, tensor)),
            Type { sequence, .. } => Some((Form::OptionalSequence, inner(&*sequence?)?.tensor?)),
        },
        _ => None,
    }
}
