//! Sandboxes of one model: made as needed, reused or not.
//!
//! A sandbox that stopped (a trap, its limit of memory, a deadline) is in an unknown state and never
//! comes back here, so the call after it is answered as if nothing had happened.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};

use crate::HostError;
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

/// The sandboxes that wait for a call.
pub(crate) struct Pool {
    policy: Policy,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    sandbox: Sandbox,
    /// How many calls it has answered.
    calls: u64,
}

impl Pool {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, idle: Mutex::new(Vec::new()) }
    }

    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// Hands over a sandbox that has answered nothing yet.
    pub(crate) fn add(&self, sandbox: Sandbox) {
        self.put(Idle { sandbox, calls: 0 });
    }

    /// Makes one call, in a waiting sandbox or a new one.
    pub(crate) fn call<T>(
        &self,
        make: impl FnOnce() -> Result<Sandbox, HostError>,
        run: impl FnOnce(&mut Sandbox) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let mut used = match self.take() {
            Some(idle) => idle,
            None => Idle { sandbox: make()?, calls: 0 },
        };
        let answer = run(&mut used.sandbox);
        used.calls += 1;
        let stopped = answer.as_ref().is_err_and(HostError::stopped_the_sandbox);
        let again = match self.policy {
            Policy::Fresh => false,
            Policy::Reuse { calls } => calls.is_none_or(|calls| used.calls < calls.get()),
        };
        if again && !stopped {
            self.put(used);
        }
        answer
    }

    fn take(&self) -> Option<Idle> {
        // A panic while the list was held left it whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, idle: Idle) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(idle);
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
