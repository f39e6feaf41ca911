//! Writes the audit records of this process: one for each decision, in one chain.

use std::sync::mpsc;

use decision_audit::{Chain, Decision, Fault, Outcome as Recorded, Predicted, Written};
use model_package::{Digest, Expected, hex};
use predictor_host::{HostError, Instance, Outcome, Prediction, reference};

use crate::clock;
use crate::config::Audit;
use crate::event::Source;
use crate::failure::Failure;
use crate::model::Served;

/// Outputs with more hexadecimal digits are recorded by their digest: log services cut long lines.
const OUTPUT_DIGITS: usize = 1 << 10;

/// As many records as are written before they are sealed.
const PIECE: usize = 64;

/// How many pieces the writing thread is ahead: few enough to stay in its caches.
const AHEAD: usize = 2;

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
#[derive(Clone, Copy)]
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
    is_parallel: bool,
    chain: Chain,
}

impl AuditLog {
    /// Begins a chain. Two threads may write it, if there are as many.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(crate) fn new(wanted: Audit, threads: usize) -> Result<Self, String> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| format!("no random numbers: {error}"))?;
        Ok(Self { wanted, is_parallel: threads > 1, chain: Chain::new(hex(id)) })
    }

    /// Hands over the line of each decision. Where they are many, a second thread is a piece ahead: it
    /// writes records, and this one seals them, one after the other.
    pub(crate) fn lines(
        &mut self,
        decided: &[Decided<'_>],
        mut take: impl FnMut(String) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.wanted == Audit::Off {
            return Ok(());
        }
        let (time, wanted) = (clock::now(), self.wanted);
        let write = |piece: &[Decided<'_>]| -> Vec<_> {
            piece.iter().map(|decided| decided.written(&time, wanted)).collect()
        };
        let mut seal = |written: Vec<Result<Written, serde_json::Error>>| {
            written.into_iter().try_for_each(|written| {
                let line = written.and_then(|written| self.chain.seal(&written));
                take(line.map_err(|error| Failure::Audit(error.to_string()))?)
            })
        };
        let mut pieces = decided.chunks(PIECE);
        if !self.is_parallel || pieces.len() < 2 {
            return pieces.try_for_each(|piece| seal(write(piece)));
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(AHEAD);
            // Whoever has failed listens no more.
            scope.spawn(move || pieces.try_for_each(|piece| sender.send(write(piece))));
            receiver.into_iter().try_for_each(seal)
        })
    }
}

impl Decided<'_> {
    fn written(&self, time: &str, wanted: Audit) -> Result<Written, serde_json::Error> {
        let Self { served, whose, index, instance, outcome } = self;
        let shown = wanted == Audit::Inputs;
        let decision = Decision {
            time: time.to_owned(),
            source: whose.source.name().into(),
            request: whose.request.into(),
            record: whose.record.map(str::to_owned),
            index: *index as u64,
            principal: whose.principal.map(str::to_owned),
            trace: whose.trace.map(str::to_owned),
            model: served.named.clone(),
            input: shown.then(|| served.privacy.shown(instance)).flatten(),
            input_hash: served.privacy.hash(instance),
            outcome: match outcome {
                Ok(prediction) => Recorded::Prediction(predicted(prediction)),
                Err(error) => Recorded::Error(fault(error)),
            },
        };
        decision.written()
    }
}

fn predicted(prediction: &Prediction) -> Predicted {
    let outputs = reference::outputs(prediction).map(|(name, bits)| {
        let long = bits.len() > OUTPUT_DIGITS;
        (name, if long { Digest::of(bits.as_bytes()).to_string() } else { bits })
    });
    Predicted {
        label: prediction.label.clone(),
        score: prediction.score.map(Expected::score_bits),
        action: prediction.action.clone(),
        outputs: outputs.collect(),
    }
}

fn fault(error: &HostError) -> Fault {
    Fault {
        class: error.class().name().into(),
        code: error.code().into(),
        field: error.field().map(str::to_owned),
    }
}
