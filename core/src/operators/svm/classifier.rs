//! `SVMClassifier`: every pair of classes is compared, and the class that wins most pairs is the
//! answer. Without support vectors it is a linear model with a score for each class.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::machine::Machine;
use super::probability;
use crate::operators::attribute::Attributes;
use crate::operators::labels::Labels;
use crate::operators::linear::largest;
use crate::operators::post_transform::{PostTransform, logistic, probit};
use crate::operators::tensor::{
    NUMBERS, cast, expect_extent, expect_size, expect_type, expect_width, row_extent, rows, table,
    tensor,
};
use crate::operators::written::{Built, Kernel, Shape, build, inputs};

pub(super) fn svm_classifier(_: &ParsingContext, node: &NodeProto) -> Built {
    /// Classes, which are compared in pairs.
    const MOST_CLASSES: usize = 2048;
    let attributes = Attributes(node);
    let labels = Labels::new(attributes, "classlabels_ints", "classlabels_strings")?;
    let classes = labels.len();
    if classes > MOST_CLASSES {
        bail!("SVMClassifier has {classes} classes; accepted are up to {MOST_CLASSES}");
    }
    let coefficients = attributes.floats("coefficients")?;
    let intercepts = attributes.floats("rho")?;
    let all_positive = coefficients.iter().all(|weight| *weight >= 0.0);
    let sizes = attributes.ints("vectors_per_class")?;
    let size = |size: &i64| {
        usize::try_from(*size).ok().filter(|size| *size <= coefficients.len()).with_context(|| {
            format!(
                "attribute vectors_per_class has {size}; there are {} coefficients",
                coefficients.len()
            )
        })
    };
    let sizes = sizes.iter().map(size).collect::<TractResult<Vec<_>>>()?;
    let vectors: usize = sizes.iter().sum();
    let (a, b) = (attributes.floats("prob_a")?, attributes.floats("prob_b")?);
    let pairs = classes * (classes - 1) / 2;
    let kind = if vectors == 0 {
        let intercept = *intercepts.first().context("attribute rho must not be empty")?;
        Kind::Linear { machine: Machine::linear(coefficients, classes)?, intercept }
    } else {
        attributes.expect_length("vectors_per_class", sizes.len(), &[classes])?;
        let expected = (classes - 1).saturating_mul(vectors);
        attributes.expect_length("coefficients", coefficients.len(), &[expected])?;
        if intercepts.len() < pairs {
            bail!("attribute rho has {} elements; accepted are {pairs}", intercepts.len());
        }
        attributes.expect_length("prob_a", a.len(), &[0, pairs])?;
        attributes.expect_length("prob_b", b.len(), &[a.len()])?;
        let machine = Machine::new(attributes, vectors)?;
        let sigmoids = a.into_iter().zip(b).collect();
        Kind::Pairs(Pairs { machine, sizes, coefficients, intercepts, sigmoids })
    };
    let transform = PostTransform::from_name(attributes.text("post_transform", "NONE")?)?;
    build(SvmClassifier { kind, labels, transform, all_positive })
}

#[derive(Debug)]
struct SvmClassifier {
    kind: Kind,
    labels: Labels,
    transform: PostTransform,
    /// No coefficient is negative.
    all_positive: bool,
}

#[derive(Debug)]
enum Kind {
    Linear { machine: Machine, intercept: f32 },
    Pairs(Pairs),
}

/// One machine for each pair of classes, over the same support vectors.
#[derive(Debug)]
struct Pairs {
    machine: Machine,
    /// How many vectors each class has; they lie one class after the other.
    sizes: Vec<usize>,
    /// `[classes − 1, vectors]`: a vector's weight against each other class.
    coefficients: Vec<f32>,
    /// One for each pair.
    intercepts: Vec<f32>,
    /// The two parameters that turn a pair's score into a probability, or nothing.
    sigmoids: Vec<(f32, f32)>,
}

impl Pairs {
    /// The score of each pair, positive for its first class: (0, 1), (0, 2) … (1, 2) …
    #[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
    fn scores(&self, row: &[f32]) -> Vec<f32> {
        let kernels = self.machine.compare(row, 0.0);
        let vectors = kernels.len();
        let mut starts = vec![0];
        starts.extend(self.sizes.iter().scan(0, |sum, size| {
            *sum += size;
            Some(*sum)
        }));
        // What is added for one class's vectors with the weights that one row of coefficients gives them.
        let sum = |sum: f64, class: usize, weights: usize| -> f64 {
            let start = starts.get(class).copied().unwrap_or_default();
            let end = starts.get(class + 1).copied().unwrap_or_default();
            let weights = self.coefficients.get(weights * vectors + start..weights * vectors + end);
            let kernels = kernels.get(start..end).unwrap_or_default();
            let products = weights.unwrap_or_default().iter().zip(kernels);
            products
                .map(|(weight, kernel)| f64::from(weight * kernel))
                .fold(sum, |sum, product| sum + product)
        };
        let classes = self.sizes.len();
        let pairs = (0..classes).flat_map(|i| (i + 1..classes).map(move |j| (i, j)));
        pairs
            .zip(&self.intercepts)
            .map(|((i, j), intercept)| {
                (sum(sum(0.0, i, j - 1), j, i) + f64::from(*intercept)) as f32
            })
            .collect()
    }

