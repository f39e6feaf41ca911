//! Which version of several a request gets: by weight, and the same for the same key in every host.

use model_package::Digest;

use crate::Pin;

/// A version and its share of the requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The package and its version.
    pub pin: Pin,
    /// Its part of the sum of all weights.
    pub weight: u32,
}

/// The place of the version that a key gets, among these weights; nothing where all are zero.
///
/// The first eight bytes of the key's sha256 digest, as a number from 0 (inclusive) to 1 (exclusive),
/// fall into one of the intervals that the weights cut it into, in their order. So a key keeps its
/// version as long as the weights stay, and when a weight grows, only keys that the neighbour loses
/// change theirs.
#[must_use]
pub fn chosen(weights: &[u32], key: &[u8]) -> Option<usize> {
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let digest = Digest::of(key);
    let first = digest.as_bytes().iter().take(8);
    let number = first.fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let point = (number * total) >> 64;
    let mut end = 0;
    weights.iter().position(|weight| {
        end += u128::from(*weight);
        point < end
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // sha256("customer-1") begins with these bytes in every implementation of it.
        let check = |key: &str, weights: &[u32], expected: Option<usize>| {
            assert_eq!(chosen(weights, key.as_bytes()), expected, "{key} of {weights:?}");
        };
        // ba7816bf… is 0.728 of the whole.
        check("abc", &[72, 28], Some(1));
        check("abc", &[73, 27], Some(0));
        check("abc", &[0, 100], Some(1));
        check("abc", &[100, 0], Some(0));
        check("abc", &[0, 0], None);
        check("abc", &[], None);
        // e3b0c442… is 0.889.
        check("", &[88, 12], Some(1));
        check("", &[89, 11], Some(0));
        check("", &[u32::MAX, u32::MAX, u32::MAX], Some(2));
    }

    #[test]
    fn shares_are_what_the_weights_say_and_few_keys_move() {
        const KEYS: usize = 100_000;
        let places = |weights: &[u32]| -> Vec<usize> {
            (0..KEYS)
                .map(|key| chosen(weights, format!("customer-{key}").as_bytes()).unwrap())
                .collect()
        };
        let count = |places: &[usize], place| places.iter().filter(|it| **it == place).count();
        let before = places(&[90, 10]);
        // Five standard deviations of a binomial distribution: sqrt(100,000 * 0.9 * 0.1) is 95.
        assert!(count(&before, 1).abs_diff(10_000) < 475, "{}", count(&before, 1));
        let after = places(&[80, 20]);
        assert!(count(&after, 1).abs_diff(20_000) < 633, "{}", count(&after, 1));
        // Who had the second keeps it.
        assert!((0..KEYS).all(|key| before[key] == 0 || after[key] == 1));
        assert_eq!(places(&[900, 100]), before);
        let three = places(&[50, 30, 20]);
        for (place, expected) in [50_000, 30_000, 20_000].into_iter().enumerate() {
            assert!(count(&three, place).abs_diff(expected) < 791, "{}", count(&three, place));
        }
    }
}
