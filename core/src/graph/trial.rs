//! A first run of a plan, before anybody relies on it.
//!
//! tract computes with extents that have only names when a graph is loaded. Where an export does
//! arithmetic with shapes (`Shape`, `Gather`, `Concat`, `Expand`, as transformers do for their
//! masks), that goes wrong at times: the plan is there, and fails on every input. Such a graph is run
//! node by node, if that succeeds on the same input.

use std::collections::BTreeMap;

use tract_onnx::pb::ModelProto;

use super::extents::{BATCH, is_batch};
use super::validate::each_node;
use super::{ANY_SHAPE, Graph};
use crate::{ElementType, Tensor, TensorType};

/// What a trial may take: about a second.
const OPERATIONS: u64 = 2_000_000_000;

/// Whether a plan of this graph is to be tried: it computes with extents, and some are open.
pub(super) fn is_due(proto: &ModelProto, graph: &Graph) -> bool {
    let open = |declared: &TensorType| declared.shape.iter().any(|extent| !is_number(extent));
    let mut computes = false;
    each_node(proto, &mut |node, _| computes |= node.op_type == "Shape");
    computes && graph.inputs().iter().any(open)
}

/// Whether the graph answers to zeros; `None` if that can't be tried.
pub(super) fn answers(graph: &Graph) -> Option<bool> {
    let mut extents = BTreeMap::new();
    let inputs = graph.inputs().iter().map(|declared| zeros(declared, &mut extents));
    let inputs = inputs.collect::<Option<Vec<_>>>()?;
    match graph.run_within(inputs, OPERATIONS) {
        Ok(_) => Some(true),
        Err(error) => (error.code == "inference-failed").then_some(false),
    }
}

/// A tensor of zeros. Each name stands for an extent of its own, so that none is taken for another: of
/// pictures one that convolutions can halve, elsewhere a small one. Only first extents without a name
/// are the same, as most graphs want them.
fn zeros<'a>(declared: &'a TensorType, extents: &mut BTreeMap<&'a str, usize>) -> Option<Tensor> {
    if declared.shape == [ANY_SHAPE] {
        return None;
    }
    let picture = declared.shape.len() >= 4;
    let mut shape = Vec::with_capacity(declared.shape.len());
    for (axis, extent) in declared.shape.iter().enumerate() {
        let extent = if is_batch(extent) { BATCH } else { extent };
        let next = 2 + extents.len();
        shape.push(match extent.parse() {
            Ok(extent) => extent,
            Err(_) if picture && axis > 1 => *extents.entry(extent).or_insert(64),
            Err(_) => *extents.entry(extent).or_insert(next),
        });
    }
    let bytes = match declared.element_type {
        ElementType::Bool | ElementType::Int8 | ElementType::Uint8 => 1,
        ElementType::Int16 | ElementType::Uint16 | ElementType::Float16 => 2,
        ElementType::Int32 | ElementType::Uint32 | ElementType::Float32 => 4,
        ElementType::Int64 | ElementType::Uint64 | ElementType::Float64 => 8,
        // The length of an empty one.
        ElementType::String => 4,
        _ => return None,
    };
    let size = shape.iter().try_fold(bytes, |size: usize, extent| size.checked_mul(*extent))?;
    let size = (size <= 64 << 20).then_some(size)?;
    let (name, element_type) = (declared.name.clone(), declared.element_type);
    Some(Tensor { name, element_type, shape, data: vec![0; size] })
}

fn is_number(extent: &str) -> bool {
    extent.parse::<usize>().is_ok()
}
