//! Regular expressions in the dialect of RE2, and `RegexFullMatch`.
//!
//! [`RegexFullMatch`](https://onnx.ai/onnx/operators/onnx__RegexFullMatch.html) says of each string
//! whether the whole of it matches. Matching takes time linear in the text.
//!
//! RE2's classes `\d`, `\w`, `\s` and its word boundary `\b` know ASCII only, so they are spelled out
//! before the pattern is compiled.

use regex::{Regex, RegexBuilder};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::error::excerpt;
use crate::operators::attribute::Attributes;
use crate::operators::tensor::{elements, expect_type, tensor};
use crate::operators::written::{Built, Kernel, Shape, build, inputs};

/// Compiles a pattern of RE2.
pub(super) fn compile(attribute: &str, pattern: &str) -> TractResult<Regex> {
    const MOST_BYTES: usize = 4 << 20;
    let mut builder = RegexBuilder::new(&ascii_classes(pattern));
    builder.size_limit(MOST_BYTES).dfa_size_limit(MOST_BYTES).build().map_err(|error| {
        let cause = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        format_err!("attribute {attribute} is {}, which is no pattern: {cause}", excerpt(pattern))
    })
}

/// Spells out the classes that RE2 takes for ASCII.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str(r"[\t\n\f\r ]"),
            Some('S') => out.push_str(r"[^\t\n\f\r ]"),
            Some('b') => out.push_str(r"(?-u:\b)"),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

pub(super) fn regex_full_match(_: &ParsingContext, node: &NodeProto) -> Built {
    let pattern = Attributes(node).text("pattern", "")?;
    build(RegexFullMatch(compile("pattern", &format!(r"\A(?:{pattern})\z"))?))
}

#[derive(Debug)]
struct RegexFullMatch(Regex);

impl Kernel for RegexFullMatch {
    fn name(&self) -> &'static str {
        "RegexFullMatch"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("RegexFullMatch", &types.iter().collect::<Vec<_>>())?;
        expect_type("RegexFullMatch", *input, &[DatumType::String])?;
        Ok(tvec!(DatumType::Bool))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("RegexFullMatch", shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("RegexFullMatch", tensors)?;
        let matches = elements::<String>(input)?.iter().map(|text| self.0.is_match(text));
        Ok(tvec!(tensor::<bool>(matches.collect(), input.shape())?))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: &[&str]) {
        let regex = compile("pattern", pattern).unwrap();
        let found: Vec<_> = regex.find_iter(text).map(|found| found.as_str()).collect();
        assert_eq!(found, expected, "{pattern} on {text}");
    }

    #[test]
    fn classes_are_ascii() {
        check(r"\w+", "Zürich 7", &["Z", "rich", "7"]);
        check(r"[\w-]+", "a-ü_b", &["a-", "_b"]);
        check(r"\b\w\w+\b", "é is ok", &["is", "ok"]);
        check(r"[^\s]+", "a\u{a0}b c", &["a\u{a0}b", "c"]);
        check(r"\\w", r"\w", &[r"\w"]);
        check(r"\D+", "1é2", &["é"]);
    }
}
