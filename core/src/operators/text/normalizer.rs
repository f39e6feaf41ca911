//! `StringNormalizer`: changes case and leaves words out.
//!
//! [`StringNormalizer`](https://onnx.ai/onnx/operators/onnx__StringNormalizer.html) takes strings
//! `[C]` or `[1, C]` and gives those that are no stop words, `[K]` or `[1, K]`; one empty string if
//! none is left. The attribute `locale` is read past: the case of a character is Unicode's, and one
//! whose counterpart is several characters stays.

use std::collections::HashSet;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::attribute::Attributes;
use crate::operators::tensor::{elements, expect_type, tensor};
use crate::operators::written::{Built, Kernel, Shape, build_open, inputs};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Keep,
    Lower,
    Upper,
}

impl Case {
    fn apply(self, text: &str) -> String {
        fn one(c: char, mut changed: impl Iterator<Item = char>) -> char {
            changed.next().filter(|_| changed.next().is_none()).unwrap_or(c)
        }
        match self {
            Self::Keep => text.into(),
            Self::Lower => text.chars().map(|c| one(c, c.to_lowercase())).collect(),
            Self::Upper => text.chars().map(|c| one(c, c.to_uppercase())).collect(),
        }
    }
}

pub(super) fn string_normalizer(context: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let case = match attributes.text("case_change_action", "NONE")? {
        "NONE" => Case::Keep,
        "LOWER" => Case::Lower,
        "UPPER" => Case::Upper,
        other => bail!(
            "attribute case_change_action is {:?}; accepted are NONE, LOWER and UPPER",
            other.chars().take(32).collect::<String>()
        ),
    };
    let compared = match (attributes.int("is_case_sensitive", 0)? != 0, case) {
        (true, _) => Case::Keep,
        (false, Case::Upper) => Case::Upper,
        (false, _) => Case::Lower,
    };
    let words = attributes.strings("stopwords")?;
    let stop_words = words.iter().map(|word| compared.apply(word)).collect();
    build_open(context, StringNormalizer { case, compared, stop_words })
}

#[derive(Debug)]
struct StringNormalizer {
    case: Case,
    /// The case in which words are compared to stop words.
    compared: Case,
    stop_words: HashSet<String>,
}

impl Kernel for StringNormalizer {
    fn name(&self) -> &'static str {
        "StringNormalizer"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("StringNormalizer", &types.iter().collect::<Vec<_>>())?;
        expect_type("StringNormalizer", *input, &[DatumType::String])?;
        Ok(tvec!(DatumType::String))
    }

    fn shapes(&self, shapes: &[&[TDim]], open: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("StringNormalizer", shapes)?;
        let length = if self.stop_words.is_empty() { input.last() } else { Some(open) };
        let length = length.context("StringNormalizer has a scalar as input")?.clone();
        Ok(tvec!(match input {
            [_] => tvec!(length),
            [_, _] => tvec!(1.to_dim(), length),
            other => bail!("StringNormalizer has an input of rank {}, not 1 or 2", other.len()),
        }))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("StringNormalizer", tensors)?;
        if !matches!(input.shape(), [_] | [1, _]) {
            bail!("StringNormalizer has an input {:?}; accepted are [C] and [1, C]", input.shape());
        }
        let kept = elements::<String>(input)?.iter().filter(|word| {
            self.stop_words.is_empty() || !self.stop_words.contains(&self.compared.apply(word))
        });
        let mut words: Vec<_> = kept.map(|word| self.case.apply(word)).collect();
        if words.is_empty() && !self.stop_words.is_empty() {
            words.push(String::new());
        }
        let length = words.len();
        Ok(tvec!(match input.rank() {
            1 => tensor(words, &[length])?,
            _ => tensor(words, &[1, length])?,
        }))
    }
}
