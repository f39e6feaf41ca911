//! The input schema: the fields of a JSON instance, their types and what is accepted of each.

use serde::{Deserialize, Serialize};

/// One field of a JSON instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The key in the instance.
    pub name: String,
    /// What values it takes.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// What it is for besides features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<FieldRole>,
    /// `number`, `integer`: the smallest accepted value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// `number`, `integer`: the largest accepted value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// `category`: the accepted values; a value's index is its code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// `string`: the largest accepted length in bytes of UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// What stands in where the field is absent or null. A field without a default is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// `number`: true if the value may be absent or null, which enters the graph as NaN. For fields
    /// that enter it as they are; a feature of such a value is undefined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nullable: bool,
    /// True if hosts must mask the value in logs, traces and audit records.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// `number`, `integer`: the range seen in training; a value outside is predicted with a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_range: Option<[f64; 2]>,
    /// The unit, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it means, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// A finite JSON number.
    Number,
    /// A JSON number without a fraction, between -2^53 and 2^53.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A string.
    String,
    /// One of the strings in `values`.
    Category,
    /// A date and time as RFC 3339 writes it: `2026-03-14T02:11:09Z`, or with an offset.
    Timestamp,
}

impl FieldType {
    /// The name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::String => "string",
            Self::Category => "category",
            Self::Timestamp => "timestamp",
        }
    }

    /// Whether the field has a number that features can compute with.
    #[must_use]
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Number | Self::Integer | Self::Boolean)
    }
}

/// What a field is for besides features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum FieldRole {
    /// Names the instance; the prediction repeats it. At most one field, of type `string`.
    Id,
}
