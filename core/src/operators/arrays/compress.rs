//! [`Compress`](https://onnx.ai/onnx/operators/onnx__Compress.html): the slices, or the elements,
//! that a condition picks. tract crashes on a condition that is longer than the axis.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, around, at, at_mut, axis, elements, for_type, values_of,
};

pub(crate) fn compress(call: &Call) -> TractResult<Vec<Value>> {
    let (input, condition) = (call.tensor(0)?, call.tensor(1)?);
    let place: Option<i64> = call.node.get_attr_opt("axis")?;
    let place = place.map(|place| axis(place, input.rank())).transpose()?;
    let (before, extent, after) = match place {
        Some(place) => around(input.shape(), place),
        None => (1, input.len(), 1),
    };
    let picked = elements::<bool>(condition)?.iter().enumerate().filter(|(_, wanted)| **wanted);
    let picked: Vec<_> = picked.map(|(place, _)| place).collect();
    ensure!(
        condition.len() <= extent,
        "a condition of {} elements for an axis of {extent}",
        condition.len()
    );
    let mut shape = input.shape().to_vec();
    match place {
        Some(place) => *at_mut(&mut shape, place)? = picked.len(),
        None => shape = vec![picked.len()],
    }
    for_type!(input.datum_type(), T => {
        let values = elements::<T>(input)?;
        let mut result: Vec<T> = Vec::with_capacity(before * picked.len() * after);
        for outer in 0..before {
            for number in 0..picked.len() {
                let start = (outer * extent + at(&picked, number)?) * after;
                result.extend_from_slice(values.get(start..start + after).context("outside")?);
            }
        }
        Ok(vec![values_of(&shape, result)?.into()])
    })
}
