//! A canary: a version that gets a share of the requests which grows with time, as long as it does not
//! do worse than those that serve.
//!
//! The plan is part of the signed alias. Which step it is at follows from the plan and the clock alone, so
//! that hosts agree without talking to each other. What is worse, and what a host does then, is the
//! host's affair: it has the figures.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::alias::{Pin, moment};
use crate::chosen;

/// All of the requests, in thousandths.
const WHOLE: u16 = 1000;
/// The most steps of a plan.
const STEPS: usize = 20;
/// The longest that a step may last: 90 days.
const LONGEST: u32 = 90 * 86_400;
/// The most decisions that a host keeps of a version, and so the most that a plan may ask for.
pub const LATEST_DECISIONS: usize = 2000;

/// A version on trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// What is on trial.
    pub challenger: Pin,
    /// When the first step begins (RFC 3339); before, it gets nothing.
    pub begins: String,
    /// Its shares, one after the other, each larger than the one before.
    pub steps: Vec<Step>,
    /// How much worse it may do.
    pub limits: CanaryLimits,
}

/// A share for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The share in thousandths of all requests.
    pub permille: u16,
    /// How long it lasts. The last step lasts until the alias changes, and says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// How much worse than the versions that serve a challenger may do. What is not set is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryLimits {
    /// A host compares nothing before it has as many decisions of the challenger, and of the others.
    pub decisions: u16,
    /// How much larger its share of errors may be: 0.01 is one of a hundred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
    /// How many times as long the 95th percentile of its time may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ratio: Option<f64>,
    /// How far its mean score may be from theirs, up or down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_shift: Option<f64>,
}

impl Canary {
    /// Which step it is at; none before it begins.
    #[must_use]
    pub fn step(&self, now: SystemTime) -> Option<usize> {
        let mut since = now.duration_since(moment(&self.begins)?).ok()?;
        for (place, step) in self.steps.iter().enumerate() {
            let Some(seconds) = step.seconds else { return Some(place) };
            let Some(rest) = since.checked_sub(Duration::from_secs(seconds.into())) else {
                return Some(place);
            };
            since = rest;
        }
        self.steps.len().checked_sub(1)
    }

    /// Its share now, in thousandths.
    #[must_use]
    pub fn permille(&self, now: SystemTime) -> u16 {
        let step = self.step(now).and_then(|place| self.steps.get(place));
        step.map_or(0, |step| step.permille.min(WHOLE))
    }

    /// Whether a key is among those that the challenger gets now: the upper end of the numbers that
    /// [`chosen`] makes of keys. All others keep the version that they have.
    #[must_use]
    pub fn gets(&self, key: &[u8], now: SystemTime) -> bool {
        let permille = u32::from(self.permille(now));
        chosen(&[u32::from(WHOLE) - permille, permille], key) == Some(1)
    }

    /// What is wrong with it, if something is.
    pub(crate) fn check(&self) -> Result<(), String> {
        if moment(&self.begins).is_none() {
            let found = &self.begins;
            return Err(format!("begins: expected a moment as RFC 3339 has it, found {found:?}"));
        }
        if self.steps.is_empty() || self.steps.len() > STEPS {
            return Err(format!("steps: expected 1 to {STEPS}, found {}", self.steps.len()));
        }
        let mut before = 0;
        for (place, step) in self.steps.iter().enumerate() {
            if step.permille <= before || step.permille > WHOLE {
                return Err(format!(
                    "steps[{place}]: expected more than {before} and at most {WHOLE} thousandths, \
                     found {}",
                    step.permille
                ));
            }
            before = step.permille;
            let last = place + 1 == self.steps.len();
            match step.seconds {
                None if last => {}
                Some(1..=LONGEST) if !last => {}
                found => {
                    return Err(format!(
                        "steps[{place}]: expected 1 to {LONGEST} seconds for every step but the \
                         last, which has none, found {found:?}"
                    ));
                }
            }
        }
        self.limits.check()
    }
}

