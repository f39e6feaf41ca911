//! From votes to the values of a regression: averages, base values and the last transform.

use super::description::Aggregate;
use super::ensemble::{Ensemble, Score};
use super::error::EnsembleError;
use crate::operators::post_transform::{PostTransform, probit};
use crate::operators::real::Real;

/// An ensemble with what turns its scores into values.
#[derive(Clone, Debug)]
pub(super) struct Regressor<T> {
    pub(super) ensemble: Ensemble<T>,
    /// One for each target, or none.
    base: Vec<T>,
    transform: PostTransform,
}

impl<T: Real> Regressor<T> {
    /// Checks the base values against the targets.
    pub(super) fn new(
        ensemble: Ensemble<T>,
        attribute: &'static str,
        base: &[f64],
        transform: PostTransform,
    ) -> Result<Self, EnsembleError> {
        let targets = ensemble.targets();
        if !base.is_empty() && base.len() != targets {
            return Err(EnsembleError::BaseValues {
                attribute,
                found: base.len(),
                accepted: format!("0 and {targets}"),
            });
        }
        let base = base.iter().map(|value| T::from_f64(*value)).collect();
        Ok(Self { ensemble, base, transform })
    }

    /// The values of `count` rows of `width` features, row by row.
    pub(super) fn predict(
        &self,
        rows: &[T],
        count: usize,
        width: usize,
    ) -> Result<Vec<T>, EnsembleError> {
        let mut values = Vec::with_capacity(count * self.ensemble.targets());
        self.ensemble.evaluate(rows, count, width, |scores| {
            let start = values.len();
            self.average(scores);
            self.add_base(scores);
            values.extend(scores.iter().map(|score| score.effective()));
            if let Some(row) = values.get_mut(start..) {
                self.transform(row);
            }
        })?;
        Ok(values)
    }

    fn average(&self, scores: &mut [Score<T>]) {
        if self.ensemble.aggregate() == Aggregate::Average {
            #[expect(clippy::cast_precision_loss, reason = "no model has 2^53 trees")]
            let trees = T::from_f64(self.ensemble.trees() as f64);
            for score in scores {
                score.value = score.value / trees;
            }
        }
    }

    /// With several targets, one that no leaf voted for stays at zero, without its base value, as
    /// in ONNX Runtime.
    fn add_base(&self, scores: &mut [Score<T>]) {
        for (score, base) in scores.iter_mut().zip(&self.base) {
            score.value += *base;
        }
    }

    /// With a single target ONNX Runtime applies no transform other than the probit.
    fn transform(&self, row: &mut [T]) {
        match row {
            [value] if self.transform == PostTransform::Probit => {
                *value = T::from_f64(probit(value.to_f32()).into());
            }
            [_] => {}
            row => self.transform.apply(row),
        }
    }
}
