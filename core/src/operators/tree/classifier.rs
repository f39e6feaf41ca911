//! From votes to class scores and the winning class, with the special cases that ONNX Runtime has
//! for two classes.
//!
//! A model of two classes often votes for one class only, and its score stands for both. Then it
//! is a probability if no weight is negative, and a signed margin otherwise; this decides the
//! threshold and how the other class's score is made up. None of this is in the specification.

use super::ensemble::{Ensemble, Score};
use super::error::EnsembleError;
use crate::operators::post_transform::{PostTransform, logistic, probit};
use crate::operators::real::Real;

/// What the weights say about the model as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weights {
    /// All of them are for the same class.
    pub(super) one_class: bool,
    /// None of them is negative.
    pub(super) all_positive: bool,
}

/// The class that won a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Winner {
    /// The class at this position.
    Class(usize),
    /// Only the sign of the score counted. With labels that are integers ONNX Runtime then answers
    /// 1 or 0, whatever the labels are; strings are looked up as usual.
    Sign(bool),
}

/// An ensemble with what turns its scores into class scores.
#[derive(Clone, Debug)]
pub(super) struct Classifier<T> {
    pub(super) ensemble: Ensemble<T>,
    base: Vec<T>,
    transform: PostTransform,
    weights: Weights,
}

impl<T: Real> Classifier<T> {
    /// Checks the base values against the classes.
    pub(super) fn new(
        ensemble: Ensemble<T>,
        attribute: &'static str,
        base: &[f64],
        transform: PostTransform,
        weights: Weights,
    ) -> Result<Self, EnsembleError> {
        let classes = ensemble.targets();
        let fits = base.is_empty() || base.len() == classes || (base.len() == 1 && classes == 2);
        if !fits {
            let one = if classes == 2 { ", 1" } else { "" };
            return Err(EnsembleError::BaseValues {
                attribute,
                found: base.len(),
                accepted: format!("0{one} and {classes}"),
            });
        }
        let base = base.iter().map(|value| T::from_f64(*value)).collect();
        Ok(Self { ensemble, base, transform, weights })
    }

    /// The winner of each of `count` rows of `width` features, and all class scores row by row.
    pub(super) fn predict(
        &self,
        rows: &[T],
        count: usize,
        width: usize,
    ) -> Result<(Vec<Winner>, Vec<T>), EnsembleError> {
        let mut winners = Vec::with_capacity(count);
        let mut values = Vec::with_capacity(count * self.ensemble.targets());
        self.ensemble.evaluate(rows, count, width, |scores| {
            winners.push(match scores {
                [score] => self.finish_one(*score, &mut values),
                [first, second] => self.finish_two(*first, *second, &mut values),
                scores => self.finish_many(scores, &mut values),
            });
        })?;
        Ok((winners, values))
    }

    /// A single class: its score, of which only the sign counts.
    fn finish_one(&self, mut score: Score<T>, values: &mut Vec<T>) -> Winner {
        if let [base] = self.base.as_slice() {
            score.value += *base;
        }
        let value = score.effective();
        values.push(self.single(value));
        Winner::Sign(value > T::default())
    }

    fn finish_two(&self, mut first: Score<T>, mut second: Score<T>, values: &mut Vec<T>) -> Winner {
        let mut alone = !second.voted;
        match self.base.as_slice() {
            // ONNX Runtime takes the first class's score for the sum here, which is zero when all
            // votes are for the second.
            [_, base] if second.voted => {
                second.value = first.value;
                second.value += *base;
                first.value = -second.value;
            }
            [base_first, base_second] => {
                first.value += *base_first;
                second.value += *base_second;
                alone = false;
            }
            [base] => first.value += *base,
            _ => {}
        }
        let decisive = if second.voted { second.value } else { first.effective() };
        let zero = T::default();
        let winner = match self.weights {
            Weights { one_class: false, .. } => Winner::Sign(decisive > zero),
            Weights { all_positive: true, .. } => {
                Winner::Class((decisive > T::from_f64(0.5)).into())
            }
            Weights { .. } => Winner::Class((decisive > zero).into()),
        };
        let row = if alone {
            self.both(first.effective())
        } else {
            let mut row = [first.effective(), second.effective()];
            self.transform.apply(&mut row);
            row
        };
        values.extend(row);
        winner
    }

    /// The scores of two classes of which only the first has votes. Its score is the one of the
    /// class that wins when it is high, which is the second.
    fn both(&self, score: T) -> [T; 2] {
        let signed = !self.weights.one_class && self.base.is_empty();
        match self.transform {
            // ONNX Runtime leaves the second score uninitialized here.
            PostTransform::Probit => [self.single(score), T::default()],
            _ if !self.weights.one_class && !signed => [score, T::default()],
            PostTransform::Logistic => {
                [-score, score].map(|score| T::from_f64(logistic(score.to_f32()).into()))
            }
            _ if self.weights.all_positive && !signed => [T::ONE - score, score],
            _ => [-score, score],
        }
    }

    fn single(&self, score: T) -> T {
        if self.transform == PostTransform::Probit {
            return T::from_f64(probit(score.to_f32()).into());
        }
        score
    }

    /// Three classes or more: the highest score wins, the first of equals.
    fn finish_many(&self, scores: &mut [Score<T>], values: &mut Vec<T>) -> Winner {
        for (score, base) in scores.iter_mut().zip(&self.base) {
            score.value += *base;
            score.voted = true;
        }
        let mut best: Option<(usize, T)> = None;
        for (class, score) in scores.iter().enumerate().filter(|(_, score)| score.voted) {
            if best.is_none_or(|(_, highest)| score.value > highest) {
                best = Some((class, score.value));
            }
        }
        let start = values.len();
        values.extend(scores.iter().map(|score| score.effective()));
        if let Some(row) = values.get_mut(start..) {
            self.transform.apply(row);
        }
        // ONNX Runtime fails when no leaf voted at all; all scores are equal then.
        Winner::Class(best.map_or(0, |(class, _)| class))
    }
}
