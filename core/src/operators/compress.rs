//! `Compress`: the entries of a tensor for which a flag is set.
//!
//! [`Compress`](https://onnx.ai/onnx/operators/onnx__Compress.html) takes a tensor of any type and
//! flags `[K]`, and gives the entries along `axis` whose flag is set; without an axis, those of the
//! flattened tensor. Flags beyond the axis must not be there (tract's own crashes on them); entries
//! beyond the flags are left out.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{around, at_mut, elements, for_type, values_of};
use super::tensor::expect_type;
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
        let (before, extent, after) = match axis {
            Some(axis) => around(data.shape(), axis),
            None => (1, data.len(), 1),
        };
        let flags = elements::<bool>(flags)?;
        if flags.len() > extent {
            bail!("Compress has {} flags for an axis of {extent}", flags.len());
        }
        let picked = flags.iter().enumerate().filter(|(_, wanted)| **wanted);
        let picked: Vec<_> = picked.map(|(place, _)| place).collect();
        let mut shape = data.shape().to_vec();
        match axis {
            Some(axis) => *at_mut(&mut shape, axis)? = picked.len(),
            None => shape = vec![picked.len()],
        }
        for_type!(data.datum_type(), T => {
            let values = elements::<T>(data)?;
            let mut result: Vec<T> = Vec::with_capacity(before * picked.len() * after);
            for outer in 0..before {
                for place in &picked {
                    let start = (outer * extent + place) * after;
                    result.extend_from_slice(values.get(start..start + after).context("outside")?);
                }
            }
            Ok(tvec!(values_of(&shape, result)?))
        })
    }
}
