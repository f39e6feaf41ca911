//! What an audit record says of an outcome: whoever writes records and whoever decides again what they
//! say has to take the same of it.

use decision_audit::{Fault, Outcome as Recorded, Predicted};
use model_package::{Digest, Expected};

use crate::{HostError, Outcome, Prediction, reference};

/// Outputs with more hexadecimal digits are recorded by their digest: log services cut long lines.
const OUTPUT_DIGITS: usize = 1 << 10;

/// An outcome by its bits, or by the stable names of its error.
#[must_use]
pub fn recorded(outcome: &Outcome) -> Recorded<'_> {
    match outcome {
        Ok(prediction) => Recorded::Prediction(predicted(prediction)),
        Err(error) => Recorded::Error(fault(error)),
    }
}

fn predicted(prediction: &Prediction) -> Predicted<'_> {
    let outputs = reference::outputs(prediction).map(|(name, bits)| {
        let long = bits.len() > OUTPUT_DIGITS;
        (name.into(), if long { Digest::of(bits.as_bytes()).to_string() } else { bits })
    });
    Predicted {
        label: prediction.label.as_deref().map(Into::into),
        score: prediction.score.map(Expected::score_bits),
        action: prediction.action.as_deref().map(Into::into),
        outputs: outputs.collect(),
    }
}

fn fault(error: &HostError) -> Fault<'_> {
    Fault {
        class: error.class().name().into(),
        code: error.code().into(),
        field: error.field().map(Into::into),
    }
}
