//! Arithmetic on any element type, which never crashes: integers wrap around.

use tract_onnx::tract_hir::internal::*;

/// A type that one can calculate with.
pub(crate) trait Number: Datum + Copy + PartialOrd {
    const ZERO: Self;
    const ONE: Self;
    /// The ends of the type's range.
    const LOWEST: Self;
    const HIGHEST: Self;
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// The greater; NaN if one is.
    fn greater(self, other: Self) -> Self;
    /// The lesser; NaN if one is.
    fn lesser(self, other: Self) -> Self;
}

macro_rules! integers {
    ($($t:ty),*) => {
        $(impl Number for $t {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = <$t>::MIN;
            const HIGHEST: Self = <$t>::MAX;
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            fn greater(self, other: Self) -> Self {
                self.max(other)
            }
            fn lesser(self, other: Self) -> Self {
                self.min(other)
            }
        })*
    };
}
integers!(u8, u16, u32, u64, i8, i16, i32, i64);

macro_rules! floats {
    ($($t:ty: $zero:expr, $one:expr;)*) => {
        $(impl Number for $t {
            const ZERO: Self = $zero;
            const ONE: Self = $one;
            const LOWEST: Self = <$t>::NEG_INFINITY;
            const HIGHEST: Self = <$t>::INFINITY;
            fn plus(self, other: Self) -> Self {
                self + other
            }
            fn times(self, other: Self) -> Self {
                self * other
            }
            fn greater(self, other: Self) -> Self {
                if self >= other || self.is_nan() { self } else { other }
            }
            fn lesser(self, other: Self) -> Self {
                if self <= other || self.is_nan() { self } else { other }
            }
        })*
    };
}
floats! {
    f16: f16::ZERO, f16::ONE;
    f32: 0.0, 1.0;
    f64: 0.0, 1.0;
}
