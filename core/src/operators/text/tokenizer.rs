//! `Tokenizer`: cuts texts into tokens. It is not of the standard, but scikit-learn's text
//! vectorisers are exported with it.
//!
//! [`Tokenizer`](https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#commicrosofttokenizer)
//! takes strings `[C]` or `[N, C]` and gives their tokens, filled up to the longest with
//! `pad_value`: `[C, D]` or `[N, C, D]`. Tokens are what a pattern matches, what separators leave, or
//! single characters.

use regex::Regex;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::padded;
use super::pattern::compile;
use crate::operators::attribute::Attributes;
use crate::operators::tensor::{elements, expect_type};
use crate::operators::written::{Built, Kernel, Shape, build_open, inputs};

pub(super) fn tokenizer(context: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let separators = attributes.strings("separators")?;
    let expression = attributes.text("tokenexp", "")?;
    let rule = match (separators.as_slice(), expression) {
        ([], "") => bail!("one of the attributes separators and tokenexp is required"),
        // Elsewhere a dot leaves the ends of lines out.
        ([], ".") => Rule::Characters,
        ([], expression) => Rule::Expression(compile("tokenexp", expression)?),
        ([separator], "") if separator.is_empty() => Rule::Characters,
        (separators, "") => {
            let compile = |separator: &String| match separator.as_str() {
                "" => bail!("attribute separators has an empty one beside others"),
                separator => compile("separators", separator),
            };
            Rule::Separators(separators.iter().map(compile).collect::<TractResult<_>>()?)
        }
        _ => bail!("attributes separators and tokenexp exclude each other, but both are set"),
    };
    let shortest = attributes.int("mincharnum", 1)?;
    build_open(
        context,
        Tokenizer {
            rule,
            shortest: usize::try_from(shortest).with_context(|| {
                format!("attribute mincharnum is {shortest}; it must be positive")
            })?,
            pad: attributes.text("pad_value", "")?.into(),
            marks: attributes.int("mark", 0)? != 0,
        },
    )
}

#[derive(Debug)]
enum Rule {
    Expression(Regex),
    Separators(Vec<Regex>),
    Characters,
}

#[derive(Debug)]
struct Tokenizer {
    rule: Rule,
    /// Characters of the shortest token.
    shortest: usize,
    pad: String,
    /// Whether a text's tokens stand between marks for its start and end.
    marks: bool,
}

impl Tokenizer {
    fn is_long_enough(&self, token: &str) -> bool {
        token.chars().nth(self.shortest.saturating_sub(1)).is_some()
    }

    fn tokens(&self, text: &str) -> Vec<String> {
        match &self.rule {
            Rule::Characters => text.chars().map(Into::into).collect(),
            Rule::Expression(regex) => {
                let mut tokens = Vec::new();
                let mut start = 0;
                while let Some(found) = regex.find_at(text, start) {
                    if self.is_long_enough(found.as_str()) {
                        tokens.push(found.as_str().into());
                        start = found.end();
                        continue;
                    }
                    // A token that is too short may hide a longer one that begins inside of it.
                    let rest = text.get(found.start()..).unwrap_or_default();
                    let Some(first) = rest.chars().next() else { break };
                    start = found.start() + first.len_utf8();
                }
                tokens
            }
            Rule::Separators(separators) => {
                let mut tokens = vec![text];
                for separator in separators {
                    let parts = tokens.into_iter().flat_map(|token| separator.split(token));
                    tokens = parts.filter(|part| self.is_long_enough(part)).collect();
                }
                tokens.into_iter().map(Into::into).collect()
            }
        }
    }

    fn marked(&self, tokens: Vec<String>) -> Vec<String> {
        if !self.marks {
            return tokens;
        }
        let start = std::iter::once("\u{2}".to_owned());
        start.chain(tokens).chain(["\u{3}".to_owned()]).collect()
    }
}

impl Kernel for Tokenizer {
    fn name(&self) -> &'static str {
        "Tokenizer"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("Tokenizer", &types.iter().collect::<Vec<_>>())?;
        expect_type("Tokenizer", *input, &[DatumType::String])?;
        Ok(tvec!(DatumType::String))
    }

    fn shapes(&self, shapes: &[&[TDim]], open: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("Tokenizer", shapes)?;
        Ok(tvec!(input.iter().cloned().chain([open.clone()]).collect()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("Tokenizer", tensors)?;
        let texts = elements::<String>(input)?;
        let rows = texts.iter().map(|text| self.marked(self.tokens(text))).collect();
        Ok(tvec!(padded("Tokenizer", rows, &self.pad, input.shape())?))
    }
}
