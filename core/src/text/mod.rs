//! Texts: from UTF-8 to the tokens that the graph takes, and from its outputs back to the text.
//!
//! The tokenizer is the `tokenizer.json` that the model was trained with, read as it is. Truncation
//! is done here and not there: the crate keeps every cut-off part, which for two long texts means
//! every pair of parts.

mod document;
mod entity;
mod pool;
mod reader;

pub(crate) use entity::{Entity, entities};
pub(crate) use pool::pool;
pub(crate) use reader::{Reader, Tokens};
