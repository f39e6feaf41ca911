//! From the winners of a batch to their labels.

use tract_onnx::tract_hir::internal::*;

use super::classifier::Winner;
use crate::operators::labels::Labels;

/// The labels of the winners.
pub(super) fn labels(labels: &Labels, winners: &[Winner]) -> Tensor {
    match labels {
        Labels::Integers(labels) => {
            let label = |winner: &Winner| match winner {
                Winner::Class(class) => labels.get(*class).copied().unwrap_or_default(),
                Winner::Sign(positive) => i64::from(*positive),
            };
            tensor1(&winners.iter().map(label).collect::<Vec<_>>())
        }
        Labels::Strings(labels) => {
            let label = |winner: &Winner| {
                let class = match winner {
                    Winner::Class(class) => *class,
                    Winner::Sign(positive) => usize::from(*positive),
                };
                // With a single label, it is the label of both signs.
                labels.get(class).or_else(|| labels.last()).cloned().unwrap_or_default()
            };
            tensor1(&winners.iter().map(label).collect::<Vec<_>>())
        }
    }
}
