//! Operators along axes, which have to lie within the rank.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::empty::{guard, of_nothing};
use super::of_tract;
use crate::operators::kernel::{axis, integers};

pub(super) const REDUCTIONS: [&str; 7] = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceMean",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
];

/// Operators with the attribute `axis`.
pub(super) const ALONG: [&str; 7] = [
    "Concat",
    "Flatten",
    "LayerNormalization",
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
    let guarded = Some(node.clone());
    Ok((expand(Along { inner, axes, kind: Kind::Listed, guarded }), Vec::new()))
}

/// Reads an operator with one axis.
pub(super) fn along(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(Along { guarded: Some(node.clone()), ..one(context, node)? }), Vec::new()))
}

/// The same, not guarded against what is empty.
pub(super) fn along_unguarded(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<Box<dyn Expansion>> {
    Ok(Box::new(one(context, node)?))
}

fn one(context: &ParsingContext, node: &NodeProto) -> TractResult<Along> {
    let axes = node.get_attr_opt::<i64>("axis")?.into_iter().collect();
    let inner = of_tract(context, node)?;
    let kind = if node.op_type == "Flatten" { Kind::End } else { Kind::One };
    Ok(Along { inner, axes, kind, guarded: None })
}

/// Reads an operator that names every axis once.
pub(super) fn transpose(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let axes = node.get_attr_opt_vec::<i64>("perm")?.unwrap_or_default();
    let mut sorted = axes.clone();
    sorted.sort_unstable();
    let expected = (0..).take(axes.len());
    ensure!(expected.eq(sorted), "perm is {axes:?}, which does not name every axis once");
    let inner = of_tract(context, node)?;
    Ok((expand(Along { inner, axes, kind: Kind::All, guarded: None }), Vec::new()))
}

/// What the axes of a node are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Some of the input's, which a second input may list, too.
    Listed,
    /// One of the input's.
    One,
    /// One of the input's, or the end of them.
    End,
    /// All of the input's.
    All,
}

/// An operator whose axes are checked.
#[derive(Clone, Debug)]
struct Along {
    inner: Box<dyn Expansion>,
    axes: Vec<i64>,
    kind: Kind,
    /// The node, if it is guarded against what is empty.
    guarded: Option<NodeProto>,
}

impl Along {
    fn check(&self, rank: usize) -> TractResult<()> {
        let count = self.axes.len();
        match self.kind {
            Kind::End if self.axes == [i64::try_from(rank)?] => Ok(()),
            Kind::All if count > 0 && count != rank => bail!("{count} axes of rank {rank}"),
            _ => check_axes(&self.axes, rank),
        }
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
        if let Some(axes) = inputs.get(1).filter(|_| self.kind == Kind::Listed) {
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
        if let Some(axes) = inputs.get(1).filter(|_| self.kind == Kind::Listed)
            && let Some(axes) = &model.outlet_fact(*axes)?.konst
        {
            check_axes(&integers(axes)?, rank)?;
        }
        let Some(node) = &self.guarded else { return self.inner.wire(prefix, model, inputs) };
        if let Some(answer) = of_nothing(node, prefix, model, inputs)? {
            return Ok(tvec!(answer));
        }
        let before = model.nodes.len();
        let outputs = self.inner.wire(prefix, model, inputs)?;
        guard(model, before)?;
        Ok(outputs)
    }
}
