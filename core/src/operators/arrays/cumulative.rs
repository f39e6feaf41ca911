//! [`CumSum`](https://onnx.ai/onnx/operators/onnx__CumSum.html) and
//! [`CumProd`](https://onnx.ai/onnx/operators/onnx__CumProd.html). Integers wrap around; float16 adds up in
//! float32.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Number, Value, around, at, at_mut, axis, elements, for_number, values_of,
};

pub(crate) fn sum(call: &Call) -> TractResult<Vec<Value>> {
    wide(
        call,
        |call, input| for_number!(input.datum_type(), T => cumulate(call, input, T::ZERO, T::plus)),
    )
}

pub(crate) fn product(call: &Call) -> TractResult<Vec<Value>> {
    wide(
        call,
        |call, input| for_number!(input.datum_type(), T => cumulate(call, input, T::ONE, T::times)),
    )
}

fn wide(
    call: &Call,
    run: impl Fn(&Call, &Tensor) -> TractResult<Tensor>,
) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    Ok(vec![match input.datum_type() {
        DatumType::F16 => {
            let result = run(call, &*input.cast_to::<f32>()?)?;
            result.cast_to::<f16>()?.into_owned().into()
        }
        _ => run(call, input)?.into(),
    }])
}

fn cumulate<T: Number>(
    call: &Call,
    input: &Tensor,
    start: T,
    combine: impl Fn(T, T) -> T,
) -> TractResult<Tensor> {
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
    values_of(input.shape(), values)
}
