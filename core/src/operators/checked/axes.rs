//! Reductions whose axes are checked.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::of_tract;
use crate::operators::kernel::{axis, integers};

pub(super) const REDUCTIONS: [&str; 10] = [
    "ArgMax",
    "ArgMin",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMean",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
];

pub(super) fn reduction(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let mut axes = node.get_attr_opt_vec::<i64>("axes")?.unwrap_or_default();
    if node.op_type.starts_with("Arg") {
        axes.push(node.get_attr_opt("axis")?.unwrap_or(0));
    }
    let inner = of_tract(context, node)?;
    Ok((expand(Reduction { inner, axes }), Vec::new()))
}

/// A reduction whose axes are checked.
#[derive(Clone, Debug)]
struct Reduction {
    inner: Box<dyn Expansion>,
    axes: Vec<i64>,
}

fn check_axes(axes: &[i64], rank: usize) -> TractResult<()> {
    axes.iter().try_for_each(|place| axis(*place, rank).map(drop))
}

impl Expansion for Reduction {
    fn name(&self) -> StaticName {
        self.inner.name()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let input = inputs.first().context("a reduction has an input")?;
        solver.given(&input.rank, move |_, rank| check_axes(&self.axes, usize::try_from(rank)?))?;
        if let Some(axes) = inputs.get(1) {
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
        let rank = model.outlet_fact(*inputs.first().context("a reduction has an input")?)?.rank();
        check_axes(&self.axes, rank)?;
        if let Some(axes) = inputs.get(1)
            && let Some(axes) = &model.outlet_fact(*axes)?.konst
        {
            check_axes(&integers(axes)?, rank)?;
        }
        self.inner.wire(prefix, model, inputs)
    }
}
