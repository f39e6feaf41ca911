//! [`CumSum`](https://onnx.ai/onnx/operators/onnx__CumSum.html) and
//! [`CumProd`](https://onnx.ai/onnx/operators/onnx__CumProd.html). Integers wrap around.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, around, at, at_mut, axis, elements, for_number, values_of,
};

pub(crate) fn sum(call: &Call) -> TractResult<Vec<Value>> {
    for_number!(call.tensor(0)?.datum_type(), T => cumulate::<T>(call, T::ZERO, T::add))
}

pub(crate) fn product(call: &Call) -> TractResult<Vec<Value>> {
    for_number!(call.tensor(0)?.datum_type(), T => cumulate::<T>(call, T::ONE, T::multiply))
}

fn cumulate<T: Datum + Copy>(
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

/// Numbers that can be added and multiplied without a crash.
trait Cumulative: Sized {
    const ZERO: Self;
    const ONE: Self;
    fn add(self, other: Self) -> Self;
    fn multiply(self, other: Self) -> Self;
}

macro_rules! integers {
    ($($t:ty),*) => {
        $(impl Cumulative for $t {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn multiply(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
        })*
    };
}
integers!(u8, u16, u32, u64, i8, i16, i32, i64);

macro_rules! floats {
    ($($t:ty: $zero:expr, $one:expr;)*) => {
        $(impl Cumulative for $t {
            const ZERO: Self = $zero;
            const ONE: Self = $one;
            fn add(self, other: Self) -> Self {
                self + other
            }
            fn multiply(self, other: Self) -> Self {
                self * other
            }
        })*
    };
}
floats! {
    f16: f16::ZERO, f16::ONE;
    f32: 0.0, 1.0;
    f64: 0.0, 1.0;
}
