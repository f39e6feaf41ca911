//! The labels of a classifier's classes, as integers or strings.

use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;

/// The labels of the classes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Labels {
    Integers(Vec<i64>),
    Strings(Vec<String>),
}

impl Labels {
    /// Reads the labels from one of two attributes that exclude each other.
    pub(super) fn new(
        attributes: Attributes<'_>,
        integers: &str,
        strings: &str,
    ) -> TractResult<Self> {
        match (attributes.ints(integers)?, attributes.strings(strings)?) {
            (first, second) if first.is_empty() && second.is_empty() => {
                bail!("attribute {integers} or {strings} is required and must not be empty")
            }
            (labels, none) if none.is_empty() => Ok(Self::Integers(labels)),
            (none, labels) if none.is_empty() => Ok(Self::Strings(labels)),
            _ => bail!("attributes {integers} and {strings} exclude each other, but both are set"),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Integers(labels) => labels.len(),
            Self::Strings(labels) => labels.len(),
        }
    }

    pub(super) fn datum_type(&self) -> DatumType {
        match self {
            Self::Integers(_) => DatumType::I64,
            Self::Strings(_) => DatumType::String,
        }
    }

    /// The labels at these positions, which must exist.
    pub(super) fn pick(&self, positions: &[usize]) -> TractResult<Tensor> {
        let missing = || format_err!("a class has no label");
        Ok(match self {
            Self::Integers(labels) => {
                let label = |at: &usize| labels.get(*at).copied().ok_or_else(missing);
                tensor1(&positions.iter().map(label).collect::<TractResult<Vec<_>>>()?)
            }
            Self::Strings(labels) => {
                let label = |at: &usize| labels.get(*at).cloned().ok_or_else(missing);
                tensor1(&positions.iter().map(label).collect::<TractResult<Vec<_>>>()?)
            }
        })
    }
}
