//! [`TensorScatter`](https://onnx.ai/onnx/operators/onnx__TensorScatter.html) and
//! [`ReverseSequence`](https://onnx.ai/onnx/operators/onnx__ReverseSequence.html).

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, around, at, at_mut, axis, each_index, elements, extent, for_type, offset, pick,
    strides, values_of,
};

/// Writes new entries into a cache, from a place on that each batch has for itself.
pub(crate) fn tensor_scatter(call: &Call) -> TractResult<Vec<Value>> {
    let (cache, update) = (call.tensor(0)?, call.tensor(1)?);
    let place = axis(call.int("axis", -2)?, cache.rank())?;
    ensure!(place > 0, "the axis of the batch can't be written along");
    let circular = match call.text("mode", "linear")?.as_str() {
        "linear" => false,
        "circular" => true,
        other => bail!("mode is {other:?}; accepted are linear and circular"),
    };
    let pairs = cache.shape().iter().zip(update.shape()).enumerate();
    let mut fits = pairs.map(|(axis, (own, new))| own == new || (axis == place && new <= own));
    ensure!(
        cache.rank() == update.rank() && fits.all(|fits| fits),
        "an update of shape {:?} for a cache of {:?}",
        update.shape(),
        cache.shape()
    );
    let batch = at(cache.shape(), 0)?;
    let starts = call.integers(2)?.unwrap_or_else(|| vec![0; batch]);
    ensure!(starts.len() == batch, "{} places for a batch of {batch}", starts.len());
    let (before, length, after) = around(cache.shape(), place);
    let (_, added, _) = around(update.shape(), place);
    for_type!(cache.datum_type(), T => {
        let mut result = elements::<T>(cache)?.to_vec();
        let update = elements::<T>(update)?;
        for outer in 0..before {
            let start = extent(at(&starts, outer / (before / batch))?)?;
            for step in 0..added {
                let mut to = start.checked_add(step).context("a place beyond the cache")?;
                if circular {
                    to %= length;
                }
                ensure!(to < length, "the place {to} in a cache of {length}");
                let (from, to) = ((outer * added + step) * after, (outer * length + to) * after);
                let source = update.get(from..from + after).context("outside of the update")?;
                let target = result.get_mut(to..to + after).context("outside of the cache")?;
                target.clone_from_slice(source);
            }
        }
        Ok(vec![values_of(cache.shape(), result)?.into()])
    })
}

/// Turns the first entries of each sequence around.
pub(crate) fn reverse_sequence(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let lengths = call.integers(1)?.context("the lengths are missing")?;
    let batch_axis = axis(call.int("batch_axis", 1)?, input.rank())?;
    let time_axis = axis(call.int("time_axis", 0)?, input.rank())?;
    let (batch, times) = (at(input.shape(), batch_axis)?, at(input.shape(), time_axis)?);
    ensure!(batch_axis != time_axis, "the axes of batch and time are one");
    ensure!(lengths.len() == batch, "{} lengths for a batch of {batch}", lengths.len());
    let lengths = lengths.into_iter().map(extent).collect::<TractResult<Vec<_>>>()?;
    ensure!(lengths.iter().all(|length| *length <= times), "a sequence longer than the input");
    let steps = strides(input.shape());
    for_type!(input.datum_type(), T => {
        let values = elements::<T>(input)?;
        let mut result = Vec::with_capacity(values.len());
        each_index(input.shape(), |index| {
            let mut from = index.to_vec();
            let length = at(&lengths, at(index, batch_axis)?)?;
            let time = at_mut(&mut from, time_axis)?;
            if *time < length {
                *time = length - 1 - *time;
            }
            result.push(pick(values, offset(&from, &steps))?);
            Ok(())
        })?;
        Ok(vec![values_of(input.shape(), result)?.into()])
    })
}
