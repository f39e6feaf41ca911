//! How long a service that failed is left in peace: for a second, then two, up to a minute.

use std::time::{Duration, Instant};

/// After the first failure; it doubles with each that follows.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Whether a service is left in peace.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    failures: u32,
    until: Option<Instant>,
}

impl Pause {
    /// Whether nothing is sent now.
    pub(crate) fn holds(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// The service failed.
    pub(crate) fn begin(&mut self) {
        let pause = FIRST * 2_u32.pow(self.failures.min(6));
        self.failures += 1;
        self.until = Some(Instant::now() + pause.min(LONGEST));
    }

    /// The service answered.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_longer_after_each_failure_and_over_with_an_answer() {
        let mut pause = Pause::default();
        assert!(!pause.holds());
        let mut left = Vec::new();
        for _ in 0..8 {
            pause.begin();
            let until = pause.until.unwrap_or_else(Instant::now);
            left.push(until.saturating_duration_since(Instant::now()).as_secs_f64().round());
        }
        assert_eq!(left, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
        assert!(pause.holds());
        pause.end();
        assert!(!pause.holds());
    }
}
