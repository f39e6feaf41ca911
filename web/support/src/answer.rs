//! Predictions by their bits, and where two of them differ.

use model_package::{Expected, PartDifference};
use wasm_bindgen::prelude::wasm_bindgen;

/// A prediction, taken down by its bits.
#[wasm_bindgen]
pub struct Answer(Expected);

#[wasm_bindgen]
impl Answer {
    /// All but the graph's outputs.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(
        json: String,
        label: Option<String>,
        score: Option<f32>,
        action: Option<String>,
    ) -> Self {
        let score = score.map(Expected::score_bits);
        Self(Expected { label, score, action, outputs: [].into(), json })
    }

    /// Takes down an output: its elements have `size` bytes each.
    pub fn output(&mut self, name: String, size: usize, data: &[u8]) {
        self.0.outputs.insert(name, Expected::output_bits(size, data));
    }
}

impl Answer {
    pub(crate) fn bits(&self) -> &Expected {
        &self.0
    }
}

/// A part of an answer that is not as expected.
#[wasm_bindgen(getter_with_clone)]
pub struct Difference {
    /// What differs: `score`, `outputs.probabilities`, `json`, …
    pub part: String,
    /// What was expected; absent if nothing was.
    pub expected: Option<String>,
    /// What was found; absent if nothing was.
    pub found: Option<String>,
}

/// Every part in which two answers differ.
pub(crate) fn differences(expected: &Expected, found: &Expected) -> Vec<Difference> {
    let parts = expected.differences(found).into_iter();
    let owned = |part: PartDifference<'_>| Difference {
        part: part.part,
        expected: part.expected.map(str::to_owned),
        found: part.found.map(str::to_owned),
    };
    parts.map(owned).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn answer() -> Answer {
        let mut answer =
            Answer::new("{}".into(), Some("yes".into()), Some(1.0), Some("allow".into()));
        answer.output("p".into(), 4, &[0, 0, 128, 63, 0, 0, 0, 64]);
        answer
    }

    fn check(change: impl FnOnce(&mut Expected), part: &str, expected: &str) {
        let mut other = answer();
        change(&mut other.0);
        let found = differences(answer().bits(), other.bits());
        let [difference] = found.as_slice() else { unreachable!("one difference") };
        assert_eq!(difference.part, part);
        assert_eq!(difference.expected.as_deref().unwrap(), expected);
    }

    #[test]
    fn every_part_is_compared() {
        assert!(differences(answer().bits(), answer().bits()).is_empty());
        check(|it| it.label = None, "label", "yes");
        check(|it| it.score = Some("3f800001".into()), "score", "3f800000");
        check(|it| it.action = Some("block".into()), "action", "allow");
        check(|it| it.json = "{ }".into(), "json", "{}");
        check(|it| it.outputs.clear(), "outputs.p", "3f80000040000000");
    }
}
