//! From the members' probabilities to the ensemble's.
//!
//! Every sum runs in binary64, in the order in which the manifest declares the members, and is
//! rounded to binary32 once, at its end. Nothing is fused or reordered, so the bits are the same
//! everywhere.

use crate::prediction::largest;

/// The mean of what the members give, place by place.
pub(super) fn average(members: &[&[f32]]) -> Vec<f32> {
    let count = members.len() as f64;
    places(members, |place| (sum(members, place, |_, value| value) / count) as f32)
}

/// The same with a share for each; see [`shares`].
pub(super) fn weighted(members: &[&[f32]], shares: &[f64]) -> Vec<f32> {
    let share = |member: usize| shares.get(member).copied().unwrap_or_default();
    places(members, |place| sum(members, place, |member, value| share(member) * value) as f32)
}

/// Weights as parts of 1.
pub(super) fn shares(weights: &[f64]) -> Vec<f64> {
    let sum: f64 = weights.iter().fold(0.0, |sum, weight| sum + weight);
    weights.iter().map(|weight| weight / sum).collect()
}

/// The share of the members whose largest probability is at this place; of equal ones the first.
pub(super) fn vote(members: &[&[f32]]) -> Vec<f32> {
    let votes: Vec<_> = members.iter().map(|values| largest(values)).collect();
    let count = members.len() as f64;
    let of = |place| votes.iter().filter(|vote| **vote == place).count() as f64;
    places(members, |place| (of(place) / count) as f32)
}

fn places(members: &[&[f32]], value: impl FnMut(usize) -> f32) -> Vec<f32> {
    let count = members.first().map_or(0, |values| values.len());
    (0..count).map(value).collect()
}

fn sum(members: &[&[f32]], place: usize, part: impl Fn(usize, f64) -> f64) -> f64 {
    let values = members.iter().map(|values| values.get(place).copied().unwrap_or_default());
    values.enumerate().fold(0.0, |sum, (member, value)| sum + part(member, f64::from(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_average_by_hand() {
        assert_eq!(average(&[&[0.25, 0.75], &[0.5, 0.5], &[0.75, 0.25]]), [0.5, 0.5]);
        assert_eq!(average(&[&[0.25, 0.75], &[0.0, 1.0]]), [0.125, 0.875]);
        // A regression's value.
        assert_eq!(average(&[&[3.0], &[-1.0], &[10.0]]), [4.0]);
    }

    #[test]
    fn an_average_is_rounded_once() {
        // In binary32 the second addend would be lost, and so the third.
        let (one, half) = (1.0, f32::EPSILON / 2.0);
        let expected = ((1.0 + f64::from(f32::EPSILON)) / 3.0) as f32;
        assert_eq!(average(&[&[one], &[half], &[half]]), [expected]);
        assert_ne!((one + half + half) / 3.0, expected);
    }

    #[test]
    fn weights_by_hand() {
        assert_eq!(shares(&[3.0, 1.0]), [0.75, 0.25]);
        assert_eq!(shares(&[0.0, 2.0]), [0.0, 1.0]);
        let members: [&[f32]; 2] = [&[0.5, 0.5], &[1.0, 0.0]];
        assert_eq!(weighted(&members, &shares(&[3.0, 1.0])), [0.625, 0.375]);
        assert_eq!(weighted(&members, &shares(&[0.0, 2.0])), [1.0, 0.0]);
    }

    #[test]
    fn votes_by_hand() {
        let (a, b, c): (&[f32], &[f32], &[f32]) =
            (&[0.6, 0.4, 0.0], &[0.1, 0.9, 0.0], &[0.2, 0.3, 0.5]);
        assert_eq!(vote(&[a, b]), [0.5, 0.5, 0.0]);
        assert_eq!(vote(&[a, b, b, c]), [0.25, 0.5, 0.25]);
        // A member that is undecided votes for the label that is declared first.
        assert_eq!(vote(&[&[0.0, 0.5, 0.5], c]), [0.0, 0.5, 0.5]);
        // A third is rounded.
        assert_eq!(vote(&[a, a, b]), [(2.0_f64 / 3.0) as f32, (1.0_f64 / 3.0) as f32, 0.0]);
    }

    fn member() -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec(0.0_f32..=1.0, 3)
    }

    proptest! {
        #[test]
        fn members_that_agree_are_not_changed(values in member(), weight in 0.1_f64..10.0) {
            let two = [values.as_slice(), values.as_slice()];
            prop_assert_eq!(average(&two), values.clone());
            // A power of two: shares are exact.
            prop_assert_eq!(weighted(&two, &shares(&[weight, weight])), values);
        }

        #[test]
        fn what_is_combined_lies_between_the_members(
            members in proptest::collection::vec(member(), 2..6),
            weights in proptest::collection::vec(0.001_f64..1000.0, 6),
        ) {
            let members: Vec<_> = members.iter().map(Vec::as_slice).collect();
            let weights: Vec<_> = weights.into_iter().take(members.len()).collect();
            let shares = shares(&weights);
            for combined in [average(&members), weighted(&members, &shares)] {
                for (place, value) in combined.iter().enumerate() {
                    let all = members.iter().filter_map(|values| values.get(place)).copied();
                    let low = all.clone().fold(f32::INFINITY, f32::min);
                    let high = all.fold(f32::NEG_INFINITY, f32::max);
                    prop_assert!((low - 1e-6..=high + 1e-6).contains(value));
                }
            }
            let votes = vote(&members);
            let sum: f64 = votes.iter().map(|share| f64::from(*share)).sum();
            prop_assert!((sum - 1.0).abs() < 1e-6);
        }

        #[test]
        fn a_common_factor_of_the_weights_means_nothing(
            members in proptest::collection::vec(member(), 3),
            weights in proptest::collection::vec(0.001_f64..1000.0, 3),
        ) {
            let members: Vec<_> = members.iter().map(Vec::as_slice).collect();
            let eightfold: Vec<_> = weights.iter().map(|weight| weight * 8.0).collect();
            prop_assert_eq!(
                weighted(&members, &shares(&weights)),
                weighted(&members, &shares(&eightfold))
            );
        }
    }
}