    /// The class that wins most pairs, the first of equals.
    fn winner(&self, scores: &[f32]) -> usize {
        let classes = self.sizes.len();
        let mut votes = vec![0_usize; classes];
        let pairs = (0..classes).flat_map(|i| (i + 1..classes).map(move |j| (i, j)));
        for ((i, j), score) in pairs.zip(scores) {
            if let Some(votes) = votes.get_mut(if *score > 0.0 { i } else { j }) {
                *votes += 1;
            }
        }
        let most = votes.iter().max().copied().unwrap_or_default();
        votes.iter().position(|count| *count == most).unwrap_or_default()
    }

    fn probabilities(&self, scores: &[f32]) -> Vec<f32> {
        let classes = self.sizes.len();
        let mut pairs = vec![0.0; classes * classes];
        let places = (0..classes).flat_map(|i| (i + 1..classes).map(move |j| (i, j)));
        for ((i, j), (score, (a, b))) in places.zip(scores.iter().zip(&self.sigmoids)) {
            let probability = probability::of_pair(*score, *a, *b);
            if let Some(pair) = pairs.get_mut(i * classes + j) {
                *pair = probability;
            }
            if let Some(pair) = pairs.get_mut(j * classes + i) {
                *pair = 1.0 - probability;
            }
        }
        probability::of_classes(&pairs, classes)
    }
}

impl SvmClassifier {
    fn machine(&self) -> &Machine {
        match &self.kind {
            Kind::Linear { machine, .. } => machine,
            Kind::Pairs(pairs) => &pairs.machine,
        }
    }

    fn columns(&self) -> usize {
        let classes = self.labels.len();
        match &self.kind {
            Kind::Pairs(pairs) if pairs.sigmoids.is_empty() && classes > 2 => {
                classes * (classes - 1) / 2
            }
            Kind::Pairs(pairs) if pairs.sigmoids.is_empty() => 2,
            _ => classes,
        }
    }

    /// The winner of a row and its scores.
    fn row(&self, row: &[f32]) -> (usize, Vec<f32>) {
        match &self.kind {
            Kind::Linear { machine, intercept } => {
                let scores = machine.compare(row, *intercept);
                (self.linear_winner(&scores), self.transformed(scores))
            }
            Kind::Pairs(pairs) => {
                let scores = pairs.scores(row);
                let winner = pairs.winner(&scores);
                if !pairs.sigmoids.is_empty() {
                    return (winner, self.transformed(pairs.probabilities(&scores)));
                }
                match scores.as_slice() {
                    [score] => (winner, self.both(*score).to_vec()),
                    _ => (winner, self.transformed(scores)),
                }
            }
        }
    }

    /// Two classes have their second win on the largest score alone.
    fn linear_winner(&self, scores: &[f32]) -> usize {
        let best = largest(scores);
        let highest = scores.get(best).copied().unwrap_or_default();
        let threshold_is_met = if self.all_positive { highest >= 0.5 } else { highest > 0.0 };
        if scores.len() == 2 && threshold_is_met { 1 } else { best }
    }

    fn transformed(&self, mut scores: Vec<f32>) -> Vec<f32> {
        match scores.as_mut_slice() {
            [score] if self.transform == PostTransform::Probit => *score = probit(*score),
            [_] => {}
            scores => self.transform.apply(scores),
        }
        scores
    }

    /// The scores of two classes from that of their pair, in the odd ways of ONNX Runtime.
    fn both(&self, score: f32) -> [f32; 2] {
        match self.transform {
            PostTransform::None => [-score, score],
            // ONNX Runtime leaves the second score uninitialized here.
            PostTransform::Probit => [probit(score), 0.0],
            PostTransform::Logistic => [logistic(-score), logistic(score)],
            _ => [1.0 - score, score],
        }
    }
}

impl Kernel for SvmClassifier {
    fn name(&self) -> &'static str {
        "SVMClassifier"
    }

    fn outputs(&self) -> usize {
        2
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("SVMClassifier", &types.iter().collect::<Vec<_>>())?;
        expect_type("SVMClassifier", *input, &NUMBERS)?;
        Ok(tvec!(self.labels.datum_type(), DatumType::F32))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("SVMClassifier", shapes)?;
        expect_extent("SVMClassifier", input, self.machine().features())?;
        let labels = tvec!(row_extent("SVMClassifier", input)?);
        Ok(tvec!(labels, table("SVMClassifier", input, self.columns())?))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("SVMClassifier", tensors)?;
        let (count, width) = rows("SVMClassifier", input.shape())?;
        expect_width("SVMClassifier", width, self.machine().features())?;
        expect_size("SVMClassifier", count, self.columns())?;
        let (mut winners, mut scores) = (Vec::with_capacity(count), Vec::new());
        for row in cast::<f32>(input)?.chunks_exact(width) {
            let (winner, row) = self.row(row);
            winners.push(winner);
            scores.extend(row);
        }
        Ok(tvec!(self.labels.pick(&winners)?, tensor(scores, &[count, self.columns()])?))
    }
}
