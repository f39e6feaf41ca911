//! [`CumSum`](https://onnx.ai/onnx/operators/onnx__CumSum.html) and
//! [`CumProd`](https://onnx.ai/onnx/operators/onnx__CumProd.html). Integers wrap around.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Number, Value, around, at, at_mut, axis, elements, for_number, values_of,
};

pub(crate) fn sum(call: &Call) -> TractResult<Vec<Value>> {
    for_number!(call.tensor(0)?.datum_type(), T => cumulate(call, T::ZERO, T::plus))
}

pub(crate) fn product(call: &Call) -> TractResult<Vec<Value>> {
    for_number!(call.tensor(0)?.datum_type(), T => cumulate(call, T::ONE, T::times))
}

fn cumulate<T: Number>(
    call: &Call,
    start: T,
    combine: impl Fn(T, T) -> T,
) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let place = call.integer(1)?.context("the axis is missing")?;
    let (before, extent, after) = around(input.shape(), axis(place, input.rank())?);
    let (exclusive, reverse) = (call.flag("exclusive", false)?, call.flag("reverse", false)?);
    let mut values = elements::<T>(input)?.to_vec();
    for outer in 0..before {
        for inner in 0..after {
            let mut total = start;
            for step in 0..extent {
                let step = if reverse { extent - 1 - step } else { step };
                let place = (outer * extent + step) * after + inner;
                let next = combine(total, at(&values, place)?);
                *at_mut(&mut values, place)? = if exclusive { total } else { next };
                total = next;
            }
        }
    }
    Ok(vec![values_of(input.shape(), values)?.into()])
}
