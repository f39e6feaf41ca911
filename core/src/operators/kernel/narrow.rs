//! Element types that tract lacks: bfloat16, the 8-bit and 4-bit floats, the 4-bit and 2-bit
//! integers ([data types](https://onnx.ai/onnx/api/data_types.html)).
//!
//! A value of such a type is its bits: a u16 for bfloat16 and a u8 for each of the others.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::tract_hir::internal::*;

use super::values_of;

/// A type that tract lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Narrow {
    Bfloat16,
    Float8e4m3fn,
    Float8e4m3fnuz,
    Float8e5m2,
    Float8e5m2fnuz,
    Float8e8m0,
    Float4e2m1,
    Int4,
    Uint4,
    Int2,
    Uint2,
}

/// How a float is laid out behind its sign.
struct Layout {
    mantissa: u32,
    bias: i32,
    /// The largest finite code of the positive half.
    largest: u16,
    infinity: Option<u16>,
    nan: Option<u16>,
    /// The bit of the sign.
    sign: u16,
    /// Whether a zero has a sign.
    signed_zero: bool,
}

impl Narrow {
    /// The type of this name, and its number in `TensorProto.DataType`.
    pub fn from_onnx(number: i32) -> Option<Self> {
        // The last four are younger than tract's copy of the protobuf.
        Some(match number {
            24 => Self::Float8e8m0,
            25 => Self::Uint2,
            26 => Self::Int2,
            23 => Self::Float4e2m1,
            _ => match DataType::try_from(number).ok()? {
                DataType::Bfloat16 => Self::Bfloat16,
                DataType::Float8e4m3fn => Self::Float8e4m3fn,
                DataType::Float8e4m3fnuz => Self::Float8e4m3fnuz,
                DataType::Float8e5m2 => Self::Float8e5m2,
                DataType::Float8e5m2fnuz => Self::Float8e5m2fnuz,
                DataType::Int4 => Self::Int4,
                DataType::Uint4 => Self::Uint4,
                _ => return None,
            },
        })
    }

    /// How many bits an element has in a file.
    pub fn bits(self) -> usize {
        match self {
            Self::Bfloat16 => 16,
            Self::Float4e2m1 | Self::Int4 | Self::Uint4 => 4,
            Self::Int2 | Self::Uint2 => 2,
            _ => 8,
        }
    }

    /// The type of the tensor that holds the bits.
    pub fn storage(self) -> DatumType {
        if self == Self::Bfloat16 { DatumType::U16 } else { DatumType::U8 }
    }

    /// The least and the greatest of an integer type.
    pub fn integer_range(self) -> Option<(f32, f32)> {
        Some(match self {
            Self::Int4 => (-8.0, 7.0),
            Self::Uint4 => (0.0, 15.0),
            Self::Int2 => (-2.0, 1.0),
            Self::Uint2 => (0.0, 3.0),
            _ => return None,
        })
    }

    fn layout(self) -> Option<Layout> {
        let layout = |mantissa, bias, largest, infinity, nan, sign, signed_zero| Layout {
            mantissa,
            bias,
            largest,
            infinity,
            nan,
            sign,
            signed_zero,
        };
        Some(match self {
            Self::Float8e4m3fn => layout(3, 7, 0x7e, None, Some(0x7f), 0x80, true),
            Self::Float8e4m3fnuz => layout(3, 8, 0x7f, None, Some(0x80), 0x80, false),
            Self::Float8e5m2 => layout(2, 15, 0x7b, Some(0x7c), Some(0x7e), 0x80, true),
            Self::Float8e5m2fnuz => layout(2, 16, 0x7f, None, Some(0x80), 0x80, false),
            Self::Float4e2m1 => layout(1, 1, 0x7, None, None, 0x8, true),
            _ => return None,
        })
    }

    /// What some bits stand for. Every value of every type is a float32.
    pub fn decode(self, code: u16) -> f32 {
        match self {
            Self::Bfloat16 => f32::from_bits(u32::from(code) << 16),
            Self::Float8e8m0 if code == 255 => f32::NAN,
            Self::Float8e8m0 => power_of_two(i32::from(code) - 127),
            Self::Int4 | Self::Int2 => {
                let (_, greatest) = self.integer_range().unwrap_or_default();
                let value = f32::from(code);
                if value > greatest { value - 2.0 * (greatest + 1.0) } else { value }
            }
            Self::Uint4 | Self::Uint2 => f32::from(code),
            _ => self.layout().map_or(f32::NAN, |layout| layout.decode(code)),
        }
    }

    /// The bits of the nearest value, of two the even one. What lies beyond the largest becomes the
    /// largest if `saturate`, otherwise infinity, or NaN where there is none; an integer type always
    /// wraps around, as a conversion between integers does.
    pub fn encode(self, value: f32, saturate: bool) -> u16 {
        match self {
            Self::Bfloat16 => bfloat16(value),
            Self::Float8e8m0 => self.encode_scale(value, ScaleRounding::Up, saturate),
            Self::Int4 | Self::Uint4 => (value as i64 & 0xf) as u16,
            Self::Int2 | Self::Uint2 => (value as i64 & 0x3) as u16,
            _ => self.layout().map_or(0, |layout| layout.encode(value, saturate)),
        }
    }

