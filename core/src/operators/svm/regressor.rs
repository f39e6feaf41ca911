//! `SVMRegressor`: one number for each row, or, of a single class, 1 for what belongs and −1 for the
//! rest.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::machine::{Machine, Product};
use crate::operators::attribute::Attributes;
use crate::operators::post_transform::{PostTransform, finish_row};
use crate::operators::tensor::{
    NUMBERS, cast, expect_extent, expect_type, expect_width, rows, table, tensor,
};
use crate::operators::written::{Built, Kernel, Shape, build, inputs};

pub(super) fn svm_regressor(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let supports = usize::try_from(attributes.int("n_supports", 0)?)?;
    let coefficients = attributes.floats("coefficients")?;
    let intercept = attributes.floats("rho")?;
    let intercept = *intercept.first().context("attribute rho must not be empty")?;
    let (machine, coefficients) = if supports == 0 {
        (Machine::linear(coefficients, 1)?, None)
    } else {
        attributes.expect_length("coefficients", coefficients.len(), &[supports])?;
        (Machine::new(attributes, supports)?, Some(coefficients))
    };
    let transform = PostTransform::from_name(attributes.text("post_transform", "NONE")?)?;
    let one_class = attributes.int("one_class", 0)? != 0;
    build(SvmRegressor { machine, coefficients, intercept, transform, one_class })
}

#[derive(Debug)]
struct SvmRegressor {
    machine: Machine,
    /// One for each support vector, or nothing.
    coefficients: Option<Vec<f32>>,
    intercept: f32,
    transform: PostTransform,
    one_class: bool,
}

impl SvmRegressor {
    fn value(&self, row: &[f32]) -> f32 {
        let Some(coefficients) = &self.coefficients else {
            return self.machine.compare(row, self.intercept).first().copied().unwrap_or_default();
        };
        let kernels = self.machine.compare(row, 0.0);
        Product::new(1, kernels.len()).of(&kernels, coefficients, 1.0, self.intercept)
    }
}

impl Kernel for SvmRegressor {
    fn name(&self) -> &'static str {
        "SVMRegressor"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("SVMRegressor", &types.iter().collect::<Vec<_>>())?;
        expect_type("SVMRegressor", *input, &NUMBERS)?;
        Ok(tvec!(DatumType::F32))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("SVMRegressor", shapes)?;
        expect_extent("SVMRegressor", input, self.machine.features())?;
        Ok(tvec!(table("SVMRegressor", input, 1)?))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("SVMRegressor", tensors)?;
        let (count, width) = rows("SVMRegressor", input.shape())?;
        expect_width("SVMRegressor", width, self.machine.features())?;
        let mut values = Vec::with_capacity(count);
        for row in cast::<f32>(input)?.chunks_exact(width) {
            let value = self.value(row);
            if self.one_class {
                values.push(if value > 0.0 { 1.0 } else { -1.0 });
            } else {
                values.extend(finish_row(self.transform, &[value], false));
            }
        }
        Ok(tvec!(tensor(values, &[count, 1])?))
    }
}
