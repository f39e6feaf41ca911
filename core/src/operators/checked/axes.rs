//! Operators along axes, which have to lie within the rank.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::of_tract;
use crate::operators::kernel::{axis, integers};

pub(super) const REDUCTIONS: [&str; 8] = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMean",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
];

/// Operators with the attribute `axis`.
pub(super) const ALONG: [&str; 11] = [
    "ArgMax",
    "ArgMin",
    "Concat",
    "Flatten",
    "Hardmax",
    "LayerNormalization",
    "LogSoftmax",
    "LpNormalization",
    "RMSNormalization",
    "Softmax",
    "Split",
];

/// Reads an operator with axes among its attributes or as its second input.
pub(super) fn reduction(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let axes = node.get_attr_opt_vec::<i64>("axes")?.unwrap_or_default();
    let inner = of_tract(context, node)?;
    Ok((expand(Along { inner, axes, listed: true, beyond: false }), Vec::new()))
}

/// Reads an operator with one axis.
pub(super) fn along(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let axes = node.get_attr_opt::<i64>("axis")?.into_iter().collect();
    let inner = of_tract(context, node)?;
    // Flatten may end behind the last axis.
    let beyond = node.op_type == "Flatten";
    Ok((expand(Along { inner, axes, listed: false, beyond }), Vec::new()))
}

/// An operator whose axes are checked.
#[derive(Clone, Debug)]
struct Along {
    inner: Box<dyn Expansion>,
    axes: Vec<i64>,
    /// Whether the second input lists axes, too.
    listed: bool,
    beyond: bool,
}

impl Along {
    fn check(&self, rank: usize) -> TractResult<()> {
        if self.beyond && self.axes == [i64::try_from(rank)?] {
            return Ok(());
        }
        check_axes(&self.axes, rank)
    }
}

fn check_axes(axes: &[i64], rank: usize) -> TractResult<()> {
    axes.iter().try_for_each(|place| axis(*place, rank).map(drop))
}

impl Expansion for Along {
    fn name(&self) -> StaticName {
        self.inner.name()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        (*self.inner).nboutputs()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let input = inputs.first().context("the operator has no input")?;
        solver.given(&input.rank, move |_, rank| self.check(usize::try_from(rank)?))?;
        if let Some(axes) = inputs.get(1).filter(|_| self.listed) {
            solver.given_2(&input.rank, &axes.value, |_, rank, axes| {
                check_axes(&integers(&axes)?, usize::try_from(rank)?)
            })?;
        }
        self.inner.rules(solver, inputs, outputs)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let rank = model.outlet_fact(*inputs.first().context("the operator has no input")?)?.rank();
        self.check(rank)?;
        if let Some(axes) = inputs.get(1).filter(|_| self.listed)
            && let Some(axes) = &model.outlet_fact(*axes)?.konst
        {
            check_axes(&integers(axes)?, rank)?;
        }
        self.inner.wire(prefix, model, inputs)
    }
}
