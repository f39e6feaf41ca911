//! A version on trial in this execution environment: how it does beside those that serve, and whether that
//! ends its trial here.
//!
//! Its share follows from the signed plan and the clock (`model_store::Canary`). An environment can
//! only take it back: from its own figures, for itself, and until the plan changes. Nothing is written
//! anywhere but the log and an event; who may sign makes it hold for all.

mod figures;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use model_package::Digest;
use model_store::Canary;
use predictor_host::Outcome;

pub(crate) use figures::Verdict;
use figures::{Figures, Role};

use crate::model::Served;

/// A version on trial.
pub(crate) struct Trial {
    pub(crate) model: Arc<Served>,
    plan: Canary,
    /// The packages that it is compared with.
    incumbents: Vec<Digest>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    figures: Figures,
    /// The step that was told last.
    told: Option<usize>,
    over: bool,
}

impl Trial {
    pub(crate) fn new(plan: Canary, model: Arc<Served>, incumbents: Vec<Digest>) -> Self {
        Self { model, plan, incumbents, state: Mutex::default() }
    }

    /// Whether it is of this plan and against these packages: then it goes on, with its figures, under
    /// another alias document, too.
    pub(crate) fn is_of(&self, plan: &Canary, incumbents: &[Digest]) -> bool {
        self.plan == *plan && self.incumbents == incumbents
    }

    /// Whether it was ended here.
    pub(crate) fn is_over(&self) -> bool {
        self.state().over
    }

    /// Whether the request with this key is answered by the version on trial.
    pub(crate) fn gets(&self, key: &[u8], now: SystemTime) -> bool {
        !self.is_over() && self.plan.gets(key, now)
    }

    /// Takes in what a call of a version gave, and how long it took.
    pub(crate) fn saw<'a>(
        &self,
        package: &Digest,
        outcomes: impl ExactSizeIterator<Item = &'a Outcome>,
        took: Duration,
    ) {
        let role = match package {
            package if *package == self.plan.challenger.package => Role::Challenger,
            package if self.incumbents.contains(package) => Role::Incumbent,
            // One that an invoke has kept from before.
            _ => return,
        };
        let mut state = self.state();
        if !state.over {
            state.figures.add(role, outcomes, took);
        }
    }

    /// Compares, and ends the trial where a limit is passed: said once.
    pub(crate) fn judge(&self) -> Option<Verdict> {
        let mut state = self.state();
        if state.over {
            return None;
        }
        let verdict = state.figures.judged(&self.plan.limits)?;
        state.over = true;
        Some(verdict)
    }

    /// The step that has begun since this was asked last, and its share in thousandths.
    pub(crate) fn stepped(&self, now: SystemTime) -> Option<(usize, u16)> {
        let mut state = self.state();
        let step = self.plan.step(now);
        if state.over || step == state.told {
            return None;
        }
        state.told = step;
        Some((step?, self.plan.permille(now)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held left it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
