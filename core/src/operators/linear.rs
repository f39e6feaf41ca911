//! `LinearClassifier` and `LinearRegressor`: a weighted sum of the features for each class or target.
//!
//! | operator | from | to |
//! |---|---|---|
//! | [`LinearClassifier`](https://onnx.ai/onnx/operators/onnx_aionnxml_LinearClassifier.html) | numbers `[N, F]` or `[F]` | labels `[N]`, int64 or strings; scores, float32 `[N, classes]` |
//! | [`LinearRegressor`](https://onnx.ai/onnx/operators/onnx_aionnxml_LinearRegressor.html) | numbers `[N, F]` or `[F]` | float32 `[N, targets]` |
//!
//! Sums run over the features in order, in binary64, and a row's sum does not depend on the rows
//! around it. With one row of coefficients and two labels the score is the second label's, which
//! wins above zero. What the specification leaves open follows ONNX Runtime 1.32.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;
use super::labels::Labels;
use super::post_transform::{PostTransform, finish_row};
use super::tensor::{
    NUMBERS, cast, expect_extent, expect_size, expect_type, expect_width, row_extent, rows, table,
    tensor,
};
use super::written::{Built, Kernel, Shape, build, inputs};

/// Registers both operators.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("LinearClassifier", linear_classifier);
    onnx.op_register.insert("LinearRegressor", linear_regressor);
}

/// Weighted sums.
#[derive(Debug)]
struct Linear {
    /// Row by row, one for each output.
    coefficients: Vec<f32>,
    /// One for each output.
    intercepts: Vec<f32>,
    features: usize,
}

impl Linear {
    fn new(coefficients: Vec<f32>, intercepts: Vec<f32>) -> TractResult<Self> {
        let outputs = intercepts.len();
        if outputs == 0 || coefficients.is_empty() || !coefficients.len().is_multiple_of(outputs) {
            bail!(
                "attribute coefficients has {} elements, which are no rows for {outputs} outputs",
                coefficients.len()
            );
        }
        Ok(Self { features: coefficients.len() / outputs, coefficients, intercepts })
    }

    fn outputs(&self) -> usize {
        self.intercepts.len()
    }

    #[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
    fn row(&self, row: &[f32]) -> Vec<f32> {
        let output = |(weights, intercept): (&[f32], &f32)| {
            let product = |(x, w): (&f32, &f32)| f64::from(*x) * f64::from(*w);
            let sum: f64 = row.iter().zip(weights).map(product).sum();
            (sum + f64::from(*intercept)) as f32
        };
        let outputs = self.coefficients.chunks_exact(self.features);
        outputs.zip(&self.intercepts).map(output).collect()
    }

    /// Calls `finish` with the sums of each row.
    fn evaluate(
        &self,
        name: &str,
        input: &Tensor,
        mut finish: impl FnMut(Vec<f32>),
    ) -> TractResult<usize> {
        let (count, width) = rows(name, input.shape())?;
        expect_width(name, width, self.features)?;
        expect_size(name, count, self.outputs())?;
        for row in cast::<f32>(input)?.chunks_exact(self.features) {
            finish(self.row(row));
        }
        Ok(count)
    }
}

fn linear_classifier(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let linear = Linear::new(attributes.floats("coefficients")?, attributes.floats("intercepts")?)?;
    let names = ["classlabels_ints", "classlabels_strings"];
    let unnamed = !node.attribute.iter().any(|attribute| names.contains(&attribute.name.as_str()));
    let labels = match linear.outputs() {
        1 if unnamed => Labels::Integers(vec![0, 1]),
        _ => Labels::new(attributes, "classlabels_ints", "classlabels_strings")?,
    };
    let classes = linear.outputs();
    if classes > 1 && labels.len() < classes {
        bail!("there are {classes} classes, but {} labels", labels.len());
    }
    let completes = classes == 1 && labels.len() == 2 && !unnamed;
    // Of a single class only the sign counts, which has the labels 0 and 1.
    let labels = match labels {
        Labels::Integers(labels) if classes == 1 && labels.len() != 2 => {
            Labels::Integers(vec![0, 1])
        }
        Labels::Strings(labels) if classes == 1 && labels.len() != 2 => {
            Labels::Strings(vec!["0".into(), "1".into()])
        }
        labels => labels,
    };
    let transform = PostTransform::from_name(attributes.text("post_transform", "NONE")?)?;
    build(LinearClassifier { linear, labels, transform, completes })
}

