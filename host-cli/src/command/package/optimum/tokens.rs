//! How texts are cut: `tokenizer_config.json`, and what the model's positions allow.

use std::path::Path;

use model_package::{Limits, TextSpec};
use serde_json::Value;

use super::config::Config;
use super::json_file;

/// Most tokens, and the token that fills up.
pub(super) fn read(folder: &Path, config: &Config, tokenizer: &[u8]) -> TextSpec {
    let settings = json_file(folder, "tokenizer_config.json").ok().flatten().unwrap_or_default();
    let tokenizer: Value = serde_json::from_slice(tokenizer).unwrap_or_default();
    // Where nothing is said, the file has a number that no integer holds.
    let declared = settings.get("model_max_length").and_then(Value::as_u64);
    // Texts to embed are often cut earlier than the model demands.
    let embedded = json_file(folder, "sentence_bert_config.json").ok().flatten();
    let embedded = embedded.and_then(|settings| settings.get("max_seq_length")?.as_u64());
    // These begin to count behind the token that fills up.
    let shifted = ["roberta", "xlm-roberta", "camembert", "mpnet", "longformer"];
    let shift = match config.text("model_type") {
        Some(kind) if shifted.contains(&kind) => config.number("pad_token_id").unwrap_or(0) + 1,
        _ => 0,
    };
    let positions = config.number("max_position_embeddings");
    let positions = positions.map(|positions| positions.saturating_sub(shift));
    let limit = u64::from(Limits::DEFAULT.tokens);
    let most =
        [declared, embedded, positions].into_iter().flatten().min().unwrap_or(512).clamp(1, limit);
    let pad = tokenizer.pointer("/padding/pad_id").and_then(Value::as_u64);
    let pad = pad.or_else(|| config.number("pad_token_id")).unwrap_or(0);
    TextSpec {
        max_tokens: u32::try_from(most).unwrap_or(512),
        pair: false,
        pad_id: u32::try_from(pad).unwrap_or(0),
    }
}
