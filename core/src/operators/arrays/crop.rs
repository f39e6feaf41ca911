//! [`CenterCropPad`](https://onnx.ai/onnx/operators/onnx__CenterCropPad.html): the middle of a
//! tensor, or the tensor in the middle of zeros.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, at_mut, axis, each_index, elements, extent, for_type, offset, pick, strides,
    values_of, volume,
};

pub(crate) fn center_crop_pad(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let wanted = call.integers(1)?.context("the shape is missing")?;
    let rank = input.rank();
    let axes = match call.ints("axes")? {
        Some(axes) => {
            axes.into_iter().map(|place| axis(place, rank)).collect::<TractResult<_>>()?
        }
        None => (0..rank).collect::<Vec<_>>(),
    };
    ensure!(axes.len() == wanted.len(), "{} extents for {} axes", wanted.len(), axes.len());
    let mut shape = input.shape().to_vec();
    for (axis, wanted) in axes.iter().zip(&wanted) {
        *at_mut(&mut shape, *axis)? = extent(*wanted)?;
    }
    // How much is cut off, and how much is left free, in front of each axis.
    let pairs = || input.shape().iter().zip(&shape);
    let cut: Vec<_> = pairs().map(|(own, new)| own.saturating_sub(*new) / 2).collect();
    let free: Vec<_> = pairs().map(|(own, new)| new.saturating_sub(*own) / 2).collect();
    let copied: Vec<_> = pairs().map(|(own, new)| *own.min(new)).collect();
    let (from_steps, to_steps) = (strides(input.shape()), strides(&shape));
    let (from, to) = (offset(&cut, &from_steps), offset(&free, &to_steps));
    for_type!(input.datum_type(), T => {
        let source = elements::<T>(input)?;
        let mut result = vec![T::default(); volume(T::datum_type(), &shape)?];
        each_index(&copied, |index| {
            let value = pick(source, from + offset(index, &from_steps))?;
            *at_mut(&mut result, to + offset(index, &to_steps))? = value;
            Ok(())
        })?;
        Ok(vec![values_of(&shape, result)?.into()])
    })
}
