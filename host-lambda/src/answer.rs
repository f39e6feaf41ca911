//! From an event to an answer.
//!
//! An instance that can't be predicted fails the invoke, with its class as the error type. In an
//! array it has its error at its place, and the invoke succeeds.

use lambda_runtime::Diagnostic;
use predictor_host::{HostError, Predictor, Provenance, Request};
use serde_json::value::RawValue;

/// Answers a direct invoke.
pub(crate) fn invoke(
    predictor: &Predictor,
    provenance: &Provenance,
    event: &str,
) -> Result<Box<RawValue>, Failure> {
    let request = Request::parse(event)?;
    let mut outcomes = predictor.predict_each(request.instances());
    if !request.is_array()
        && let Some(Err(error)) = outcomes.pop_if(|outcome| outcome.is_err())
    {
        return Err(error.into());
    }
    let texts = provenance.texts(&outcomes).join(",");
    let text = if request.is_array() { format!("[{texts}]") } else { texts };
    RawValue::from_string(text).map_err(Failure::Answer)
}

/// Why an invoke failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The host or the component said so.
    Host(HostError),
    /// The component's answer is not JSON.
    Answer(serde_json::Error),
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        let (error_type, error_message) = match failure {
            Failure::Host(error) => (error.class().name(), error.to_string()),
            Failure::Answer(error) => ("internal", format!("the answer is not JSON: {error}")),
        };
        Self { error_type: error_type.into(), error_message }
    }
}
