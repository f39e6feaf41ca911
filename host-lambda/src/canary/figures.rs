//! What is known of a version on trial and of those that serve, and when the one is worse.
//!
//! Of each, the latest decisions count. Times are those of calls with one instance: what an instance takes
//! in a batch depends on how many there are, and a small share gets small batches.

use std::collections::VecDeque;
use std::time::Duration;

use model_store::{CanaryLimits, LATEST_DECISIONS};
use predictor_host::Outcome;
use serde::Serialize;

/// Whose decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Incumbent,
    Challenger,
}

/// The figures of both.
#[derive(Debug, Default)]
pub(super) struct Figures {
    incumbent: Latest,
    challenger: Latest,
}

#[derive(Debug, Default)]
struct Latest {
    /// Whether there was an error, decision by decision.
    errors: Ring<bool>,
    scores: Ring<f32>,
    /// In milliseconds.
    times: Ring<f64>,
}

/// The figures of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) decisions: usize,
    pub(crate) error_rate: f64,
    pub(crate) latency_p95_ms: Option<f64>,
    pub(crate) mean_score: Option<f64>,
}

/// Why a trial ended: which limit, what was found instead, and the figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) limit: &'static str,
    pub(crate) allowed: f64,
    pub(crate) found: f64,
    pub(crate) incumbent: Summary,
    pub(crate) challenger: Summary,
}

impl Figures {
    pub(super) fn add<'a>(
        &mut self,
        role: Role,
        outcomes: impl ExactSizeIterator<Item = &'a Outcome>,
        took: Duration,
    ) {
        let latest = match role {
            Role::Incumbent => &mut self.incumbent,
            Role::Challenger => &mut self.challenger,
        };
        let alone = outcomes.len() == 1;
        for outcome in outcomes {
            latest.errors.add(outcome.is_err());
            let Ok(prediction) = outcome else { continue };
            if let Some(score) = prediction.score.filter(|score| score.is_finite()) {
                latest.scores.add(score);
            }
            if alone {
                latest.times.add(took.as_secs_f64() * 1000.0);
            }
        }
    }

    /// The first limit that is passed. Nothing is compared of which there are not yet decisions enough
    /// on both sides.
    pub(super) fn judged(&self, limits: &CanaryLimits) -> Option<Verdict> {
        let least = usize::from(limits.decisions);
        let Self { incumbent, challenger } = self;
        let passed =
            |limit: &'static str, allowed: Option<f64>, found: &dyn Fn() -> Option<f64>| {
                let allowed = allowed?;
                let found = found()?;
                let verdict = || Verdict {
                    limit,
                    allowed,
                    found,
                    incumbent: incumbent.summary(),
                    challenger: challenger.summary(),
                };
                (found > allowed).then(verdict)
            };
        let both = |figure: fn(&Latest) -> Option<f64>, many: fn(&Latest) -> usize| {
            let enough = many(incumbent) >= least && many(challenger) >= least;
            enough.then(|| figure(incumbent).zip(figure(challenger))).flatten()
        };
        let errors = || {
            let (theirs, its) = both(|it| Some(it.error_rate()), |it| it.errors.len())?;
            Some(its - theirs)
        };
        let latency = || {
            let (theirs, its) = both(Latest::p95, |it| it.times.len())?;
            (theirs > 0.0).then_some(its / theirs)
        };
        let shift = || {
            let (theirs, its) = both(Latest::mean_score, |it| it.scores.len())?;
            Some((its - theirs).abs())
        };
        passed("error_rate", limits.error_rate, &errors)
            .or_else(|| passed("latency_ratio", limits.latency_ratio, &latency))
            .or_else(|| passed("score_shift", limits.score_shift, &shift))
    }
}

impl Latest {
    fn summary(&self) -> Summary {
        Summary {
            decisions: self.errors.len(),
            error_rate: self.error_rate(),
            latency_p95_ms: self.p95(),
            mean_score: self.mean_score(),
        }
    }

    fn error_rate(&self) -> f64 {
        let errors = self.errors.iter().filter(|error| **error).count();
        errors as f64 / self.errors.len().max(1) as f64
    }

    fn mean_score(&self) -> Option<f64> {
        let sum: f64 = self.scores.iter().map(|score| f64::from(*score)).sum();
        (self.scores.len() > 0).then(|| sum / self.scores.len() as f64)
    }

    /// The time that 95 of 100 calls do not exceed (nearest rank).
    fn p95(&self) -> Option<f64> {
        let mut times: Vec<f64> = self.times.iter().copied().collect();
        times.sort_unstable_by(f64::total_cmp);
        let rank = (times.len() * 95).div_ceil(100);
        times.get(rank.checked_sub(1)?).copied()
    }
}

