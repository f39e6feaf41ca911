//! The elements of tensors: their types' names and sizes, and where strings lie. The interface
//! (`wit/predictor.wit`, `element-type`) says how they are laid out.

use crate::ElementType;

/// The name of a type.
#[must_use]
pub fn type_name(element: ElementType) -> &'static str {
    match element {
        ElementType::Bool => "bool",
        ElementType::Uint8 => "uint8",
        ElementType::Uint16 => "uint16",
        ElementType::Uint32 => "uint32",
        ElementType::Uint64 => "uint64",
        ElementType::Int8 => "int8",
        ElementType::Int16 => "int16",
        ElementType::Int32 => "int32",
        ElementType::Int64 => "int64",
        ElementType::Float16 => "float16",
        ElementType::Float32 => "float32",
        ElementType::Float64 => "float64",
        ElementType::String => "string",
        ElementType::Bfloat16 => "bfloat16",
        ElementType::Float8e4m3fn => "float8e4m3fn",
        ElementType::Float8e4m3fnuz => "float8e4m3fnuz",
        ElementType::Float8e5m2 => "float8e5m2",
        ElementType::Float8e5m2fnuz => "float8e5m2fnuz",
        ElementType::Float8e8m0 => "float8e8m0",
        ElementType::Float4e2m1 => "float4e2m1",
        ElementType::Int4 => "int4",
        ElementType::Uint4 => "uint4",
        ElementType::Int2 => "int2",
        ElementType::Uint2 => "uint2",
    }
}

/// Bytes of an element; none of a string, or of one that shares a byte.
#[must_use]
pub fn byte_size(element: ElementType) -> Option<usize> {
    Some(match element {
        ElementType::Uint16 | ElementType::Int16 | ElementType::Float16 | ElementType::Bfloat16 => {
            2
        }
        ElementType::Uint32 | ElementType::Int32 | ElementType::Float32 => 4,
        ElementType::Uint64 | ElementType::Int64 | ElementType::Float64 => 8,
        ElementType::String => return None,
        _ if packed_bits(element).is_some() => return None,
        _ => 1,
    })
}

/// Bits of an element that shares a byte with others, the first in the lowest bits.
#[must_use]
pub fn packed_bits(element: ElementType) -> Option<usize> {
    match element {
        ElementType::Int4 | ElementType::Uint4 | ElementType::Float4e2m1 => Some(4),
        ElementType::Int2 | ElementType::Uint2 => Some(2),
        _ => None,
    }
}

/// The bytes of each string, which has its length before it; ends at the first that is cut short.
#[derive(Clone, Debug)]
pub struct Strings<'a>(pub &'a [u8]);

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (text, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }
}
