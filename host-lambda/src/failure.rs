//! Why an invoke failed, or a record did: whose fault it is, and whether trying again can help.

use lambda_runtime::Diagnostic;
use predictor_host::{Class, HostError, Problem};

/// Why an invoke failed. Each has a stable type, which Lambda shows as `errorType`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The host or the component said so.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The component's answer is not JSON.
    #[error("the answer is not JSON: {0}")]
    Answer(serde_json::Error),
    /// The event is none that is known, or not shaped as its kind is.
    #[error("{0}")]
    Event(String),
    /// The event is known, and this function can't answer it.
    #[error("{0}")]
    Unsupported(String),
    /// The request is for another model.
    #[error("this function has the model {found}, not {asked:?}")]
    UnknownModel {
        /// What was asked for.
        asked: String,
        /// What is there.
        found: String,
    },
    /// The answer is longer than Lambda carries.
    #[error(
        "the answer has {found} bytes, at most {limit} can be returned; send fewer instances in \
         one request"
    )]
    TooLong {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The decisions can't be written down, so that they must not be given out.
    #[error("the audit record can't be written: {0}")]
    Audit(String),
}

impl Failure {
    /// The stable type in kebab case.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Host(error) => error.class().name(),
            Self::Answer(_) | Self::Audit(_) => Class::Internal.name(),
            Self::Event(_) => "invalid-event",
            Self::Unsupported(_) => "unsupported-event",
            Self::UnknownModel { .. } => "unknown-model",
            Self::TooLong { .. } => "answer-too-large",
        }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.kind().into(), error_message: failure.to_string() }
    }
}

/// An input that can't be read, as the component would say it.
pub(crate) fn refused(class: Class, code: &str, message: impl Into<String>) -> HostError {
    let problem = Problem { message: message.into(), code: code.into(), file: None, field: None };
    HostError::Answer { class, problem }
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The same input gets the same error, however often it comes.
    Useless,
    /// It may be answered another time.
    Useful,
}

/// An answer depends on the input alone, so an input that is at fault, or that the model fails on,
/// is so for ever. The rest is the host's: its limits, its time, its model.
pub(crate) fn retry(class: Class) -> Retry {
    match class {
        Class::InvalidInput
        | Class::UnsupportedInput
        | Class::TooLarge
        | Class::InferenceFailed => Retry::Useless,
        Class::InvalidModel
        | Class::UnsupportedModel
        | Class::SandboxFailed
        | Class::DeadlineExceeded
        | Class::Internal => Retry::Useful,
    }
}
