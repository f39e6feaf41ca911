//! What can go wrong in a call, in the shape that crosses every border.

use model_package::{Ensemble, PackageError};

/// Whose fault it is; decides the HTTP status, the exit code and whether a retry makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller's input is wrong.
    InvalidInput,
    /// The kind of instance does not fit the task.
    UnsupportedInput,
    /// The input is larger than the limits allow.
    TooLarge,
    /// The package is wrong.
    InvalidModel,
    /// The graph uses something that this core does not have.
    UnsupportedModel,
    /// The model failed on an input that passed every check.
    InferenceFailed,
}

/// What went wrong and with which part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Whose fault it is.
    pub kind: ErrorKind,
    /// A stable code in kebab case.
    pub code: &'static str,
    /// What happened, what was found and what is accepted; no full stop.
    pub message: String,
    /// The package file at fault.
    pub file: Option<String>,
    /// The field or tensor at fault.
    pub field: Option<String>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), file: None, field: None }
    }

    /// An error of the caller's input.
    pub(crate) fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, code, message)
    }

    /// An error of the package.
    pub(crate) fn model(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidModel, code, message)
    }

    pub(crate) fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// The same, of a member of an ensemble.
    pub(crate) fn of_member(mut self, name: &str) -> Self {
        self.message = format!("the member {name}: {}", self.message);
        self.file = self.file.map(|file| format!("{}{file}", Ensemble::folder(name)));
        self
    }

    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

/// A value of the caller's that an operator does not accept, on its way out through tract.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unaccepted(pub(crate) String);

/// What an operator would take, where no memory holds it, on its way out through tract.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TooLarge(pub(crate) String);

impl From<PackageError> for Error {
    fn from(error: PackageError) -> Self {
        Self {
            kind: ErrorKind::InvalidModel,
            code: error.code(),
            message: error.to_string(),
            file: error.file().map(Into::into),
            field: error.field().map(Into::into),
        }
    }
}

/// The first characters of a text, for messages: what outsiders send may be huge.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start:?}… ({} bytes)", text.len())
}
