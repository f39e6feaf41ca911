//! How a text becomes tokens. The tokenizer itself is a file of the package.

use serde::{Deserialize, Serialize};

/// How texts are cut and filled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TextSpec {
    /// Most tokens that enter the graph, special ones among them. Longer texts are truncated at
    /// their end, and the prediction warns of it.
    pub max_tokens: u32,
    /// True if an instance is two texts, `text` and `text_pair`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pair: bool,
    /// The token that fills up where the graph takes one length only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pad_id: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}
