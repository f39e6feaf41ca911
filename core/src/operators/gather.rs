//! `Gather` with its indices checked.
//!
//! [`Gather`](https://onnx.ai/onnx/operators/onnx__Gather.html) takes entries of a tensor along one
//! axis. Indices often come from callers, as the words of a text do, and tract crashes on one that
//! lies outside. Here such an index is an error: when the graph is loaded if it is a constant,
//! otherwise when it arrives.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::array;

/// Registers the operator.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("Gather", gather);
}

fn gather(
    _: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let axis = node.get_attr_opt("axis")?.unwrap_or(0);
    Ok((expand(Gather(array::Gather::new(axis))), Vec::new()))
}

/// tract's operator, wired behind a check of its indices.
#[derive(Clone, Debug)]
struct Gather(array::Gather);

impl Expansion for Gather {
    fn name(&self) -> StaticName {
        "Gather".into()
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
        let [data, indices] = *inputs else { bail!("Gather has {} inputs, not 2", inputs.len()) };
        let shape = model.outlet_fact(data)?.shape.to_tvec();
        let axis = self.0.to_type_op(shape.len()).axis;
        let Some(extent) = shape.get(axis) else {
            bail!("Gather has an axis that its input of rank {} lacks", shape.len())
        };
        let extent = extent.to_usize().ok();
        let integers = cast(i64::datum_type());
        let indices = model.wire_node(format!("{prefix}.indices"), integers, &[indices])?;
        let constant = model.outlet_fact(*indices.first().context("a cast has an output")?)?;
        let indices = match (extent, &constant.konst) {
            (Some(extent), Some(constant)) => {
                check(constant, extent)?;
                indices
            }
            (extent, _) => {
                let inputs = indices.into_iter().chain(extent.is_none().then_some(data));
                let checked = CheckedIndices { axis, extent };
                model.wire_node(format!("{prefix}.check"), checked, &inputs.collect::<TVec<_>>())?
            }
        };
        let inputs: TVec<_> = [data].into_iter().chain(indices).collect();
        self.0.wire(prefix, model, &inputs)
    }
}

/// An index counts from the start of the axis or, if it is negative, from its end.
fn check(indices: &Tensor, extent: usize) -> TractResult<()> {
    let indices = indices.try_as_plain_ram()?;
    let highest = i64::try_from(extent)?;
    let outside = indices.as_slice::<i64>()?.iter().find(|i| !(-highest..highest).contains(i));
    match outside {
        Some(index) => bail!("the index {index} lies outside of an axis of {extent}"),
        None => Ok(()),
    }
}

/// Hands indices on, if they lie within the axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CheckedIndices {
    axis: usize,
    /// How long the axis is. Where that is open, the tensor that it belongs to is a second input.
    extent: Option<usize>,
}

impl Op for CheckedIndices {
    fn name(&self) -> StaticName {
        "CheckedIndices".into()
    }

    op_as_typed_op!();
}

impl EvalOp for CheckedIndices {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let open = || inputs.get(1).and_then(|data| data.shape().get(self.axis)).copied();
        let extent = self.extent.or_else(open).context("the axis has no extent")?;
        check(inputs.first().context("there are no indices")?, extent)?;
        inputs.truncate(1);
        Ok(inputs)
    }
}

impl TypedOp for CheckedIndices {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let indices = inputs.first().context("there are no indices")?;
        Ok(tvec!(indices.datum_type.fact(&*indices.shape)))
    }

    as_op!();
}
