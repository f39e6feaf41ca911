//! Operators of `ai.onnx.ml` that change the scale of numbers: `Scaler`, `Normalizer`, `Binarizer`.
//!
//! | operator | from | to |
//! |---|---|---|
//! | [`Scaler`](https://onnx.ai/onnx/operators/onnx_aionnxml_Scaler.html) | numbers of rank 1 or more | float32 of the same shape |
//! | [`Normalizer`](https://onnx.ai/onnx/operators/onnx_aionnxml_Normalizer.html) | numbers of rank 1 or 2 | float32 of the same shape |
//! | [`Binarizer`](https://onnx.ai/onnx/operators/onnx_aionnxml_Binarizer.html) | numbers of any rank | the same type and shape |
//!
//! Numbers are float32, float64, int64 or int32. Where the specification is silent they do as ONNX
//! Runtime 1.32: a row of zeros stays as it is, and `MAX` divides by the largest value, not by the
//! largest magnitude.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;
use super::tensor::{NUMBERS, cast, elements, expect_type, rows, tensor};
use super::written::{Built, Kernel, Shape, build, inputs};

/// Registers the three operators.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    let operators = &mut onnx.op_register;
    operators.insert("Scaler", scaler);
    operators.insert("Normalizer", normalizer);
    operators.insert("Binarizer", binarizer);
}

fn scaler(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let offset = attributes.floats("offset")?;
    let scale = attributes.floats("scale")?;
    if offset.len() != scale.len() || offset.is_empty() {
        bail!(
            "attributes offset and scale have {} and {} elements; accepted is one for each feature, or one for all",
            offset.len(),
            scale.len()
        );
    }
    build(Scaler { offset, scale })
}

/// `(x − offset) · scale`, with one offset and scale for each feature or for all.
#[derive(Debug)]
struct Scaler {
    offset: Vec<f32>,
    scale: Vec<f32>,
}

impl Scaler {
    fn check(&self, features: usize) -> TractResult<()> {
        if self.offset.len() == 1 || self.offset.len() == features {
            return Ok(());
        }
        bail!("Scaler has {} offsets for rows of {features} features", self.offset.len())
    }
}

impl Kernel for Scaler {
    fn name(&self) -> &'static str {
        "Scaler"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("Scaler", &types.iter().collect::<Vec<_>>())?;
        expect_type("Scaler", *input, &NUMBERS)?;
        Ok(tvec!(DatumType::F32))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("Scaler", shapes)?;
        let features = input.get(1).or_else(|| input.first());
        if let Some(features) = features.and_then(|features| features.to_usize().ok()) {
            self.check(features)?;
        }
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("Scaler", tensors)?;
        let features = input.shape().get(1).or_else(|| input.shape().first()).copied();
        self.check(features.context("Scaler has a scalar as input")?)?;
        let parameters = self.offset.iter().zip(&self.scale).cycle();
        let scaled = if input.datum_type() == DatumType::F64 {
            let scale = |(x, (offset, scale)): (&f64, (&f32, &f32))| {
                #[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
                let scaled = ((x - f64::from(*offset)) * f64::from(*scale)) as f32;
                scaled
            };
            elements::<f64>(input)?.iter().zip(parameters).map(scale).collect()
        } else {
            let scale = |(x, (offset, scale)): (&f32, (&f32, &f32))| (x - offset) * scale;
            cast::<f32>(input)?.iter().zip(parameters).map(scale).collect()
        };
        Ok(tvec!(tensor::<f32>(scaled, input.shape())?))
    }
}

fn normalizer(_: &ParsingContext, node: &NodeProto) -> Built {
    build(match Attributes(node).text("norm", "MAX")? {
        "MAX" => Normalizer::Max,
        "L1" => Normalizer::L1,
        "L2" => Normalizer::L2,
        other => bail!("attribute norm is {other:?}; accepted are MAX, L1 and L2"),
    })
}

/// Divides each row by its norm.
#[derive(Debug)]
enum Normalizer {
    Max,
    L1,
    L2,
}

impl Normalizer {
    fn row(&self, row: &[f32]) -> Vec<f32> {
        let divide = |norm: f32| {
            row.iter().map(|x| if norm == 0.0 { *x } else { x / norm }).collect::<Vec<_>>()
        };
        match self {
            Self::Max => divide(row.iter().copied().fold(f32::MIN, f32::max)),
            Self::L1 => divide(row.iter().map(|x| x.abs()).sum()),
            Self::L2 => {
                let sum: f32 = row.iter().map(|x| x * x).sum();
                if sum == 0.0 {
                    return row.to_vec();
                }
                let root = |x: &f32| {
                    let root = (x * x / sum).sqrt();
                    if *x < 0.0 { -root } else { root }
                };
                row.iter().map(root).collect()
            }
        }
    }
}

impl Kernel for Normalizer {
    fn name(&self) -> &'static str {
        "Normalizer"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("Normalizer", &types.iter().collect::<Vec<_>>())?;
        expect_type("Normalizer", *input, &NUMBERS)?;
        Ok(tvec!(DatumType::F32))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("Normalizer", shapes)?;
        if !(1..=2).contains(&input.len()) {
            bail!("Normalizer has an input of rank {}; accepted are 1 and 2", input.len());
        }
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("Normalizer", tensors)?;
        let (_, columns) = rows("Normalizer", input.shape())?;
        let numbers = cast::<f32>(input)?;
        let normal = numbers.chunks(columns.max(1)).flat_map(|row| self.row(row)).collect();
        Ok(tvec!(tensor(normal, input.shape())?))
    }
}

fn binarizer(_: &ParsingContext, node: &NodeProto) -> Built {
    build(Binarizer { threshold: Attributes(node).float("threshold", 0.0)? })
}

/// One for what is above the threshold, else zero.
#[derive(Debug)]
struct Binarizer {
    threshold: f32,
}

impl Kernel for Binarizer {
    fn name(&self) -> &'static str {
        "Binarizer"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("Binarizer", &types.iter().collect::<Vec<_>>())?;
        expect_type("Binarizer", *input, &NUMBERS)?;
        Ok(tvec!(*input))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("Binarizer", shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("Binarizer", tensors)?;
        let threshold = f64::from(self.threshold);
        let above = |x: &f64| if *x > threshold { 1.0 } else { 0.0 };
        let ones: Vec<f64> = cast::<f64>(input)?.iter().map(above).collect();
        let ones = tensor(ones, input.shape())?;
        Ok(tvec!(ones.cast_to_dt(input.datum_type())?.into_owned()))
    }
}
