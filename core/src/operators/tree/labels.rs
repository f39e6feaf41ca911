//! The labels of a classifier's classes, as integers or strings.

use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;
use super::classifier::Winner;
use super::error::EnsembleError;

/// The labels of the classes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Labels {
    Integers(Vec<i64>),
    Strings(Vec<String>),
}

impl Labels {
    pub(super) fn new(attributes: Attributes<'_>) -> TractResult<Self> {
        let integers = attributes.ints("classlabels_int64s")?;
        let strings = attributes.strings("classlabels_strings")?;
        match (integers.is_empty(), strings.is_empty()) {
            (true, true) => Err(EnsembleError::Missing {
                attribute: "classlabels_int64s or classlabels_strings",
            })?,
            (false, false) => Err(EnsembleError::Exclusive {
                first: "classlabels_int64s",
                second: "classlabels_strings",
            })?,
            (false, true) => Ok(Self::Integers(integers)),
            (true, false) => Ok(Self::Strings(strings)),
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

    /// The labels of the winners.
    pub(super) fn tensor(&self, winners: &[Winner]) -> Tensor {
        match self {
            Self::Integers(labels) => {
                let label = |winner: &Winner| match winner {
                    Winner::Class(class) => labels.get(*class).copied().unwrap_or_default(),
                    Winner::Sign(positive) => i64::from(*positive),
                };
                tensor1(&winners.iter().map(label).collect::<Vec<_>>())
            }
            Self::Strings(labels) => {
                let label = |winner: &Winner| {
                    let class = match winner {
                        Winner::Class(class) => *class,
                        Winner::Sign(positive) => usize::from(*positive),
                    };
                    // With a single label, it is the label of both signs.
                    labels.get(class).or_else(|| labels.last()).cloned().unwrap_or_default()
                };
                tensor1(&winners.iter().map(label).collect::<Vec<_>>())
            }
        }
    }
}
