//! `StringConcat`: joins strings, element by element.
//!
//! [`StringConcat`](https://onnx.ai/onnx/operators/onnx__StringConcat.html) takes two tensors of
//! strings that broadcast against each other and gives the joined strings.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::broadcast::multi_broadcast;
use tract_onnx::tract_hir::internal::*;

use crate::operators::tensor::{expect_size, expect_type, tensor};
use crate::operators::written::{Built, Kernel, Shape, build, inputs};

/// Bytes of all strings of a result.
const MOST_BYTES: usize = 1 << 26;

pub(super) fn string_concat(_: &ParsingContext, _: &NodeProto) -> Built {
    build(StringConcat)
}

#[derive(Debug)]
struct StringConcat;

impl Kernel for StringConcat {
    fn name(&self) -> &'static str {
        "StringConcat"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [left, right] = inputs("StringConcat", &types.iter().collect::<Vec<_>>())?;
        expect_type("StringConcat", *left, &[DatumType::String])?;
        expect_type("StringConcat", *right, &[DatumType::String])?;
        Ok(tvec!(DatumType::String))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [left, right] = inputs("StringConcat", shapes)?;
        Ok(tvec!(multi_broadcast(&[left, right])?))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [left, right] = inputs("StringConcat", tensors)?;
        let shape = multi_broadcast(&[left.shape(), right.shape()])?;
        expect_size("StringConcat", shape.iter().product(), 1)?;
        let [left, right] = [left, right].map(|tensor| tensor.to_plain_array_view::<String>());
        let (left, right) = (left?, right?);
        let (left, right) = (left.broadcast(&*shape), right.broadcast(&*shape));
        let (left, right) = left.zip(right).context("StringConcat has shapes that do not fit")?;
        let bytes = left.iter().chain(&right).try_fold(0_usize, |sum, text| {
            sum.checked_add(text.len()).filter(|sum| *sum <= MOST_BYTES)
        });
        bytes.with_context(|| format!("StringConcat gives more than {MOST_BYTES} bytes"))?;
        let joined = left.iter().zip(&right).map(|(left, right)| format!("{left}{right}"));
        Ok(tvec!(tensor(joined.collect(), &shape)?))
    }
}
