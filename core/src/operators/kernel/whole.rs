//! Floats as integers, beyond the range of the integer type, too.
//!
//! A float becomes an integer by cutting its fraction off. Where the type has no such number the
//! standard leaves the result open; here it is what ONNX Runtime gives on x86-64. NaN and what lies
//! outside of 64 bits (32 for the narrower signed types and for `uint8` and `uint16`) become the
//! least integer of that width, and a narrower type has its lowest bits. So −1 is 255 as `uint8`,
//! and NaN as `int64` is none of the small numbers that stand for categories.

use tract_onnx::tract_hir::internal::*;

use super::{doubles, values_of};

/// The nearest integer towards zero in 64 bits.
fn wide(value: f64) -> i64 {
    // Both ends are floats; the upper one lies just outside.
    let inside = (-(2_f64.powi(63))..2_f64.powi(63)).contains(&value);
    if inside { value as i64 } else { i64::MIN }
}

/// The same in 32 bits.
fn narrow(value: f64) -> i32 {
    let inside = value > -(2_f64.powi(31)) - 1.0 && value < 2_f64.powi(31);
    if inside { value as i32 } else { i32::MIN }
}

/// The same without a sign.
fn unsigned(value: f64) -> u64 {
    let half = 2_f64.powi(63);
    let bits = |value: f64| wide(value).cast_unsigned();
    if value >= half { bits(value - half) ^ (1 << 63) } else { bits(value) }
}

/// Whether [`to_whole`] knows this conversion.
pub(crate) fn is_whole(from: DatumType, to: DatumType) -> bool {
    matches!(from, DatumType::F16 | DatumType::F32 | DatumType::F64) && to.is_integer()
}

/// A tensor of floats as one of integers.
pub(crate) fn to_whole(tensor: &Tensor, to: DatumType) -> TractResult<Tensor> {
    let (shape, values) = (tensor.shape(), doubles(tensor)?.into_iter());
    match to {
        DatumType::I64 => values_of(shape, values.map(wide).collect()),
        DatumType::I32 => values_of(shape, values.map(narrow).collect()),
        DatumType::I16 => values_of(shape, values.map(|value| narrow(value) as i16).collect()),
        DatumType::I8 => values_of(shape, values.map(|value| narrow(value) as i8).collect()),
        DatumType::U64 => values_of(shape, values.map(unsigned).collect()),
        DatumType::U32 => values_of(shape, values.map(|value| wide(value) as u32).collect()),
        DatumType::U16 => values_of(shape, values.map(|value| narrow(value) as u16).collect()),
        DatumType::U8 => values_of(shape, values.map(|value| narrow(value) as u8).collect()),
        other => bail!("{other:?} is no type of integers"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_range() {
        for (value, expected) in [(1e12, 1_000_000_000_000), (-2.9, -2), (f64::NAN, i64::MIN)] {
            assert_eq!(wide(value), expected);
        }
        assert_eq!(wide(2_f64.powi(63)), i64::MIN);
        assert_eq!((narrow(-1.5), narrow(3e9), narrow(f64::INFINITY)), (-1, i32::MIN, i32::MIN));
        assert_eq!(narrow(-2_147_483_648.5), i32::MIN);
        assert_eq!((unsigned(-2.5), unsigned(f64::INFINITY)), (u64::MAX - 1, 0));
        assert_eq!(unsigned(2_f64.powi(63)), 1 << 63);
    }
}
