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
        })
    }
}

/// A named tensor: row-major, densely packed, little-endian. A string is its length in bytes as a
/// little-endian u32 and then its UTF-8.
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
