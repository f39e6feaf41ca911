//! Scripted trouble: at a chosen point of a chosen event something goes wrong, the same way in
//! every run.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The script; read from JSON as a list of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trouble {
    /// Each is looked at whenever its point is passed.
    pub rules: Vec<Rule>,
}

/// One piece of trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Where.
    pub at: Point,
    /// At which passing of the point, counted from 1; none means at each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// What happens.
    #[serde(rename = "do")]
    pub action: Action,
}

/// Where trouble can strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// The runtime asks for an event, before one is handed out.
    Next,
    /// The function has just been given the event.
    Delivered,
    /// The answer has arrived and is not yet accepted: the work is done, the answer can be lost.
    Response,
    /// The answer is accepted, and the runtime has not yet asked for more.
    Answered,
    /// The environment is frozen and about to be thawed for an event.
    Thaw,
    /// A poller is about to give a batch to the function.
    Batch,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The environment's processes are killed.
    Kill,
    /// Everything waits for this many milliseconds. At [`Point::Thaw`] the function sees its clock
    /// jump by as much; at [`Point::Batch`] the records come late.
    DelayMs(u64),
    /// The Runtime API answers with this status (points `next` and `response`).
    Status(u16),
    /// The batch is given to the function a second time after it succeeded (point `batch`).
    Duplicate,
}

/// The script with its counts.
#[derive(Debug, Default)]
pub(crate) struct TroubleMaker {
    rules: Vec<Rule>,
    passed: Mutex<HashMap<Point, u64>>,
}

impl TroubleMaker {
    pub(crate) fn new(trouble: Trouble) -> Self {
        Self { rules: trouble.rules, passed: Mutex::default() }
    }

    /// Counts a passing of `point` and returns what is to happen now.
    pub(crate) fn pass(&self, point: Point) -> Vec<Action> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let count = passed.entry(point).or_default();
        *count += 1;
        self.rules
            .iter()
            .filter(|rule| rule.at == point && rule.nth.is_none_or(|nth| nth == *count))
            .map(|rule| rule.action.clone())
            .collect()
    }

    /// As [`pass`](Self::pass), with the delays already waited for.
    pub(crate) async fn pass_and_wait(&self, point: Point) -> Vec<Action> {
        let mut actions = self.pass(point);
        for action in &actions {
            if let Action::DelayMs(milliseconds) = action {
                tokio::time::sleep(Duration::from_millis(*milliseconds)).await;
            }
        }
        actions.retain(|action| !matches!(action, Action::DelayMs(_)));
        actions
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_rule_strikes_at_its_passing() {
        let trouble: Trouble = serde_json::from_str(
            r#"[{"at": "next", "nth": 2, "do": "kill"}, {"at": "next", "do": {"delay_ms": 5}}]"#,
        )
        .unwrap();
        let maker = TroubleMaker::new(trouble);
        assert_eq!(maker.pass(Point::Next), [Action::DelayMs(5)]);
        assert_eq!(maker.pass(Point::Next), [Action::Kill, Action::DelayMs(5)]);
        assert_eq!(maker.pass(Point::Thaw), []);
    }

    #[test]
    fn an_unknown_word_is_refused() {
        let result = serde_json::from_str::<Trouble>(r#"[{"at": "lunch", "do": "kill"}]"#);
        assert!(result.unwrap_err().to_string().contains("lunch"));
    }
}
