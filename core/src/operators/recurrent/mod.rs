//! Recurrent layers: [`RNN`](https://onnx.ai/onnx/operators/onnx__RNN.html),
//! [`GRU`](https://onnx.ai/onnx/operators/onnx__GRU.html) and
//! [`LSTM`](https://onnx.ai/onnx/operators/onnx__LSTM.html), in all directions, activations and
//! layouts, with lengths for each sequence. tract runs the reverse direction forwards and takes no
//! lengths that arrive.
//!
//! ONNX Runtime's `DynamicQuantizeLSTM` is here, too.
//!
//! A sequence that has ended leaves the state as it was, and its outputs are 0.

mod activation;
mod cell;
mod layer;
mod quantized;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{Facts, Kernels};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_planned("RNN", Facts::By(facts), layer::run::<cell::Simple>);
    kernels.add_planned("GRU", Facts::By(facts), layer::run::<cell::Gru>);
    kernels.add_planned("LSTM", Facts::By(facts), layer::run::<cell::Lstm>);
    kernels.add_planned("DynamicQuantizeLSTM", Facts::By(quantized::facts), quantized::run);
}

fn facts(node: &NodeProto, inputs: &[Option<&TypedFact>]) -> TractResult<TVec<TypedFact>> {
    facts_of(node, inputs, |shape| {
        let [directions, _, hidden] = shape else { bail!("weights of rank {}", shape.len()) };
        Ok((directions, hidden))
    })
}

/// The same, with what finds the directions and the hidden units in the shape of the recurrence.
fn facts_of(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
    extents: fn(&[TDim]) -> TractResult<(&TDim, &TDim)>,
) -> TractResult<TVec<TypedFact>> {
    let fact = |place: usize| inputs.get(place).copied().flatten();
    let (Some(input), Some(recurrence)) = (fact(0), fact(2)) else {
        bail!("{} lacks an input", node.op_type)
    };
    let [first, second, _] = &*input.shape.to_tvec() else {
        bail!("{} has an input of rank {}; accepted is 3", node.op_type, input.rank())
    };
    let recurrence = recurrence.shape.to_tvec();
    let (directions, hidden) = extents(&recurrence)?;
    let by_batch = node.get_attr_opt::<i64>("layout")? == Some(1);
    let (length, batch) = if by_batch { (second, first) } else { (first, second) };
    let [all, last] = if by_batch {
        [tvec!(batch, length, directions, hidden), tvec!(batch, directions, hidden)]
    } else {
        [tvec!(length, directions, batch, hidden), tvec!(directions, batch, hidden)]
    };
    let own = |shape: &TVec<&TDim>| {
        input.datum_type.fact(shape.iter().map(|dim| (*dim).clone()).collect::<TVec<TDim>>())
    };
    let named = node.output.iter().enumerate().filter(|(_, name)| !name.is_empty());
    Ok(named.map(|(place, _)| own(if place == 0 { &all } else { &last })).collect())
}