impl CanaryLimits {
    fn check(&self) -> Result<(), String> {
        let Self { decisions, error_rate, latency_ratio, score_shift } = *self;
        if decisions == 0 || usize::from(decisions) > LATEST_DECISIONS {
            return Err(format!(
                "limits.decisions: expected 1 to {LATEST_DECISIONS}, found {decisions}"
            ));
        }
        if error_rate.or(latency_ratio).or(score_shift).is_none() {
            return Err("limits: none is set, so that nothing would end it".into());
        }
        let within = |name: &str, limit: Option<f64>, least: f64, most: f64| match limit {
            Some(limit) if !(least..=most).contains(&limit) => {
                Err(format!("limits.{name}: expected {least} to {most}, found {limit}"))
            }
            _ => Ok(()),
        };
        within("error_rate", error_rate, 0.0, 1.0)?;
        within("latency_ratio", latency_ratio, 1.0, 1000.0)?;
        within("score_shift", score_shift, 0.0, 1e9)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use model_package::Digest;

    use super::*;

    fn canary() -> Canary {
        Canary {
            challenger: Pin { package: Digest::of(b"y"), version: "1.5.0".into() },
            begins: "2026-11-01T09:00:00Z".into(),
            steps: vec![
                Step { permille: 10, seconds: Some(600) },
                Step { permille: 250, seconds: Some(3600) },
                Step { permille: 1000, seconds: None },
            ],
            limits: CanaryLimits {
                decisions: 200,
                error_rate: Some(0.01),
                latency_ratio: None,
                score_shift: None,
            },
        }
    }

    #[test]
    fn the_step_follows_from_the_clock() {
        let canary = canary();
        let begins = moment(&canary.begins).unwrap();
        let check = |seconds: i64, step: Option<usize>, permille: u16| {
            let far = Duration::from_secs(seconds.unsigned_abs());
            let now = if seconds < 0 { begins - far } else { begins + far };
            assert_eq!((canary.step(now), canary.permille(now)), (step, permille), "{seconds} s");
        };
        check(-1, None, 0);
        check(0, Some(0), 10);
        check(599, Some(0), 10);
        check(600, Some(1), 250);
        check(4199, Some(1), 250);
        check(4200, Some(2), 1000);
        check(1 << 40, Some(2), 1000);
    }

    #[test]
    fn shares_are_what_the_steps_say_and_who_is_in_stays_in() {
        const KEYS: usize = 100_000;
        let canary = canary();
        let begins = moment(&canary.begins).unwrap();
        let at = |seconds: u64| -> Vec<bool> {
            let now = begins + Duration::from_secs(seconds);
            (0..KEYS).map(|key| canary.gets(format!("customer-{key}").as_bytes(), now)).collect()
        };
        let count = |all: &[bool]| all.iter().filter(|got| **got).count();
        let (one, quarter, whole) = (at(0), at(600), at(4200));
        // Five standard deviations of a binomial distribution.
        assert!(count(&one).abs_diff(1_000) < 158, "{}", count(&one));
        assert!(count(&quarter).abs_diff(25_000) < 685, "{}", count(&quarter));
        assert_eq!(count(&whole), KEYS);
        assert!(one.iter().zip(&quarter).all(|(before, after)| !before || *after));
        let before = begins - Duration::from_secs(1);
        assert!(!canary.gets(b"customer-1", before) && !canary.gets(b"", before));
    }

    #[test]
    fn a_plan_that_makes_no_sense_is_refused() {
        assert_eq!(canary().check(), Ok(()));
        let check = |change: &dyn Fn(&mut Canary), expected: &str| {
            let mut changed = canary();
            change(&mut changed);
            let message = changed.check().unwrap_err();
            assert!(message.contains(expected), "{message}");
        };
        check(&|it| it.begins = "now".into(), "begins: expected a moment");
        check(&|it| it.steps.clear(), "steps: expected 1 to 20, found 0");
        check(&|it| it.steps[0].permille = 0, "steps[0]: expected more than 0 and");
        check(&|it| it.steps[1].permille = 10, "steps[1]: expected more than 10 and at most 1000");
        check(&|it| it.steps[2].permille = 1001, "steps[2]: expected more than 250");
        check(&|it| it.steps[0].seconds = None, "steps[0]: expected 1 to 7776000 seconds");
        check(&|it| it.steps[0].seconds = Some(0), "steps[0]: expected 1 to 7776000 seconds");
        check(&|it| it.steps[2].seconds = Some(1), "steps[2]: expected 1 to 7776000 seconds");
        check(&|it| it.limits.decisions = 0, "limits.decisions: expected 1 to 2000, found 0");
        check(&|it| it.limits.error_rate = None, "limits: none is set");
        check(&|it| it.limits.error_rate = Some(1.5), "limits.error_rate: expected 0 to 1");
        check(&|it| it.limits.latency_ratio = Some(0.5), "limits.latency_ratio: expected 1 to");
        check(&|it| it.limits.score_shift = Some(-1.0), "limits.score_shift: expected 0 to");
        check(&|it| it.limits.score_shift = Some(f64::NAN), "limits.score_shift: expected 0 to");
    }
}
