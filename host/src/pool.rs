//! Sandboxes of one model: reused or not, made as needed or ahead of it.
//!
//! A sandbox that stopped (a trap, its limit of memory, a deadline) is in an unknown state and never
//! comes back here, so the call after it is answered as if nothing had happened.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::HostError;
use crate::ahead::Ahead;
use crate::sandbox::Sandbox;

/// How many calls a sandbox answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// One: nothing of a request is there when the next one comes. What a model costs that is
    /// loaded, not baked, it costs for every call.
    Fresh,
    /// Many: until it stops, or has answered this many calls.
    Reuse {
        /// `None`: as many as there are.
        calls: Option<NonZeroU64>,
    },
}

impl Policy {
    /// One sandbox for as many calls as there are.
    pub const REUSE: Self = Self::Reuse { calls: None };
}

impl std::str::FromStr for Policy {
    type Err = String;

    /// Reads `fresh`, `reuse`, or `reuse:N` for at most `N` calls.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "fresh" => Ok(Self::Fresh),
            None if text == "reuse" => Ok(Self::REUSE),
            Some(("reuse", calls)) if calls.parse::<NonZeroU64>().is_ok() => {
                Ok(Self::Reuse { calls: calls.parse().ok() })
            }
            _ => Err(format!("expected fresh, reuse or reuse:N, found {text:?}")),
        }
    }
}

/// Makes a sandbox that has answered nothing yet.
pub(crate) type Make = dyn Fn() -> Result<Sandbox, HostError> + Send + Sync;

/// The sandboxes of a model.
pub(crate) struct Pool {
    policy: Policy,
    waiting: Arc<Waiting>,
    /// Where sandboxes are cheap: who takes them down and makes them.
    ahead: Option<Ahead>,
}

/// The sandboxes that wait for a call.
struct Waiting {
    make: Box<Make>,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    sandbox: Sandbox,
    /// How many calls it has answered.
    calls: u64,
}

/// Whether there is a sandbox before there is a call for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Making {
    /// One waits, as a rule.
    Ahead,
    /// Each is made when it is needed.
    AsNeeded,
}

impl Pool {
    /// Sandboxes for calls. The first has answered nothing yet.
    pub(crate) fn new(policy: Policy, making: Making, make: Box<Make>, first: Sandbox) -> Self {
        let idle = Mutex::new(vec![Idle { sandbox: first, calls: 0 }]);
        let waiting = Arc::new(Waiting { make, idle });
        let next = Arc::clone(&waiting);
        let ahead = (making == Making::Ahead).then(|| Ahead::new(Arc::new(move || next.fill())));
        Self { policy, waiting, ahead }
    }

    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// Makes sandboxes for this many calls at the same time, where they are cheap. wasmtime keeps memory that
    /// was used in lists by the thread that asks for some: one that has just begun would get memory that was
    /// never used, page by page.
    pub(crate) fn prepare(&self, calls: usize) {
        while self.ahead.is_some() && self.waiting.idle().len() < calls {
            // The call that misses one gets the error.
            let Ok(next) = self.waiting.make() else { return };
            self.waiting.put(next);
        }
    }

    /// Makes one call, in a waiting sandbox or a new one.
    pub(crate) fn call<T>(
        &self,
        run: impl FnOnce(&mut Sandbox) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let waiting = self.waiting.take();
        let mut used = waiting.map_or_else(|| self.waiting.make(), Ok)?;
        let answer = run(&mut used.sandbox);
        used.calls += 1;
        let stopped = answer.as_ref().is_err_and(HostError::stopped_the_sandbox);
        let again = match self.policy {
            Policy::Fresh => false,
            Policy::Reuse { calls } => calls.is_none_or(|calls| used.calls < calls.get()),
        };
        if again && !stopped {
            self.waiting.put(used);
        } else if let Some(ahead) = &self.ahead {
            ahead.leave(used.sandbox);
        }
        answer
    }
}

impl Waiting {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // A panic while the list was held left it whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Idle> {
        self.idle().pop()
    }

    fn put(&self, idle: Idle) {
        self.idle().push(idle);
    }

    fn make(&self) -> Result<Idle, HostError> {
        Ok(Idle { sandbox: (self.make)()?, calls: 0 })
    }

    /// Sees to it that one is waiting.
    fn fill(&self) {
        if self.idle().is_empty()
            // One that can't be made is asked for again by the call that needs it, which gets the error.
            && let Ok(next) = self.make()
        {
            self.put(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read() {
        let check = |text: &str, expected: Option<Policy>| {
            assert_eq!(text.parse::<Policy>().ok(), expected, "{text}");
        };
        check("fresh", Some(Policy::Fresh));
        check("reuse", Some(Policy::REUSE));
        check("reuse:100", Some(Policy::Reuse { calls: NonZeroU64::new(100) }));
        for text in ["", "Fresh", "reuse:", "reuse:0", "reuse:-1", "fresh:3"] {
            check(text, None);
        }
    }
}
