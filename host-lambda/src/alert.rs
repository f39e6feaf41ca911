//! Alerts: an event on a bus of EventBridge when one execution environment sees much of what someone
//! should look at: the most severe action, inputs outside the training ranges, errors. At most one a
//! minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use aws_call::{AwsError, Client, Patience};

/// How long counts are gathered, and how far alerts are apart.
const WINDOW: Duration = Duration::from_secs(60);

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Predictions with the most severe action.
    pub(crate) severe: usize,
    /// Predictions on inputs outside the training ranges.
    pub(crate) out_of_range: usize,
    /// Instances and records without a prediction.
    pub(crate) errors: usize,
}

impl Counts {
    /// Adds others.
    pub(crate) fn add(&mut self, more: Self) {
        self.severe += more.severe;
        self.out_of_range += more.out_of_range;
        self.errors += more.errors;
    }
}

/// Who raises alerts, and when.
#[derive(Debug)]
pub(crate) struct Alerts {
    bus: String,
    /// How many of a kind within a window are many.
    after: usize,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    counts: Counts,
    raised: bool,
}

impl Alerts {
    pub(crate) fn new(bus: String, after: usize) -> Self {
        let window = Window { began: Instant::now(), counts: Counts::default(), raised: false };
        Self { bus, after, window: Mutex::new(window) }
    }

    /// The bus that they go to.
    pub(crate) fn bus(&self) -> &str {
        &self.bus
    }

    /// Adds what an invoke counted; says so when it is time for an alert.
    pub(crate) fn add(&self, counts: Counts, now: Instant) -> Option<Counts> {
        // A panic while it was held left it whole.
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(window.began) > WINDOW {
            *window = Window { began: now, counts: Counts::default(), raised: false };
        }
        let all = &mut window.counts;
        all.add(counts);
        let many = [all.severe, all.out_of_range, all.errors].iter().any(|it| *it >= self.after);
        let raise = many && !window.raised;
        window.raised |= raise;
        raise.then_some(window.counts)
    }

    /// Sends an alert; `severe` is the action that was counted.
    pub(crate) async fn send(
        &self,
        client: &Client,
        severe: Option<&str>,
        counts: Counts,
        about: Value,
        traceparent: Option<&str>,
        patience: Patience,
    ) -> Result<(), AwsError> {
        let detail = json!({
            "schema_version": "1",
            "about": about,
            "window_seconds": WINDOW.as_secs(),
            "action": severe,
            "with_action": counts.severe,
            "out_of_training_range": counts.out_of_range,
            "errors": counts.errors,
            "traceparent": traceparent,
        });
        client.put_event(&self.bus, "samebits", "Prediction Alert", &detail, patience).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alert_a_window_when_there_is_much() {
        let alerts = Alerts::new("default".into(), 3);
        let began = Instant::now();
        let counts =
            |[severe, out_of_range, errors]: [usize; 3]| Counts { severe, out_of_range, errors };
        let check = |seconds: u64, added: [usize; 3], expected: Option<[usize; 3]>| {
            let found = alerts.add(counts(added), began + Duration::from_secs(seconds));
            assert_eq!(found, expected.map(counts), "after {seconds} s");
        };
        check(0, [2, 2, 2], None);
        check(1, [0, 0, 1], Some([2, 2, 3]));
        // Much more in the same window is one alert.
        check(30, [50, 50, 50], None);
        // The next window begins with nothing.
        check(70, [0, 2, 0], None);
        check(80, [0, 1, 0], Some([0, 3, 0]));
        check(200, [3, 0, 0], Some([3, 0, 0]));
    }
}
