//! `StringSplit`: cuts strings into parts.
//!
//! [`StringSplit`](https://onnx.ai/onnx/operators/onnx__StringSplit.html) takes strings of any shape
//! `[…]` and gives their parts, `[…, most parts of any]`, filled up with empty strings, and the
//! number of parts of each, int64 `[…]`. Without a delimiter, whitespace divides.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::attribute::Attributes;
use crate::operators::tensor::{elements, expect_type, tensor};
use crate::operators::text::padded;
use crate::operators::written::{Built, Kernel, Shape, build_open, inputs};

pub(super) fn string_split(context: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let most = attributes.0.get_attr_opt::<i64>("maxsplit")?;
    build_open(
        context,
        StringSplit {
            delimiter: attributes.text("delimiter", "")?.into(),
            most: most.map_or(Ok(usize::MAX), |most| {
                usize::try_from(most).with_context(|| {
                    format!("attribute maxsplit is {most}; it must not be negative")
                })
            })?,
        },
    )
}

#[derive(Debug)]
struct StringSplit {
    /// Empty for whitespace.
    delimiter: String,
    most: usize,
}

impl StringSplit {
    fn parts(&self, text: &str) -> Vec<String> {
        if text.is_empty() {
            return Vec::new();
        }
        if !self.delimiter.is_empty() {
            let parts = text.splitn(self.most.saturating_add(1), self.delimiter.as_str());
            return parts.map(Into::into).collect();
        }
        let space = |c: char| c.is_ascii_whitespace() || c == '\u{b}';
        let mut parts = Vec::new();
        let mut rest = text.trim_start_matches(space);
        while !rest.is_empty() {
            if parts.len() == self.most {
                parts.push(rest.into());
                break;
            }
            let (part, after) = rest.split_at(rest.find(space).unwrap_or(rest.len()));
            parts.push(part.into());
            rest = after.trim_start_matches(space);
        }
        parts
    }
}

impl Kernel for StringSplit {
    fn name(&self) -> &'static str {
        "StringSplit"
    }

    fn outputs(&self) -> usize {
        2
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("StringSplit", &types.iter().collect::<Vec<_>>())?;
        expect_type("StringSplit", *input, &[DatumType::String])?;
        Ok(tvec!(DatumType::String, DatumType::I64))
    }

    fn shapes(&self, shapes: &[&[TDim]], open: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("StringSplit", shapes)?;
        let parts = input.iter().cloned().chain([open.clone()]).collect();
        Ok(tvec!(parts, input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("StringSplit", tensors)?;
        let parts: Vec<_> =
            elements::<String>(input)?.iter().map(|text| self.parts(text)).collect();
        let counts = parts.iter().map(|parts| i64::try_from(parts.len()));
        let counts = tensor(counts.collect::<Result<Vec<_>, _>>()?, input.shape())?;
        Ok(tvec!(padded("StringSplit", parts, "", input.shape())?, counts))
    }
}
