//! `OneHotEncoder` and `CategoryMapper`: categories by their position in a list.
//!
//! | operator | from | to |
//! |---|---|---|
//! | [`OneHotEncoder`](https://onnx.ai/onnx/operators/onnx_aionnxml_OneHotEncoder.html) | numbers or strings of any shape | float32, the same shape with one more dimension for the categories |
//! | [`CategoryMapper`](https://onnx.ai/onnx/operators/onnx_aionnxml_CategoryMapper.html) | strings or int64 of any shape | int64 or strings of the same shape |
//!
//! A number is cut to a whole one before it is looked up. Of categories that occur twice the last
//! position counts, as in ONNX Runtime. A value that is no category is a row of zeros where `zeros`
//! is set, and an error elsewhere.

use std::collections::HashMap;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;
use super::tensor::{NUMBERS, elements, expect_size, expect_type, tensor};
use super::written::{Built, Kernel, Shape, build, inputs};
use crate::error::{Unaccepted, excerpt};

/// Registers both operators.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("OneHotEncoder", one_hot_encoder);
    onnx.op_register.insert("CategoryMapper", category_mapper);
}

fn one_hot_encoder(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let integers = attributes.ints("cats_int64s")?;
    let strings = attributes.strings("cats_strings")?;
    if integers.is_empty() == strings.is_empty() {
        bail!("one of the attributes cats_int64s and cats_strings is required, and only one");
    }
    let categories = integers.len().max(strings.len());
    let positions = |(position, category)| (category, position);
    build(OneHotEncoder {
        categories,
        integers: integers.into_iter().enumerate().map(positions).collect(),
        strings: strings
            .into_iter()
            .enumerate()
            .map(|(position, category)| (category, position))
            .collect(),
        unknown_is_zeros: attributes.int("zeros", 1)? != 0,
    })
}

#[derive(Debug)]
struct OneHotEncoder {
    categories: usize,
    integers: HashMap<i64, usize>,
    strings: HashMap<String, usize>,
    unknown_is_zeros: bool,
}

impl OneHotEncoder {
    /// What is said of an element that is none of the categories.
    fn unaccepted(&self, input: &Tensor, place: usize) -> TractResult<Unaccepted> {
        /// As many categories are listed.
        const LISTED: usize = 10;
        let found = match input.datum_type() {
            DatumType::String => elements::<String>(input)?.get(place).map(|text| excerpt(text)),
            _ => elements::<f64>(&*input.cast_to::<f64>()?)?.get(place).map(ToString::to_string),
        };
        let numbers = self.integers.iter().map(|(number, place)| (*place, number.to_string()));
        let texts = self.strings.iter().map(|(text, place)| (*place, excerpt(text)));
        let mut known: Vec<_> = numbers.chain(texts).collect();
        known.sort_unstable();
        let more = if known.len() > LISTED { ", …" } else { "" };
        let known: Vec<_> = known.into_iter().take(LISTED).map(|(_, category)| category).collect();
        let (found, known) = (found.unwrap_or_default(), known.join(", "));
        Ok(Unaccepted(format!("{found} is none of the categories {known}{more}")))
    }

    /// The position of each element's category.
    fn positions(&self, input: &Tensor) -> TractResult<Vec<Option<usize>>> {
        fn cut<T: Datum + Copy>(
            input: &Tensor,
            whole: impl Fn(T) -> i64,
            categories: &HashMap<i64, usize>,
        ) -> TractResult<Vec<Option<usize>>> {
            let position = |x: &T| categories.get(&whole(*x)).copied();
            Ok(elements::<T>(input)?.iter().map(position).collect())
        }
        match input.datum_type() {
            DatumType::String => {
                let position = |text: &String| self.strings.get(text).copied();
                Ok(elements::<String>(input)?.iter().map(position).collect())
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "cutting is what the operator does"
            )]
            DatumType::F32 => cut(input, |x: f32| x as i64, &self.integers),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "cutting is what the operator does"
            )]
            DatumType::F64 => cut(input, |x: f64| x as i64, &self.integers),
            DatumType::I32 => cut(input, |x: i32| i64::from(x), &self.integers),
            _ => cut(input, |x: i64| x, &self.integers),
        }
    }
}

impl Kernel for OneHotEncoder {
    fn name(&self) -> &'static str {
        "OneHotEncoder"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("OneHotEncoder", &types.iter().collect::<Vec<_>>())?;
        if self.strings.is_empty() {
            expect_type("OneHotEncoder of integers", *input, &NUMBERS)?;
        } else {
            expect_type("OneHotEncoder of strings", *input, &[DatumType::String])?;
        }
        Ok(tvec!(DatumType::F32))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("OneHotEncoder", shapes)?;
        Ok(tvec!(input.iter().cloned().chain([self.categories.to_dim()]).collect()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("OneHotEncoder", tensors)?;
        let positions = self.positions(input)?;
        let size = expect_size("OneHotEncoder", positions.len(), self.categories)?;
        let mut ones = vec![0.0_f32; size];
        let rows = ones.chunks_exact_mut(self.categories).zip(positions);
        for (place, (row, position)) in rows.enumerate() {
            match position.and_then(|position| row.get_mut(position)) {
                Some(one) => *one = 1.0,
                None if self.unknown_is_zeros => {}
                None => return Err(self.unaccepted(input, place)?.into()),
            }
        }
        let shape: TVec<_> = input.shape().iter().copied().chain([self.categories]).collect();
        Ok(tvec!(tensor(ones, &shape)?))
    }
}

fn category_mapper(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let strings = attributes.strings("cats_strings")?;
    let integers = attributes.ints("cats_int64s")?;
    attributes.expect_length("cats_int64s", integers.len(), &[strings.len()])?;
    let pairs = || strings.iter().cloned().zip(integers.iter().copied());
    build(CategoryMapper {
        to_integer: pairs().collect(),
        to_string: pairs().map(|(text, integer)| (integer, text)).collect(),
        default_integer: attributes.int("default_int64", -1)?,
        default_string: attributes.text("default_string", "_Unused")?.into(),
    })
}

#[derive(Debug)]
struct CategoryMapper {
    to_integer: HashMap<String, i64>,
    to_string: HashMap<i64, String>,
    default_integer: i64,
    default_string: String,
}

impl Kernel for CategoryMapper {
    fn name(&self) -> &'static str {
        "CategoryMapper"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("CategoryMapper", &types.iter().collect::<Vec<_>>())?;
        expect_type("CategoryMapper", *input, &[DatumType::String, DatumType::I64])?;
        Ok(tvec!(if *input == DatumType::String { DatumType::I64 } else { DatumType::String }))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("CategoryMapper", shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("CategoryMapper", tensors)?;
        let shape = input.shape();
        Ok(tvec!(if input.datum_type() == DatumType::String {
            let find =
                |text: &String| self.to_integer.get(text).copied().unwrap_or(self.default_integer);
            tensor::<i64>(elements(input)?.iter().map(find).collect(), shape)?
        } else {
            let find = |x: &i64| self.to_string.get(x).unwrap_or(&self.default_string).clone();
            tensor::<String>(elements(input)?.iter().map(find).collect(), shape)?
        }))
    }
}
