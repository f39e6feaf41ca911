//! The protocol's names for element types.
//!
//! Source: Open Inference Protocol, "Tensor Data Types", and Triton's BF16. The narrow types have no
//! name there; they have the component's, in upper case, and travel in binary only.

use predictor_host::ElementType;

/// Every type and its name.
const TYPES: [(ElementType, &str); 24] = [
    (ElementType::Bool, "BOOL"),
    (ElementType::Uint8, "UINT8"),
    (ElementType::Uint16, "UINT16"),
    (ElementType::Uint32, "UINT32"),
    (ElementType::Uint64, "UINT64"),
    (ElementType::Int8, "INT8"),
    (ElementType::Int16, "INT16"),
    (ElementType::Int32, "INT32"),
    (ElementType::Int64, "INT64"),
    (ElementType::Float16, "FP16"),
    (ElementType::Float32, "FP32"),
    (ElementType::Float64, "FP64"),
    (ElementType::String, "BYTES"),
    (ElementType::Bfloat16, "BF16"),
    (ElementType::Float8e4m3fn, "FLOAT8E4M3FN"),
    (ElementType::Float8e4m3fnuz, "FLOAT8E4M3FNUZ"),
    (ElementType::Float8e5m2, "FLOAT8E5M2"),
    (ElementType::Float8e5m2fnuz, "FLOAT8E5M2FNUZ"),
    (ElementType::Float8e8m0, "FLOAT8E8M0"),
    (ElementType::Float4e2m1, "FLOAT4E2M1"),
    (ElementType::Int4, "INT4"),
    (ElementType::Uint4, "UINT4"),
    (ElementType::Int2, "INT2"),
    (ElementType::Uint2, "UINT2"),
];

/// The name of a type.
pub(crate) fn name(element_type: ElementType) -> &'static str {
    let found = TYPES.iter().find(|(known, _)| *known == element_type);
    found.map_or("", |(_, name)| name)
}

/// The type of a name.
pub(crate) fn parse(name: &str) -> Option<ElementType> {
    TYPES.iter().find(|(_, known)| *known == name).map(|(element_type, _)| *element_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_are_one_to_one() {
        for (element_type, text) in TYPES {
            assert_eq!((name(element_type), parse(text)), (text, Some(element_type)));
        }
        assert_eq!(parse("fp32"), None);
    }
}
