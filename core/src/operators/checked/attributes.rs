//! Attributes by which tract divides.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::read_by_tract;

/// Operators with an attribute that is 1 or more, and not larger than any axis.
pub(super) const COUNTED: [(&str, &str); 3] =
    [("DepthToSpace", "blocksize"), ("GroupNormalization", "num_groups"), ("LRN", "size")];

const LARGEST: i64 = 1 << 20;

pub(super) fn counted(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let own = COUNTED.iter().find(|(operator, _)| *operator == node.op_type);
    let (_, name) = own.context("the operator has no such attribute")?;
    if let Some(value) = node.get_attr_opt::<i64>(name)? {
        ensure!((1..=LARGEST).contains(&value), "{name} is {value}; accepted are 1 to {LARGEST}");
    }
    read_by_tract(context, node)
}
