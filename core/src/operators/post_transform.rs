//! What happens to a row's scores last: nothing, a softmax, a logistic function or a probit.
//!
//! Transcendental functions come from `libm`, so that a native build and WebAssembly give the same
//! bits. As in ONNX Runtime they are computed in `f32`, also for doubles.

use tract_onnx::prelude::TractResult;
use tract_onnx::tract_core::internal::bail;

use super::real::Real;

/// The transform that the model asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PostTransform {
    None,
    Softmax,
    Logistic,
    /// A softmax in which scores of zero stay zero.
    SoftmaxZero,
    Probit,
}

impl PostTransform {
    /// The transform of this name.
    pub(super) fn from_name(name: &str) -> TractResult<Self> {
        Ok(match name {
            "NONE" => Self::None,
            "SOFTMAX" => Self::Softmax,
            "LOGISTIC" => Self::Logistic,
            "SOFTMAX_ZERO" => Self::SoftmaxZero,
            "PROBIT" => Self::Probit,
            other => bail!(
                "attribute post_transform[0] is {:?}; accepted are NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO and PROBIT",
                other.chars().take(32).collect::<String>()
            ),
        })
    }

    /// The transform of this number in version 5. The specification numbers SOFTMAX 1 and LOGISTIC
    /// 2, but ONNX Runtime computes a logistic function for 1 and a softmax for 2. Models were
    /// tested against the latter, so its results are the ones to give.
    pub(super) fn from_number(number: i64) -> TractResult<Self> {
        Ok(match number {
            0 => Self::None,
            1 => Self::Logistic,
            2 => Self::Softmax,
            3 => Self::SoftmaxZero,
            4 => Self::Probit,
            found => bail!("attribute post_transform[0] is {found}; it must lie in 0..=4"),
        })
    }

    /// Transforms the scores of one row.
    pub(super) fn apply<T: Real>(self, scores: &mut [T]) {
        match self {
            Self::None => {}
            Self::Softmax => softmax(scores),
            Self::Logistic => each(scores, logistic),
            Self::SoftmaxZero => softmax_zero(scores),
            Self::Probit => each(scores, probit),
        }
    }
}

fn each<T: Real>(scores: &mut [T], function: impl Fn(f32) -> f32) {
    for score in scores {
        *score = T::from_f64(function(score.to_f32()).into());
    }
}

/// The logistic function, from the exponential of a negative number so that it cannot overflow.
pub(super) fn logistic(x: f32) -> f32 {
    let positive = 1.0 / (1.0 + libm::expf(-x.abs()));
    if x < 0.0 { 1.0 - positive } else { positive }
}

/// The quantile function of the normal distribution, with Winitzki's approximation of the inverse
/// error function. Outside 0..=1 it is NaN.
pub(super) fn probit(x: f32) -> f32 {
    const A: f32 = 0.147;
    let y = 2.0 * x - 1.0;
    let log = libm::logf((1.0 - y) * (1.0 + y));
    let half = 2.0 / (std::f32::consts::PI * A) + 0.5 * log;
    // The order of operations is ONNX Runtime's: the difference below magnifies rounding.
    let inverse = libm::sqrtf(-half + libm::sqrtf(half * half - 1.0 / A * log));
    std::f32::consts::SQRT_2 * if y < 0.0 { -inverse } else { inverse }
}

fn softmax<T: Real>(scores: &mut [T]) {
    let highest = highest(scores);
    each(scores, |score| libm::expf(score - highest));
    let sum = scores.iter().fold(0.0, |sum, score| sum + score.to_f32());
    each(scores, |score| score / sum);
}

/// Scores this close to zero count as zero and take no part in the sum.
const NEGLIGIBLE: f32 = 1e-7;

fn softmax_zero<T: Real>(scores: &mut [T]) {
    let highest = highest(scores);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        let x = score.to_f32();
        let y = if x.abs() > NEGLIGIBLE {
            let exponential = libm::expf(x - highest);
            sum += exponential;
            exponential
        } else {
            x * libm::expf(-highest)
        };
        *score = T::from_f64(y.into());
    }
    each(scores, |score| score / sum);
}

fn highest<T: Real>(scores: &[T]) -> f32 {
    let higher = |highest: f32, score: &T| {
        let score = score.to_f32();
        if score > highest { score } else { highest }
    };
    scores.iter().fold(f32::MIN, higher)
}

/// Transforms the scores of one row of a linear model. A score that stands alone for the second of
/// two classes is completed by its counterpart, as ONNX Runtime does, whatever the transform.
pub(super) fn finish_row(transform: PostTransform, scores: &[f32], completes: bool) -> Vec<f32> {
    match (scores, transform) {
        ([score], PostTransform::Probit) if !completes => vec![probit(*score)],
        // ONNX Runtime leaves the second score uninitialized here.
        ([score], PostTransform::Probit) => vec![probit(*score), 0.0],
        ([score], PostTransform::Logistic) if completes => vec![logistic(-score), logistic(*score)],
        ([score], _) if completes => vec![1.0 - score, *score],
        ([score], _) => vec![*score],
        _ => {
            let mut row = scores.to_vec();
            transform.apply(&mut row);
            row
        }
    }
}
