//! Writes the audit records of this process: one for each decision, in one chain.

#[cfg(feature = "aws")]
mod copies;
mod place;

use std::borrow::Cow;

use decision_audit::{Chain, Decision, Fault, Outcome as Recorded, Predicted};
use model_package::{Digest, Expected, hex};
use predictor_host::{HostError, Instance, Outcome, Prediction, reference};

use crate::clock;
use crate::config::Audit;
use crate::event::Source;
use crate::failure::Failure;
use crate::model::Served;
use crate::work::Lines;
#[cfg(feature = "aws")]
pub(crate) use copies::Copies;
pub(crate) use place::CopyPlace;

/// Outputs with more hexadecimal digits are recorded by their digest: log services cut long lines.
const OUTPUT_DIGITS: usize = 1 << 10;

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
    chain: Chain,
}

impl AuditLog {
    /// Begins a chain.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(crate) fn new(wanted: Audit) -> Result<Self, String> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| format!("no random numbers: {error}"))?;
        Ok(Self { wanted, chain: Chain::new(hex(id)) })
    }

    /// Writes the line of each decision; `sealed` sees it and the chain that ends with it.
    pub(crate) fn lines<'a>(
        &mut self,
        decided: impl Iterator<Item = Decided<'a>>,
        lines: &mut Lines,
        sealed: impl Fn(&Chain, &[u8]),
    ) -> Result<(), Failure> {
        if self.wanted == Audit::Off {
            return Ok(());
        }
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
                outcome: match outcome {
                    Ok(prediction) => Recorded::Prediction(predicted(prediction)),
                    Err(error) => Recorded::Error(fault(error)),
                },
            };
            lines.write(|lines| {
                let begin = lines.len();
                self.chain.seal(&decision, lines)?;
                sealed(&self.chain, lines.get(begin..).unwrap_or_default());
                Ok::<_, serde_json::Error>(())
            })?;
        }
        Ok(())
    }
}

fn predicted(prediction: &Prediction) -> Predicted<'_> {
    let outputs = reference::outputs(prediction).map(|(name, bits)| {
        let long = bits.len() > OUTPUT_DIGITS;
        (name.into(), if long { Digest::of(bits.as_bytes()).to_string() } else { bits })
    });
    Predicted {
        label: prediction.label.as_deref().map(Cow::from),
        score: prediction.score.map(Expected::score_bits),
        action: prediction.action.as_deref().map(Cow::from),
        outputs: outputs.collect(),
    }
}

fn fault(error: &HostError) -> Fault<'_> {
    Fault {
        class: error.class().name().into(),
        code: error.code().into(),
        field: error.field().map(Cow::from),
    }
}
