//! Operators that take strings or give them.
//!
//! Texts are tensors of UTF-8 strings; an extent that depends on what they say is open. A result is
//! bounded before memory is taken for it.

use tract_onnx::tract_hir::internal::*;

use super::tensor::tensor;

mod cast;
mod concat;
mod hash;
mod normalizer;
pub(super) mod number;
mod pattern;
mod split;
mod tfidf;
mod tokenizer;

/// Registers the family.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    let operators = &mut onnx.op_register;
    operators.insert("Cast", cast::cast);
    operators.insert("MurmurHash3", hash::murmur_hash);
    operators.insert("RegexFullMatch", pattern::regex_full_match);
    operators.insert("StringConcat", concat::string_concat);
    operators.insert("StringNormalizer", normalizer::string_normalizer);
    operators.insert("StringSplit", split::string_split);
    operators.insert("TfIdfVectorizer", tfidf::tfidf_vectorizer);
    operators.insert("Tokenizer", tokenizer::tokenizer);
}

/// Strings in all rows of a padded result.
const MOST_STRINGS: usize = 1 << 22;

/// Rows of strings as one tensor `[…, most strings of any row]`.
fn padded(name: &str, rows: Vec<Vec<String>>, pad: &str, shape: &[usize]) -> TractResult<Tensor> {
    let most = rows.iter().map(Vec::len).max().unwrap_or_default();
    let size = rows.len().checked_mul(most).filter(|size| *size <= MOST_STRINGS);
    let size = size.with_context(|| format!("{name} gives more than {MOST_STRINGS} strings"))?;
    let mut strings = Vec::with_capacity(size);
    for row in rows {
        let end = strings.len() + most;
        strings.extend(row);
        strings.resize(end, pad.to_owned());
    }
    let shape: TVec<usize> = shape.iter().copied().chain([most]).collect();
    tensor(strings, &shape)
}
