//! What a record says. Keys come in the order of the fields; an absent value has no key.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model_package::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One instance, and what was decided on it. Read back, it owns its texts, and the input is any JSON
/// value; whoever writes lends them, and may have the input as JSON text already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision<'a, Input = Value> {
    /// When, in UTC: ISO 8601 with milliseconds.
    pub time: Cow<'a, str>,
    /// Where the request came from: `direct`, `sqs`, `kinesis`, …
    pub source: Cow<'a, str>,
    /// The request's id.
    pub request: Cow<'a, str>,
    /// The id of the record of a queue, a stream or an object, where the request has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Cow<'a, str>>,
    /// The place of the instance among those of its request or record, from 0.
    pub index: u64,
    /// Who asked, where the request says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Cow<'a, str>>,
    /// The trace that the request belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Cow<'a, str>>,
    /// Which bytes decided.
    pub model: Cow<'a, Model>,
    /// The input, sensitive values masked, hashed or dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Input>,
    /// HMAC-SHA256 of the input's bytes: `hmac-sha256:` and hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_hash: Option<String>,
    /// What came of it.
    pub outcome: Outcome<'a>,
}

/// Which bytes decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The digest that names the package.
    pub package: Digest,
    /// The component that ran it.
    pub component: Digest,
}

/// What came of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<'a> {
    /// It was predicted.
    Prediction(Predicted<'a>),
    /// It was refused, or could not be predicted.
    Error(Fault<'a>),
}

/// A prediction by its bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicted<'a> {
    /// The most likely label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Cow<'a, str>>,
    /// The score: its binary32 as 8 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// What the manifest's rules made of the score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Cow<'a, str>>,
    /// The bits of each output in hexadecimal, as in reference cases; of a large one its digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<Cow<'a, str>, String>,
}

/// Why there is no prediction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault<'a> {
    /// Whose fault it is, as in `invalid-input`.
    pub class: Cow<'a, str>,
    /// The stable code, as in `wrong-type`.
    pub code: Cow<'a, str>,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Cow<'a, str>>,
}
