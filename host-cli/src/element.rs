//! The values of tensors' elements.

use predictor_host::element::{Strings, packed_bits};
use predictor_host::{ElementType, Tensor};

/// One element of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Element {
    Float(f64),
    Integer(i128),
    Boolean(bool),
    Text(String),
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Text(text) => {
                let shown: String = text.chars().take(60).collect();
                let cut = if shown.len() < text.len() { "…" } else { "" };
                write!(f, "{shown:?}{cut}")
            }
        }
    }
}

/// The elements of a tensor, of which there are as many as its shape says.
pub(crate) fn elements(tensor: &Tensor) -> Vec<Element> {
    /// The numbers of a type that Rust has.
    macro_rules! numbers {
        ($kind:ty, $element:path) => {
            tensor
                .data
                .as_chunks()
                .0
                .iter()
                .map(|bytes| $element(<$kind>::from_le_bytes(*bytes).into()))
                .collect()
        };
    }
    let halves = || tensor.data.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
    let small = |layout: &Layout| {
        let codes = codes(tensor).into_iter();
        codes.map(|code| Element::Float(layout.value(code.into()))).collect()
    };
    let signed = |bits: u32| {
        let wrapped = move |code: u8| i128::from(code) - (i128::from(code >> (bits - 1)) << bits);
        codes(tensor).into_iter().map(|code| Element::Integer(wrapped(code))).collect()
    };
    match tensor.element_type {
        ElementType::Bool => tensor.data.iter().map(|byte| Element::Boolean(*byte != 0)).collect(),
        ElementType::String => {
            let texts = Strings(&tensor.data).map(String::from_utf8_lossy);
            texts.map(|text| Element::Text(text.into_owned())).collect()
        }
        ElementType::Uint8 => numbers!(u8, Element::Integer),
        ElementType::Uint16 => numbers!(u16, Element::Integer),
        ElementType::Uint32 => numbers!(u32, Element::Integer),
        ElementType::Uint64 => numbers!(u64, Element::Integer),
        ElementType::Int8 => numbers!(i8, Element::Integer),
        ElementType::Int16 => numbers!(i16, Element::Integer),
        ElementType::Int32 => numbers!(i32, Element::Integer),
        ElementType::Int64 => numbers!(i64, Element::Integer),
        ElementType::Float32 => numbers!(f32, Element::Float),
        ElementType::Float64 => numbers!(f64, Element::Float),
        ElementType::Float16 => {
            halves().map(|code| Element::Float(FLOAT16.value(code.into()))).collect()
        }
        ElementType::Bfloat16 => {
            let wide = |code: u16| f32::from_bits(u32::from(code) << 16);
            halves().map(|code| Element::Float(wide(code).into())).collect()
        }
        ElementType::Float8e4m3fn => small(&FLOAT8E4M3FN),
        ElementType::Float8e4m3fnuz => small(&FLOAT8E4M3FNUZ),
        ElementType::Float8e5m2 => small(&FLOAT8E5M2),
        ElementType::Float8e5m2fnuz => small(&FLOAT8E5M2FNUZ),
        ElementType::Float4e2m1 => small(&FLOAT4E2M1),
        ElementType::Float8e8m0 => {
            let power = |code: &u8| match *code {
                255 => f64::NAN,
                exponent => (f64::from(exponent) - 127.0).exp2(),
            };
            tensor.data.iter().map(|code| Element::Float(power(code))).collect()
        }
        ElementType::Uint4 | ElementType::Uint2 => {
            codes(tensor).into_iter().map(|code| Element::Integer(code.into())).collect()
        }
        ElementType::Int4 => signed(4),
        ElementType::Int2 => signed(2),
    }
}

/// The bits of each element of at most a byte. Those that share one are counted by the shape.
fn codes(tensor: &Tensor) -> Vec<u8> {
    let Some(bits) = packed_bits(tensor.element_type) else {
        return tensor.data.clone();
    };
    let count: u64 = tensor.shape.iter().product();
    let split = |byte: &u8| {
        let byte = *byte;
        (0..8 / bits).map(move |place| byte >> (place * bits) & ((1 << bits) - 1))
    };
    tensor.data.iter().flat_map(split).take(usize::try_from(count).unwrap_or(usize::MAX)).collect()
}

/// How a float of few bits is laid out behind its sign.
struct Layout {
    exponent: u32,
    mantissa: u32,
    bias: i32,
    special: Special,
}

/// What the codes that are no number mean (<https://onnx.ai/onnx/technical/float8.html>).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    /// Infinity and NaN at the largest exponent, as in IEEE 754.
    Ieee,
    /// NaN where all bits behind the sign are set.
    AllOnes,
    /// NaN in the place of a negative zero.
    NegativeZero,
    /// All are numbers.
    None,
}

const FLOAT16: Layout = Layout { exponent: 5, mantissa: 10, bias: 15, special: Special::Ieee };
const FLOAT8E4M3FN: Layout =
    Layout { exponent: 4, mantissa: 3, bias: 7, special: Special::AllOnes };
const FLOAT8E4M3FNUZ: Layout =
    Layout { exponent: 4, mantissa: 3, bias: 8, special: Special::NegativeZero };
const FLOAT8E5M2: Layout = Layout { exponent: 5, mantissa: 2, bias: 15, special: Special::Ieee };
const FLOAT8E5M2FNUZ: Layout =
    Layout { exponent: 5, mantissa: 2, bias: 16, special: Special::NegativeZero };
const FLOAT4E2M1: Layout = Layout { exponent: 2, mantissa: 1, bias: 1, special: Special::None };

impl Layout {
    /// What some bits stand for.
    fn value(&self, code: u32) -> f64 {
        let negative = code >> (self.exponent + self.mantissa) & 1 == 1;
        let fraction = code & ((1 << self.mantissa) - 1);
        let exponent = code >> self.mantissa & ((1 << self.exponent) - 1);
        let last = (1 << self.exponent) - 1;
        let full = (1 << self.mantissa) - 1;
        let magnitude = match self.special {
            Special::Ieee if exponent == last && fraction == 0 => f64::INFINITY,
            Special::Ieee if exponent == last => f64::NAN,
            Special::AllOnes if exponent == last && fraction == full => f64::NAN,
            Special::NegativeZero if negative && exponent == 0 && fraction == 0 => f64::NAN,
            _ => {
                let fraction = f64::from(fraction) / f64::from(1_u32 << self.mantissa);
                let (lead, power) = if exponent == 0 { (0.0, 1) } else { (1.0, exponent as i32) };
                (lead + fraction) * f64::from(power - self.bias).exp2()
            }
        };
        if negative { -magnitude } else { magnitude }
    }
}
