//! [`MaxUnpool`](https://onnx.ai/onnx/operators/onnx__MaxUnpool.html): values back to where a pooling
//! found them, among zeros.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, at, at_mut, each_index, elements, extents, for_number, integers, offset, strides,
    values_of, volume,
};

pub(crate) fn max_unpool(call: &Call) -> TractResult<Vec<Value>> {
    let (input, indices) = (call.tensor(0)?, call.tensor(1)?);
    ensure!(input.shape() == indices.shape(), "an index belongs to each value");
    let spatial = input.shape().get(2..).context("an input of rank 2 or less")?;
    let rank = spatial.len();
    let (kernel, steps) =
        (call.windows("kernel_shape", 1, rank)?, call.windows("strides", 1, rank)?);
    let pads = call.windows("pads", 0, 2 * rank)?;
    let mut inferred: Vec<usize> = input.shape().iter().take(2).copied().collect();
    for (axis, own) in spatial.iter().enumerate() {
        let whole = own.saturating_sub(1) * at(&steps, axis)? + at(&kernel, axis)?;
        let cut = at(&pads, axis)? + at(&pads, rank + axis)?;
        inferred.push(whole.checked_sub(cut).context("paddings larger than the output")?);
    }
    let shape = match call.integers(2)? {
        Some(shape) => extents(&shape)?,
        None => inferred.clone(),
    };
    let fits = shape.len() == inferred.len() && shape.iter().zip(&inferred).all(|(a, b)| a >= b);
    ensure!(fits, "an output of shape {shape:?}, at least {inferred:?} is needed");
    let (count, whole) = (volume(DatumType::U8, &inferred)?, strides(&shape));
    for_number!(input.datum_type(), T => {
        volume(T::datum_type(), &shape)?;
        let mut unpooled = vec![T::default(); count];
        for (value, index) in elements::<T>(input)?.iter().zip(integers(indices)?) {
            *at_mut(&mut unpooled, usize::try_from(index).context("a negative index")?)? = *value;
        }
        let mut result = vec![T::default(); shape.iter().product()];
        let mut values = unpooled.into_iter();
        each_index(&inferred, |index| {
            let value = values.next().context("too few values")?;
            *at_mut(&mut result, offset(index, &whole))? = value;
            Ok(())
        })?;
        Ok(vec![values_of(&shape, result)?.into()])
    })
}