    /// The exponent of a block's scale. The sign is ignored.
    pub fn encode_scale(self, value: f32, rounding: ScaleRounding, saturate: bool) -> u16 {
        let bits = value.abs().to_bits();
        let (exponent, fraction) = (bits >> 23, bits & 0x7f_ffff);
        if exponent == 255 {
            return if saturate && fraction == 0 { 254 } else { 255 };
        }
        let up = match rounding {
            ScaleRounding::Up => fraction > 0 && (exponent > 0 || fraction > 0x40_0000),
            ScaleRounding::Down => false,
            ScaleRounding::Nearest => {
                let half = if exponent == 0 { fraction > 0x40_0000 } else { fraction >= 0x40_0000 };
                half && fraction > 0
            }
        };
        let code = exponent + u32::from(up);
        if code > 254 && !saturate { 255 } else { code.min(254) as u16 }
    }

    /// The tensor of float32 that these bits stand for.
    pub fn widen(self, bits: &Tensor) -> TractResult<Tensor> {
        let codes = bits.cast_to::<u16>()?;
        let codes = codes.try_as_plain_ram()?;
        let floats = codes.as_slice::<u16>()?.iter().map(|code| self.decode(*code)).collect();
        values_of(bits.shape(), floats)
    }

    /// The bits of the nearest values.
    pub fn narrow(self, floats: &Tensor, saturate: bool) -> TractResult<Tensor> {
        let view = floats.cast_to::<f32>()?;
        let view = view.try_as_plain_ram()?;
        let codes = view.as_slice::<f32>()?.iter().map(|value| self.encode(*value, saturate));
        self.stored(floats.shape(), codes.collect())
    }

    /// The tensor that holds these bits.
    pub fn stored(self, shape: &[usize], codes: Vec<u16>) -> TractResult<Tensor> {
        if self == Self::Bfloat16 {
            return values_of(shape, codes);
        }
        values_of(shape, codes.into_iter().map(|code| (code & 0xff) as u8).collect::<Vec<_>>())
    }
}

/// Which power of two a scale between two of them becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScaleRounding {
    Up,
    Down,
    Nearest,
}

impl Layout {
    fn decode(&self, code: u16) -> f32 {
        let magnitude = code & (self.sign - 1);
        let negative = code & self.sign != 0;
        if self.nan == Some(code) || (self.signed_zero && magnitude > self.largest) {
            let infinite = self.infinity == Some(magnitude);
            let value = if infinite { f32::INFINITY } else { f32::NAN };
            return if negative { -value } else { value };
        }
        let value = self.finite(magnitude);
        if negative { -value } else { value }
    }

    /// The value of a code of the positive half.
    fn finite(&self, code: u16) -> f32 {
        let (exponent, fraction) = (code >> self.mantissa, code & ((1 << self.mantissa) - 1));
        let fraction = f32::from(fraction) / f32::from(1_u16 << self.mantissa);
        if exponent == 0 {
            return fraction * power_of_two(1 - self.bias);
        }
        (1.0 + fraction) * power_of_two(i32::from(exponent) - self.bias)
    }

    fn encode(&self, value: f32, saturate: bool) -> u16 {
        let sign = if value.is_sign_negative() { self.sign } else { 0 };
        let Some(code) = self.encode_magnitude(value.abs(), saturate) else {
            // Types without a sign of zero have their NaN in its place; one without NaN has −0.
            return self.nan.map_or(self.sign, |nan| nan | sign);
        };
        if code == 0 && !self.signed_zero { 0 } else { code | sign }
    }

    /// The code of a magnitude; `None` is NaN.
    fn encode_magnitude(&self, value: f32, saturate: bool) -> Option<u16> {
        if value.is_nan() {
            return None;
        }
        // Codes of the positive half grow with their values.
        let (mut low, mut high) = (0, self.largest + 1);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.finite(middle) <= value { low = middle } else { high = middle }
        }
        let (below, above) = (self.finite(low), self.finite(low + 1));
        let (down, up) = (value - below, above - value);
        let code = if down > up || (down == up && low % 2 == 1) { low + 1 } else { low };
        if code <= self.largest && value.is_finite() {
            return Some(code);
        }
        if saturate || self.nan.is_none() { Some(self.largest) } else { self.infinity }
    }
}

/// The nearest bfloat16, of two the even one.
fn bfloat16(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return ((bits >> 16) | 0x40) as u16;
    }
    let rounded = u64::from(bits) + 0x7fff + u64::from(bits >> 16 & 1);
    (rounded >> 16) as u16
}

fn power_of_two(exponent: i32) -> f32 {
    libm::scalbnf(1.0, exponent)
}
