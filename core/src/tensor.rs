//! Named tensors as they cross borders: bytes with a type and a shape.

use std::fmt;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it all; the WIT package describes the layout")]
pub enum ElementType {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Float16,
    Float32,
    Float64,
    String,
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

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float16 => "float16",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::String => "string",
            Self::Bfloat16 => "bfloat16",
            Self::Float8e4m3fn => "float8e4m3fn",
            Self::Float8e4m3fnuz => "float8e4m3fnuz",
            Self::Float8e5m2 => "float8e5m2",
            Self::Float8e5m2fnuz => "float8e5m2fnuz",
            Self::Float8e8m0 => "float8e8m0",
            Self::Float4e2m1 => "float4e2m1",
            Self::Int4 => "int4",
            Self::Uint4 => "uint4",
            Self::Int2 => "int2",
            Self::Uint2 => "uint2",
        })
    }
}

/// A named tensor: row-major, densely packed, little-endian. A string is its length in bytes as a
/// little-endian u32 and then its UTF-8. Elements of 4 and 2 bits share bytes, the first in the lowest
/// bits, as in an ONNX file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// The graph's name for it.
    pub name: String,
    /// The element type.
    pub element_type: ElementType,
    /// The extent of each dimension; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements.
    pub data: Vec<u8>,
}

/// Appends a string as a tensor's data have it.
pub(crate) fn push_string(data: &mut Vec<u8>, text: &str) {
    // A string longer than 4 GiB does not fit in a 32-bit memory.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    data.extend_from_slice(&length.to_le_bytes());
    data.extend_from_slice(text.as_bytes());
}

/// The strings in a tensor's data; `None` if these are cut short, or not UTF-8.
pub(crate) fn strings(mut data: &[u8]) -> Option<Vec<&str>> {
    let mut strings = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (text, rest) = rest.split_at_checked(length)?;
        strings.push(std::str::from_utf8(text).ok()?);
        data = rest;
    }
    data.is_empty().then_some(strings)
}

/// A tensor as the graph declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorType {
    /// The graph's name for it.
    pub name: String,
    /// The element type.
    pub element_type: ElementType,
    /// The extent of each dimension: a number, or a name where it may vary.
    pub shape: Vec<String>,
    /// Where each row stands for a map (the output of a `ZipMap`): the keys of its columns.
    pub keys: Option<Keys>,
}

/// The keys of a map, in the order of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Whole numbers.
    Integers(Vec<i64>),
    /// Texts.
    Strings(Vec<String>),
}
