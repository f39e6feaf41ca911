//! The two floating-point types in which an ensemble compares and adds.

use std::ops::{AddAssign, Div, Neg, Sub};

/// `f32` or `f64`. ONNX Runtime computes in the input's type, with `f32` for integer inputs, and
/// sums differ visibly between the two.
pub(super) trait Real:
    Copy
    + std::fmt::Debug
    + Default
    + PartialOrd
    + AddAssign
    + Div<Output = Self>
    + Neg<Output = Self>
    + Sub<Output = Self>
    + Send
    + Sync
    + 'static
{
    /// One.
    const ONE: Self;
    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The nearest `f32`.
    fn to_f32(self) -> f32;
    /// Whether it is not a number.
    fn is_nan(self) -> bool;
}

impl Real for f32 {
    const ONE: Self = 1.0;

    #[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
    fn from_f64(value: f64) -> Self {
        value as Self
    }

    fn to_f32(self) -> f32 {
        self
    }

    fn is_nan(self) -> bool {
        Self::is_nan(self)
    }
}

impl Real for f64 {
    const ONE: Self = 1.0;

    fn from_f64(value: f64) -> Self {
        value
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
    fn to_f32(self) -> f32 {
        self as f32
    }

    fn is_nan(self) -> bool {
        Self::is_nan(self)
    }
}
