//! Predictions by their bits, and where two of them differ.

use std::collections::BTreeSet;

use model_package::Expected;
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
        let score = score.map(|score| format!("{:08x}", score.to_bits()));
        Self(Expected { label, score, action, outputs: [].into(), json })
    }

    /// Takes down an output: its elements have `size` bytes each.
    pub fn output(&mut self, name: String, size: usize, data: &[u8]) {
        self.0.outputs.insert(name, hexadecimal(size, data));
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
    let mut differences = Vec::new();
    let mut compare = |part: String, expected: Option<&String>, found: Option<&String>| {
        if expected != found {
            let (expected, found) = (expected.cloned(), found.cloned());
            differences.push(Difference { part, expected, found });
        }
    };
    compare("label".into(), expected.label.as_ref(), found.label.as_ref());
    compare("score".into(), expected.score.as_ref(), found.score.as_ref());
    compare("action".into(), expected.action.as_ref(), found.action.as_ref());
    let names: BTreeSet<_> = expected.outputs.keys().chain(found.outputs.keys()).collect();
    for name in names {
        let part = format!("outputs.{name}");
        compare(part, expected.outputs.get(name), found.outputs.get(name));
    }
    compare("json".into(), Some(&expected.json), Some(&found.json));
    differences
}

/// The bytes of each little-endian element turned round, so that a float reads as its bits are
/// written.
fn hexadecimal(size: usize, data: &[u8]) -> String {
    let elements = data.chunks(size.max(1));
    elements.flat_map(|element| element.iter().rev().map(|byte| format!("{byte:02x}"))).collect()
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
