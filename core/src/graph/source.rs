//! A decoded model, rewritten to what is prepared: functions inlined, wrapped types taken off, checked.
//!
//! A large model is there more than once while it is prepared, and memory has to hold all of it: here it
//! is given back as soon as something else has taken it over. First the file, then the decoded weights.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use tract_onnx::Onnx;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto};
use tract_onnx::prelude::Tensor;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_hir::infer::InferenceModel;

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
    /// The weights that the decoded model has no more, by their place in it.
    taken: Vec<(usize, Arc<Tensor>)>,
}

/// Weights of fewer bytes are not worth the trouble.
const LARGE: usize = 4 << 10;

impl Source {
    /// Decodes and checks a model. Its bytes are given back if they are ours.
    pub(super) fn read(
        onnx: Cow<'_, [u8]>,
        framework: &Onnx,
        kernels: &Kernels,
    ) -> Result<Self, Error> {
        let mut proto = validate::decode(&onnx)?;
        inline::inline(&mut proto, &onnx)?;
        contributed::rewrite(&mut proto);
        let untyped = untyped::types(&proto, &onnx);
        drop(onnx);
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
        Ok(Self { proto, ports, is_plain, keys, operators, taken: Vec::new() })
    }

    /// Gives up the large weights that a model has taken over.
    pub(super) fn leave_weights_to(&mut self, model: &InferenceModel) {
        let mut constants = BTreeMap::<usize, Vec<&Arc<Tensor>>>::new();
        for constant in model.nodes.iter().filter_map(|node| node.op_as::<Const>()) {
            let tensor = constant.val();
            if tensor.is_plain_ram() && tensor.datum_type().is_copy() {
                constants.entry(tensor.as_bytes().len()).or_default().push(tensor);
            }
        }
        for (place, weights) in tensors(&mut self.proto).enumerate() {
            let bytes = &weights.raw_data;
            let equal = constants.get(&bytes.len()).filter(|_| bytes.len() >= LARGE);
            let taken = equal.into_iter().flatten().find(|tensor| tensor.as_bytes() == bytes);
            if let Some(tensor) = taken {
                self.taken.push((place, Arc::clone(tensor)));
                weights.raw_data = Vec::new();
            }
        }
    }

    /// Takes the weights back, for another try.
    pub(super) fn take_weights_back(&mut self) {
        let mut taken = std::mem::take(&mut self.taken).into_iter().peekable();
        for (place, weights) in tensors(&mut self.proto).enumerate() {
            if let Some((_, tensor)) = taken.next_if(|(taken, _)| *taken == place) {
                weights.raw_data = tensor.as_bytes().to_vec();
            }
        }
    }
}

/// Initializers, and the values of nodes that are constants.
fn tensors(proto: &mut ModelProto) -> impl Iterator<Item = &mut TensorProto> {
    let graph = proto.graph.as_mut();
    graph.into_iter().flat_map(|GraphProto { initializer, node, .. }| {
        let attributes = node.iter_mut().flat_map(|node| &mut node.attribute);
        initializer.iter_mut().chain(attributes.filter_map(|attribute| attribute.t.as_mut()))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use prost::Message;
    use tract_onnx::pb::attribute_proto::AttributeType;
    use tract_onnx::pb::tensor_proto::DataType;
    use tract_onnx::pb::{AttributeProto, NodeProto, OperatorSetIdProto, ValueInfoProto};
    use tract_onnx::prelude::Framework;

    use super::*;
    use crate::operators;

    fn floats(name: &str, count: u16, start: f32) -> TensorProto {
        let values = (0..count).flat_map(|place| (start + f32::from(place)).to_le_bytes());
        TensorProto {
            name: name.into(),
            dims: vec![i64::from(count)],
            data_type: DataType::Float as i32,
            raw_data: values.collect(),
            ..Default::default()
        }
    }

    /// Sums of a large weight, an equal one, which tract makes the same, a large constant and a small weight.
    fn sums() -> ModelProto {
        let node = |operator: &str, inputs: &[&str], output: &str| NodeProto {
            name: output.into(),
            op_type: operator.into(),
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.into()],
            ..Default::default()
        };
        let mut constant = node("Constant", &[], "constant");
        constant.attribute.push(AttributeProto {
            name: "value".into(),
            r#type: AttributeType::Tensor as i32,
            t: Some(floats("", 2048, 0.5)),
            ..Default::default()
        });
        let sum = |a: &str, b: &str, output: &str| node("Add", &[a, b], output);
        ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
            graph: Some(GraphProto {
                node: vec![
                    constant,
                    sum("large", "equal", "a"),
                    sum("a", "constant", "b"),
                    sum("b", "small", "c"),
                ],
                initializer: vec![
                    floats("large", 2048, 1.0),
                    floats("small", 1, 2.0),
                    floats("equal", 2048, 1.0),
                ],
                output: vec![ValueInfoProto { name: "c".into(), ..Default::default() }],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn large_weights_are_given_up_and_can_be_taken_back() {
        let (framework, whole) = (operators::onnx(), sums());
        let bytes = Cow::Owned(whole.encode_to_vec());
        let mut source = Source::read(bytes, &framework, operators::kernels()).unwrap();
        assert_eq!(source.proto, whole);
        let model = framework.model_for_proto_model(&source.proto).unwrap();
        source.leave_weights_to(&model);
        drop(model);
        let left: Vec<_> = tensors(&mut source.proto).map(|tensor| tensor.raw_data.len()).collect();
        assert_eq!(left, [0, 4, 0, 0]);
        source.take_weights_back();
        assert_eq!(source.proto, whole);
    }
}
