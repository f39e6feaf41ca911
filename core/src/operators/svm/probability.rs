//! Probabilities of classes from the scores of pairs of classes.
//!
//! A pair's score becomes the probability of its first class by Platt's sigmoid. The probabilities
//! of all classes are those that agree best with the pairs': the second method of Wu, Lin and Weng,
//! "Probability estimates for multi-class classification by pairwise coupling" (2004), which LIBSVM
//! and ONNX Runtime use, with their limits on steps and error.

use crate::operators::post_transform::logistic;

/// How close to certain a pair may be.
const LEAST: f32 = 1e-7;

/// The probability of the first class of a pair.
pub(super) fn of_pair(score: f32, a: f32, b: f32) -> f32 {
    let probability = 1.0 - logistic(score * a + b);
    probability.clamp(LEAST, 1.0 - LEAST)
}

/// The probabilities of all classes. `pairs` has the probability of the class `i` against `j` at
/// `i * classes + j`.
pub(super) fn of_classes(pairs: &[f32], classes: usize) -> Vec<f32> {
    const MOST_STEPS: usize = 100;
    #[expect(clippy::cast_precision_loss, reason = "no model has 2^24 classes")]
    let count = classes as f32;
    let at = |i: usize, j: usize| pairs.get(i * classes + j).copied().unwrap_or_default();
    let mut q = vec![0.0_f32; classes * classes];
    for (index, entry) in q.iter_mut().enumerate() {
        let (i, j) = (index / classes, index % classes);
        *entry = if i == j {
            (0..classes).filter(|other| *other != i).map(|other| at(other, i) * at(other, i)).sum()
        } else {
            -at(j, i) * at(i, j)
        };
    }
    let mut p = vec![1.0 / count; classes];
    for _ in 0..MOST_STEPS {
        let rows = q.chunks_exact(classes);
        let mut qp: Vec<f32> =
            rows.map(|row| row.iter().zip(&p).map(|(q, p)| q * p).sum()).collect();
        let mut pqp: f32 = p.iter().zip(&qp).map(|(p, qp)| p * qp).sum();
        let error = qp.iter().map(|qp| (qp - pqp).abs()).fold(0.0, f32::max);
        if error < 0.005 / count {
            break;
        }
        for (i, row) in q.chunks_exact(classes).enumerate() {
            let (Some(diagonal), Some(own)) = (row.get(i), qp.get(i).copied()) else { continue };
            let step = (pqp - own) / diagonal;
            if let Some(p) = p.get_mut(i) {
                *p += step;
            }
            let scale = 1.0 + step;
            pqp = (pqp + step * (step * diagonal + 2.0 * own)) / scale / scale;
            for ((qp, q), p) in qp.iter_mut().zip(row).zip(&mut p) {
                *qp = (*qp + step * q) / scale;
                *p /= scale;
            }
        }
    }
    p
}