/// The latest of many.
#[derive(Debug)]
struct Ring<T>(VecDeque<T>);

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Ring<T> {
    fn add(&mut self, value: T) {
        if self.0.len() >= LATEST_DECISIONS {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use predictor_host::{Class, Prediction};

    use super::*;
    use crate::failure::refused;

    const LIMITS: CanaryLimits = CanaryLimits {
        decisions: 100,
        error_rate: Some(0.02),
        latency_ratio: Some(1.5),
        score_shift: Some(0.1),
    };

    fn scored(score: f32) -> Outcome {
        Ok(Prediction {
            json: "{}".into(),
            label: None,
            score: Some(score),
            action: None,
            outputs: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// Figures of so many decisions, of which some are errors, with a time and a score.
    fn add(figures: &mut Figures, role: Role, all: usize, errors: usize, ms: u64, score: f32) {
        for index in 0..all {
            let outcome = match index < errors {
                true => Err(refused(Class::InferenceFailed, "failed", "")),
                false => scored(score),
            };
            figures.add(role, [outcome].iter(), Duration::from_millis(ms));
        }
    }

    #[track_caller]
    fn check(
        incumbent: (usize, usize, u64, f32),
        challenger: (usize, usize, u64, f32),
        expected: Option<&str>,
    ) {
        let mut figures = Figures::default();
        for (role, (all, errors, ms, score)) in
            [(Role::Incumbent, incumbent), (Role::Challenger, challenger)]
        {
            add(&mut figures, role, all, errors, ms, score);
        }
        let verdict = figures.judged(&LIMITS);
        assert_eq!(verdict.map(|verdict| verdict.limit), expected, "{verdict:?}");
    }

    #[test]
    fn each_limit_ends_a_trial_when_it_is_passed() {
        check((1000, 10, 10, 0.5), (100, 1, 10, 0.5), None);
        check((1000, 0, 10, 0.5), (100, 2, 10, 0.5), None);
        check((1000, 0, 10, 0.5), (150, 4, 10, 0.5), Some("error_rate"));
        // The same share of errors as the others have.
        check((1000, 300, 10, 0.5), (200, 60, 10, 0.5), None);
        check((1000, 0, 10, 0.5), (100, 0, 15, 0.5), None);
        check((1000, 0, 10, 0.5), (100, 0, 16, 0.5), Some("latency_ratio"));
        check((1000, 0, 10, 0.5), (100, 0, 10, 0.59), None);
        check((1000, 0, 10, 0.5), (100, 0, 10, 0.61), Some("score_shift"));
        check((1000, 0, 10, 0.5), (100, 0, 10, 0.39), Some("score_shift"));
    }

    #[test]
    fn nothing_is_judged_on_few_decisions() {
        check((99, 0, 10, 0.5), (1000, 1000, 90, 0.9), None);
        check((1000, 0, 10, 0.5), (99, 99, 90, 0.9), None);
        check((1000, 0, 10, 0.5), (100, 100, 90, 0.9), Some("error_rate"));
        check((0, 0, 0, 0.0), (1000, 1000, 90, 0.9), None);
    }

    #[test]
    fn times_are_of_calls_with_one_instance() {
        let mut figures = Figures::default();
        add(&mut figures, Role::Incumbent, 200, 0, 10, 0.5);
        let batch: Vec<_> = (0..200).map(|_| scored(0.5)).collect();
        figures.add(Role::Challenger, batch.iter(), Duration::from_secs(60));
        assert_eq!(figures.judged(&LIMITS), None);
        assert_eq!(figures.challenger.summary().latency_p95_ms, None);
        assert_eq!(figures.challenger.summary().decisions, 200);
    }

    #[test]
    fn the_latest_count_and_the_rest_is_forgotten() {
        let mut figures = Figures::default();
        add(&mut figures, Role::Challenger, 5000, 5000, 10, 0.5);
        add(&mut figures, Role::Challenger, 2000, 0, 10, 0.5);
        add(&mut figures, Role::Incumbent, 2000, 0, 10, 0.5);
        assert_eq!(figures.judged(&LIMITS), None);
        let summary = figures.challenger.summary();
        assert_eq!((summary.decisions, summary.error_rate), (2000, 0.0));
    }

    #[test]
    fn the_percentile_is_one_of_the_times() {
        let mut figures = Figures::default();
        let check = |figures: &Figures, expected: f64| {
            assert_eq!(figures.challenger.p95().unwrap(), expected);
        };
        add(&mut figures, Role::Challenger, 1, 0, 7, 0.5);
        check(&figures, 7.0);
        add(&mut figures, Role::Challenger, 18, 0, 8, 0.5);
        check(&figures, 8.0);
        add(&mut figures, Role::Challenger, 1, 0, 90, 0.5);
        check(&figures, 8.0);
        add(&mut figures, Role::Challenger, 1, 0, 90, 0.5);
        check(&figures, 90.0);
    }
}