#[derive(Debug)]
struct LinearClassifier {
    linear: Linear,
    labels: Labels,
    transform: PostTransform,
    /// Whether the one score is completed by that of the first label.
    completes: bool,
}

impl LinearClassifier {
    fn columns(&self) -> usize {
        if self.completes { 2 } else { self.linear.outputs() }
    }
}

impl Kernel for LinearClassifier {
    fn name(&self) -> &'static str {
        "LinearClassifier"
    }

    fn outputs(&self) -> usize {
        2
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("LinearClassifier", &types.iter().collect::<Vec<_>>())?;
        expect_type("LinearClassifier", *input, &NUMBERS)?;
        Ok(tvec!(self.labels.datum_type(), DatumType::F32))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("LinearClassifier", shapes)?;
        expect_extent("LinearClassifier", input, self.linear.features)?;
        let labels = tvec!(row_extent("LinearClassifier", input)?);
        Ok(tvec!(labels, table("LinearClassifier", input, self.columns())?))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("LinearClassifier", tensors)?;
        let (mut winners, mut scores) = (Vec::new(), Vec::new());
        let count = self.linear.evaluate("LinearClassifier", input, |row| {
            winners.push(match row.as_slice() {
                [score] => usize::from(*score > 0.0),
                row => largest(row),
            });
            scores.extend(finish_row(self.transform, &row, self.completes));
        })?;
        Ok(tvec!(self.labels.pick(&winners)?, tensor(scores, &[count, self.columns()])?))
    }
}

/// The position of the largest score, the first of equals.
pub(super) fn largest(scores: &[f32]) -> usize {
    let mut best = (0, scores.first().copied().unwrap_or_default());
    for (position, score) in scores.iter().enumerate() {
        if *score > best.1 {
            best = (position, *score);
        }
    }
    best.0
}

fn linear_regressor(_: &ParsingContext, node: &NodeProto) -> Built {
    /// Targets, of which each has coefficients in the file.
    const MOST_TARGETS: i64 = 1 << 24;
    let attributes = Attributes(node);
    let targets = attributes.int("targets", 1)?;
    if !(1..=MOST_TARGETS).contains(&targets) {
        bail!("attribute targets is {targets}; it must lie in 1..={MOST_TARGETS}");
    }
    let targets = usize::try_from(targets)?;
    let coefficients = attributes.floats("coefficients")?;
    if coefficients.len() < targets {
        bail!("there are {targets} targets, but {} coefficients", coefficients.len());
    }
    let mut intercepts = attributes.floats("intercepts")?;
    attributes.expect_length("intercepts", intercepts.len(), &[0, targets])?;
    intercepts.resize(targets, 0.0);
    let transform = PostTransform::from_name(attributes.text("post_transform", "NONE")?)?;
    build(LinearRegressor { linear: Linear::new(coefficients, intercepts)?, transform })
}

#[derive(Debug)]
struct LinearRegressor {
    linear: Linear,
    transform: PostTransform,
}

impl Kernel for LinearRegressor {
    fn name(&self) -> &'static str {
        "LinearRegressor"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("LinearRegressor", &types.iter().collect::<Vec<_>>())?;
        expect_type("LinearRegressor", *input, &NUMBERS)?;
        Ok(tvec!(DatumType::F32))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("LinearRegressor", shapes)?;
        expect_extent("LinearRegressor", input, self.linear.features)?;
        Ok(tvec!(table("LinearRegressor", input, self.linear.outputs())?))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("LinearRegressor", tensors)?;
        let mut values = Vec::new();
        let count = self.linear.evaluate("LinearRegressor", input, |row| {
            values.extend(finish_row(self.transform, &row, false));
        })?;
        Ok(tvec!(tensor(values, &[count, self.linear.outputs()])?))
    }
}
