//! tract's operators behind checks of what they take for granted, where tract crashes: axes within
//! the rank, integers that are not divided by zero, sizes that memory holds, types.

mod attributes;
mod axes;
mod division;
mod empty;
mod products;
mod size;
mod slice;
mod types;
mod windows;

use std::sync::LazyLock;

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::array::StridedSlice;

pub(super) use size::of_shape;

/// Registers the operators.
pub(super) fn register(onnx: &mut Onnx) {
    for operator in axes::REDUCTIONS {
        onnx.op_register.insert(operator, axes::reduction);
    }
    for operator in axes::ALONG {
        onnx.op_register.insert(operator, axes::along);
    }
    for (operator, _) in attributes::COUNTED {
        onnx.op_register.insert(operator, attributes::counted);
    }
    for operator in size::SIZED {
        onnx.op_register.insert(operator, size::sized);
    }
    onnx.op_register.insert("Slice", slice::slice);
    onnx.op_register.insert("Transpose", axes::transpose);
    for operator in windows::WINDOWED {
        onnx.op_register.insert(operator, windows::windowed);
    }
    for operator in types::names() {
        onnx.op_register.insert(operator, types::through_another);
    }
    onnx.op_register.insert("Div", division::division);
    onnx.op_register.insert("Mod", division::division);
}

/// tract's own operators.
static TRACT: LazyLock<Onnx> = LazyLock::new(tract_onnx::onnx);

/// What tract itself makes of a node.
fn read_by_tract(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let read = TRACT.op_register.0.get(&node.op_type).context("tract has no such operator")?;
    read(context, node)
}

/// The same, to be wrapped.
pub(super) fn of_tract(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<Box<dyn Expansion>> {
    let (op, _) = read_by_tract(context, node)?;
    if let Some(op) = op.as_op().downcast_ref::<StridedSlice>() {
        return Ok(Box::new(Strided(op.clone())));
    }
    expansion(op)
}

/// The operator as what it is wired by.
pub(super) fn expansion(op: Box<dyn InferenceOp>) -> TractResult<Box<dyn Expansion>> {
    let op = op.as_op().downcast_ref::<Box<dyn Expansion>>().context("not an expansion")?;
    Ok(op.clone())
}

/// tract's slice, which is no expansion by itself.
#[derive(Clone, Debug)]
struct Strided(StridedSlice);

impl Expansion for Strided {
    fn name(&self) -> StaticName {
        "Slice".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        self.0.rules(solver, inputs, outputs)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.0.clone(), inputs)
    }
}
