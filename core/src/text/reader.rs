//! The tokenizer.

use model_package::TextSpec;
use tokenizers::tokenizer::PostProcessor;
use tokenizers::utils::truncation::{
    TruncationDirection, TruncationParams, TruncationStrategy, truncate_encodings,
};
use tokenizers::{Encoding, ModelWrapper, PostProcessorWrapper, Tokenizer};

use super::document;
use crate::{Error, ErrorKind};

/// Cuts texts into tokens.
pub(crate) struct Reader {
    /// Without its post-processor, truncation and padding.
    tokenizer: Tokenizer,
    post_processor: Option<PostProcessorWrapper>,
    max_tokens: usize,
    pad_id: i64,
}

/// A text as tokens. All lists have one entry for each token.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) ids: Vec<i64>,
    pub(crate) types: Vec<i64>,
    /// 0 for tokens that only fill up.
    pub(crate) attention: Vec<i64>,
    /// Tokens that are no part of a text: the tokenizer's marks, and what fills up.
    pub(crate) special: Vec<bool>,
    /// Where a token begins and ends in its text, in characters (Unicode scalar values).
    pub(crate) places: Vec<(usize, usize)>,
    /// How many tokens were cut off.
    pub(crate) cut: usize,
}

impl Reader {
    /// Reads a `tokenizer.json`.
    pub(crate) fn load(json: &[u8], spec: &TextSpec) -> Result<Self, Error> {
        let invalid = |error: String| {
            let text: String = error.chars().take(300).collect();
            Error::model("invalid-tokenizer", format!("not a tokenizer: {text}"))
        };
        let json = document::sound(json).map_err(invalid)?;
        let tokenizer = Tokenizer::from_bytes(json);
        let mut tokenizer = tokenizer.map_err(|error| invalid(error.to_string()))?;
        // A tokenizer that draws lots would give one text several answers.
        if let ModelWrapper::BPE(model) = tokenizer.get_model()
            && model.dropout.is_some_and(|dropout| dropout != 0.0)
        {
            let message = "model.dropout: expected null; it is for training only";
            return Err(Error::model("invalid-tokenizer", message));
        }
        let post_processor = tokenizer.get_post_processor().cloned();
        tokenizer.with_post_processor(None::<PostProcessorWrapper>);
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| Error::model("invalid-tokenizer", error.to_string()))?;
        let max_tokens = spec.max_tokens as usize;
        let reader = Self { tokenizer, post_processor, max_tokens, pad_id: i64::from(spec.pad_id) };
        let added = reader.added(spec.pair);
        if added >= max_tokens {
            let message = format!(
                "the tokenizer adds {added} tokens to every text, max_tokens of {max_tokens} leaves no room"
            );
            return Err(Error::model("invalid-manifest", message).at("input.text.max_tokens"));
        }
        Ok(reader)
    }

    fn added(&self, pair: bool) -> usize {
        self.post_processor.as_ref().map_or(0, |processor| processor.added_tokens(pair))
    }

    /// Cuts a text, or two, into tokens; where the graph takes one length only, fills up to it.
    pub(crate) fn read(
        &self,
        text: &str,
        pair: Option<&str>,
        length: Option<usize>,
    ) -> Result<Tokens, Error> {
        let first = self.encode(text)?;
        let second = pair.map(|pair| self.encode(pair)).transpose()?.map(|mut encoding| {
            encoding.set_type_ids(vec![1; encoding.len()]);
            encoding
        });
        let whole = first.len() + second.as_ref().map_or(0, Encoding::len);
        let room = self.max_tokens.min(length.unwrap_or(usize::MAX));
        let params = TruncationParams {
            direction: TruncationDirection::Right,
            max_length: room.saturating_sub(self.added(pair.is_some())),
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
        };
        let (mut first, mut second) = truncate_encodings(first, second, &params).map_err(failed)?;
        // What was cut off would go through the post-processor, too.
        first.take_overflowing();
        if let Some(second) = &mut second {
            second.take_overflowing();
        }
        let left = first.len() + second.as_ref().map_or(0, Encoding::len);
        let encoding = match &self.post_processor {
            Some(processor) => processor.process(first, second, true).map_err(failed)?,
            None => {
                let mut encodings = vec![first];
                encodings.extend(second);
                Encoding::merge(encodings, false)
            }
        };
        let tokens = Tokens::of(&encoding, whole - left, length, self.pad_id);
        if tokens.ids.is_empty() {
            return Err(Error::input("empty-text", "the text has no tokens; expected some text"));
        }
        Ok(tokens)
    }

    fn encode(&self, text: &str) -> Result<Encoding, Error> {
        self.tokenizer.encode_char_offsets(text, false).map_err(failed)
    }
}

impl Tokens {
    fn of(encoding: &Encoding, cut: usize, length: Option<usize>, pad_id: i64) -> Self {
        let wide = |numbers: &[u32]| numbers.iter().map(|number| i64::from(*number)).collect();
        let mut tokens = Self {
            ids: wide(encoding.get_ids()),
            types: wide(encoding.get_type_ids()),
            attention: vec![1; encoding.len()],
            special: encoding.get_special_tokens_mask().iter().map(|mask| *mask != 0).collect(),
            places: encoding.get_offsets().to_vec(),
            cut,
        };
        if let Some(length) = length {
            tokens.ids.resize(length, pad_id);
            tokens.types.resize(length, 0);
            tokens.attention.resize(length, 0);
            tokens.special.resize(length, true);
            tokens.places.resize(length, (0, 0));
        }
        tokens
    }

    /// What the caller should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        if self.cut == 0 {
            return Vec::new();
        }
        let kept = self.special.iter().filter(|special| !**special).count();
        let message = format!(
            "the text is too long: the first {kept} tokens were read, {} at its end were not",
            self.cut
        );
        vec![message]
    }
}

fn failed(error: tokenizers::Error) -> Error {
    let text: String = error.to_string().chars().take(200).collect();
    let message = format!("the tokenizer failed on this text: {text}");
    Error::new(ErrorKind::InferenceFailed, "inference-failed", message)
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("max_tokens", &self.max_tokens).finish_non_exhaustive()
    }
}
