//! Reference cases: inputs with the exact bits that the component answers.
//!
//! They are how a host proves that it runs the model as it was verified: it predicts each input and
//! compares bits, not decimals.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Limits, PackageError};

/// The content of a file of role `reference-cases`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReferenceCases {
    /// The cases, in order.
    pub cases: Vec<ReferenceCase>,
}

/// One input and what it gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReferenceCase {
    /// What the case shows.
    pub name: String,
    /// The instance.
    pub input: Map<String, Value>,
    /// What it gives. Absent only in a package that is still being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
}

/// A prediction by its bits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The score's IEEE 754 binary32 bits as 8 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// The action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The elements of each output of the graph, in hexadecimal: the bytes of each little-endian
    /// element turned round, so that a float reads as its bits are written (1.0 is `3f800000`).
    pub outputs: BTreeMap<String, String>,
    /// The prediction's JSON text as the component renders it.
    pub json: String,
}

/// A part in which two predictions differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartDifference<'a> {
    /// `score`, `outputs.probabilities`, `json`, …
    pub part: String,
    /// What the one has; absent if nothing.
    pub expected: Option<&'a str>,
    /// What the other has; absent if nothing.
    pub found: Option<&'a str>,
}

impl Expected {
    /// Every part in which what was found differs from this.
    #[must_use]
    pub fn differences<'a>(&'a self, found: &'a Self) -> Vec<PartDifference<'a>> {
        let names: BTreeSet<_> = self.outputs.keys().chain(found.outputs.keys()).collect();
        let outputs = names.into_iter().map(|name| {
            (format!("outputs.{name}"), self.outputs.get(name), found.outputs.get(name))
        });
        let parts = [
            ("label".to_owned(), self.label.as_ref(), found.label.as_ref()),
            ("score".to_owned(), self.score.as_ref(), found.score.as_ref()),
            ("action".to_owned(), self.action.as_ref(), found.action.as_ref()),
        ];
        let parts = parts.into_iter().chain(outputs);
        let parts = parts.chain([("json".to_owned(), Some(&self.json), Some(&found.json))]);
        parts
            .filter(|(_, expected, found)| expected != found)
            .map(|(part, expected, found)| PartDifference {
                part,
                expected: expected.map(String::as_str),
                found: found.map(String::as_str),
            })
            .collect()
    }

    /// A score as [`Self::score`] has it.
    #[must_use]
    pub fn score_bits(score: f32) -> String {
        format!("{:08x}", score.to_bits())
    }

    /// An output as [`Self::outputs`] has it; its elements have `size` bytes each, strings 1.
    #[must_use]
    pub fn output_bits(size: usize, data: &[u8]) -> String {
        let elements = data.chunks(size.max(1));
        crate::hex(elements.flat_map(|element| element.iter().rev()).copied())
    }
}

impl ReferenceCases {
    /// Parses the bytes of a file of role `reference-cases`.
    ///
    /// # Errors
    /// If they are not what the format says.
    pub fn parse(file: &str, bytes: &[u8], limits: &Limits) -> Result<Self, PackageError> {
        let cases: Self = crate::strict_json::from_slice(bytes)
            .map_err(|error| PackageError::Json { file: file.into(), error })?;
        if cases.cases.len() > limits.entries {
            return Err(PackageError::Value {
                file: file.into(),
                field: "cases".into(),
                message: format!("more than {} cases", limits.entries),
            });
        }
        Ok(cases)
    }
}
