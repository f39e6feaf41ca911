//! `Flatten` and `ConstantOfShape`, where tract's own stop at open dimensions.
//!
//! | operator | from | to |
//! |---|---|---|
//! | [`Flatten`](https://onnx.ai/onnx/operators/onnx__Flatten.html) | any type and shape | the same elements as rows and columns |
//! | [`ConstantOfShape`](https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html) | a shape | one value in that shape |
//!
//! tract's `Flatten` takes one open dimension; here any number may be. tract's `ConstantOfShape` is
//! replaced by its scalar where it meets a matrix product, which then has operands of the wrong
//! rank; here a node that hands it on stands between them.

use std::sync::Arc;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::array;

use super::attribute::Attributes;
use super::checked::of_shape;
use super::written::{Built, Kernel, Shape, build, inputs, wire};

/// Registers both operators.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("Flatten", flatten);
    onnx.op_register.insert("ConstantOfShape", constant_of_shape);
}

fn flatten(_: &ParsingContext, node: &NodeProto) -> Built {
    build(Flatten { axis: Attributes(node).int("axis", 1)? })
}

#[derive(Debug)]
struct Flatten {
    axis: i64,
}

impl Flatten {
    /// The extents before the axis and those from it on.
    fn split<'a, D>(&self, shape: &'a [D]) -> TractResult<(&'a [D], &'a [D])> {
        let rank = i64::try_from(shape.len())?;
        let axis = if self.axis < 0 { self.axis.saturating_add(rank) } else { self.axis };
        let parts = usize::try_from(axis).ok().and_then(|axis| shape.split_at_checked(axis));
        parts.with_context(|| format!("Flatten has the axis {} for rank {rank}", self.axis))
    }
}

impl Kernel for Flatten {
    fn name(&self) -> &'static str {
        "Flatten"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("Flatten", &types.iter().collect::<Vec<_>>())?;
        Ok(tvec!(*input))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("Flatten", shapes)?;
        let (rows, columns) = self.split(input)?;
        Ok(tvec!(tvec!(rows.iter().product(), columns.iter().product())))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("Flatten", tensors)?;
        let (rows, columns) = self.split(input.shape())?;
        let shape = [rows.iter().product(), columns.iter().product()];
        Ok(tvec!(input.clone().into_shape(&shape)?))
    }
}

fn constant_of_shape(context: &ParsingContext, node: &NodeProto) -> Built {
    let value = match node.get_attr_opt("value")? {
        Some(value) => context.load_tensor(value)?,
        None => tensor0(0.0_f32),
    };
    if value.len() != 1 {
        bail!("attribute value has {} elements; accepted is 1", value.len());
    }
    let value = value.into_shape(&[])?.into_arc_tensor();
    let filled = ConstantOfShape(array::ConstantOfShape::new(value));
    Ok((expand(of_shape(Box::new(filled))), Vec::new()))
}

#[derive(Clone, Debug)]
struct ConstantOfShape(array::ConstantOfShape);

impl Expansion for ConstantOfShape {
    fn name(&self) -> StaticName {
        "ConstantOfShape".into()
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
        let constant = self.0.wire(&format!("{prefix}.broadcast"), model, inputs)?;
        wire(Arc::new(Keep), prefix, model, &constant)
    }
}

/// Hands its input on.
#[derive(Debug)]
struct Keep;

impl Kernel for Keep {
    fn name(&self) -> &'static str {
        "Keep"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        Ok(types.into())
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        Ok(shapes.iter().map(|shape| (*shape).into()).collect())
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        Ok(tensors.iter().map(|tensor| (*tensor).clone()).collect())
    }
}
