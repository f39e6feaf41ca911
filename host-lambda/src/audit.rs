//! Writes the audit records of this process: one for each decision, in one chain.

#[cfg(feature = "aws")]
mod copies;
mod place;

use std::borrow::Cow;

use decision_audit::{Chain, Decision};
use model_package::hex;
use predictor_host::{Instance, Outcome, recorded};

use crate::clock;
use crate::config::Audit;
use crate::event::Source;
use crate::failure::Failure;
use crate::model::Served;
use crate::work::Lines;
#[cfg(feature = "aws")]
pub(crate) use copies::Copies;
pub(crate) use place::CopyPlace;

/// Whose decisions they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose<'a> {
    pub(crate) source: Source,
    pub(crate) request: &'a str,
    pub(crate) record: Option<&'a str>,
    pub(crate) principal: Option<&'a str>,
    pub(crate) trace: Option<&'a str>,
}

/// An instance, and what came of it.
pub(crate) struct Decided<'a> {
    pub(crate) served: &'a Served,
    pub(crate) whose: Whose<'a>,
    /// Its place among the instances of its request or record.
    pub(crate) index: usize,
    pub(crate) instance: &'a Instance,
    pub(crate) outcome: &'a Outcome,
}

/// The chain of this process, and what its records have.
#[derive(Debug)]
pub(crate) struct AuditLog {
    wanted: Audit,
    /// Begun with the first decision: an environment that is a copy of another one after init has a chain of its own.
    chain: Option<Chain>,
}

impl AuditLog {
    pub(crate) fn new(wanted: Audit) -> Self {
        Self { wanted, chain: None }
    }

    /// Writes the line of each decision; `sealed` sees it and the chain that ends with it.
    ///
    /// # Errors
    /// If the system gives no random numbers, or a line can't be written.
    pub(crate) fn lines<'a>(
        &mut self,
        decided: impl Iterator<Item = Decided<'a>>,
        lines: &mut Lines,
        sealed: impl Fn(&Chain, &[u8]),
    ) -> Result<(), Failure> {
        if self.wanted == Audit::Off {
            return Ok(());
        }
        let chain = match &mut self.chain {
            Some(chain) => chain,
            none => none.insert(begun()?),
        };
        let time = clock::now();
        for Decided { served, whose, index, instance, outcome } in decided {
            let shown = self.wanted == Audit::Inputs;
            let decision = Decision {
                time: time.as_str().into(),
                source: whose.source.name().into(),
                request: whose.request.into(),
                record: whose.record.map(Cow::from),
                index: index as u64,
                principal: whose.principal.map(Cow::from),
                trace: whose.trace.map(Cow::from),
                model: Cow::Borrowed(&served.named),
                input: shown.then(|| served.privacy.shown(instance)).flatten(),
                input_hash: served.privacy.hash(instance),
                outcome: recorded(outcome),
            };
            lines.write(|lines| {
                let begin = lines.len();
                chain.seal(&decision, lines)?;
                sealed(chain, lines.get(begin..).unwrap_or_default());
                Ok::<_, serde_json::Error>(())
            })?;
        }
        Ok(())
    }
}

/// A chain that no other process has.
fn begun() -> Result<Chain, Failure> {
    let mut id = [0; 16];
    let filled = getrandom::fill(&mut id);
    filled.map_err(|error| Failure::Audit(format!("no random numbers: {error}")))?;
    Ok(Chain::new(hex(id)))
}
