//! `Compress`: the entries of a tensor for which a flag is set.
//!
//! [`Compress`](https://onnx.ai/onnx/operators/onnx__Compress.html) takes a tensor of any type and
//! flags `[K]`, and gives the entries along `axis` whose flag is set; without an axis, those of the
//! flattened tensor. Flags beyond the axis must not be there; entries beyond the flags are left out.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::tensor::{elements, expect_type};
use super::written::{Built, Kernel, Shape, build_open, inputs};

/// Registers the operator.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("Compress", compress);
}

fn compress(context: &ParsingContext, node: &NodeProto) -> Built {
    build_open(context, Compress { axis: node.get_attr_opt("axis")? })
}

#[derive(Debug)]
struct Compress {
    axis: Option<i64>,
}

impl Compress {
    /// The axis of a tensor of this rank; none for the flattened one.
    fn axis(&self, rank: usize) -> TractResult<Option<usize>> {
        let Some(axis) = self.axis else { return Ok(None) };
        let extent = i64::try_from(rank)?;
        let place = if axis < 0 { axis.saturating_add(extent) } else { axis };
        let place = usize::try_from(place).ok().filter(|place| *place < rank);
        place.map(Some).with_context(|| format!("Compress has the axis {axis} for rank {rank}"))
    }
}

impl Kernel for Compress {
    fn name(&self) -> &'static str {
        "Compress"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [data, flags] = inputs("Compress", &types.iter().collect::<Vec<_>>())?;
        expect_type("Compress", *flags, &[DatumType::Bool])?;
        Ok(tvec!(*data))
    }

    fn shapes(&self, shapes: &[&[TDim]], open: &TDim) -> TractResult<TVec<Shape>> {
        let [data, _] = inputs("Compress", shapes)?;
        let mut shape: Shape = data.into();
        match self.axis(data.len())?.and_then(|axis| shape.get_mut(axis)) {
            Some(extent) => *extent = open.clone(),
            None => shape = tvec!(open.clone()),
        }
        Ok(tvec!(shape))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [data, flags] = inputs("Compress", tensors)?;
        let axis = self.axis(data.rank())?;
        let flat = match axis {
            Some(_) => None,
            None => Some((*data).clone().into_shape(&[data.len()])?),
        };
        let (data, axis) = (flat.as_ref().unwrap_or(data), axis.unwrap_or(0));
        let extent = data.shape().get(axis).copied().context("the axis was just checked")?;
        let flags = elements::<bool>(flags)?;
        if flags.len() > extent {
            bail!("Compress has {} flags for an axis of {extent}", flags.len());
        }
        let kept = flags.iter().enumerate().filter(|(_, flag)| **flag);
        let parts =
            kept.map(|(at, _)| data.slice(axis, at, at + 1)).collect::<TractResult<Vec<_>>>()?;
        if parts.is_empty() {
            return Ok(tvec!(data.slice(axis, 0, 0)?));
        }
        Ok(tvec!(Tensor::stack_tensors(axis, &parts)?))
    }
}
