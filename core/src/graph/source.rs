//! A decoded model, rewritten to what is prepared: functions inlined, wrapped types taken off, checked.

use tract_onnx::Onnx;
use tract_onnx::pb::{ModelProto, TensorProto};

use super::port::{self, Ports};
use super::stepwise::own_operators;
use super::{contributed, flatten, inline, operator_names, untyped, validate};
use crate::operators::kernel::Kernels;
use crate::{Error, Keys};

/// What is prepared.
pub(super) struct Source {
    pub(super) proto: ModelProto,
    pub(super) ports: Ports,
    /// Whether tract can carry all that enters and leaves: no sequences and optional values.
    pub(super) is_plain: bool,
    /// The keys of outputs that stand for maps.
    pub(super) keys: Vec<Option<Keys>>,
    pub(super) operators: Vec<String>,
}

impl Source {
    pub(super) fn read(onnx: &[u8], framework: &Onnx, kernels: &Kernels) -> Result<Self, Error> {
        let mut proto = validate::decode(onnx)?;
        inline::inline(&mut proto, onnx)?;
        contributed::rewrite(&mut proto);
        let untyped = untyped::types(&proto, onnx);
        let types = port::types(&untyped);
        let mut ports = flatten::flatten(&mut proto, &untyped, &types)?;
        let own = port::take(&mut proto, &types);
        let is_plain = own.is_empty();
        ports.extend(own);
        validate::check(&proto, |operator| {
            framework.op_register.0.contains_key(operator)
                || kernels.get(operator).is_some()
                || own_operators().any(|own| own == operator)
        })?;
        let keys = flatten::keys(&proto);
        flatten::declare(&mut proto, &keys);
        let operators = operator_names(&proto);
        Ok(Self { proto, ports, is_plain, keys, operators })
    }

    /// Forgets the weights, once they have been taken over: in a baked model each copy that is there
    /// while a graph is prepared leaves a gap of its size.
    pub(super) fn forget_weights(&mut self) {
        let Some(graph) = &mut self.proto.graph else { return };
        let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
        let constants = attributes.filter_map(|attribute| attribute.t.as_mut());
        for tensor in graph.initializer.iter_mut().chain(constants) {
            let name = std::mem::take(&mut tensor.name);
            *tensor = TensorProto { name, ..Default::default() };
        }
    }
}
