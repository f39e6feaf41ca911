//! What can go wrong in a host, and the one table that turns it into a status, an exit code and an
//! error type.

use std::path::PathBuf;
use std::time::Duration;

use model_package::store::StoreError;
use model_signing::TrustError;

use crate::bindings::exports::samebits::predictor::model as wit;

/// Whose fault it is. Every border maps failures by this and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The caller's input is wrong.
    InvalidInput,
    /// The kind of instance does not fit the model's task.
    UnsupportedInput,
    /// The input is larger than the limits allow.
    TooLarge,
    /// The model package is wrong, or not there.
    InvalidModel,
    /// The model uses something that the component does not have.
    UnsupportedModel,
    /// The model failed on an input that passed every check.
    InferenceFailed,
    /// The sandbox stopped: a trap, or more memory than allowed.
    SandboxFailed,
    /// It took longer than allowed.
    DeadlineExceeded,
    /// The host is at fault, or the machine.
    Internal,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::InvalidInput,
        Self::UnsupportedInput,
        Self::TooLarge,
        Self::InvalidModel,
        Self::UnsupportedModel,
        Self::InferenceFailed,
        Self::SandboxFailed,
        Self::DeadlineExceeded,
        Self::Internal,
    ];

    /// The stable name in kebab case. Lambda reports it as the error type.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::UnsupportedInput => "unsupported-input",
            Self::TooLarge => "too-large",
            Self::InvalidModel => "invalid-model",
            Self::UnsupportedModel => "unsupported-model",
            Self::InferenceFailed => "inference-failed",
            Self::SandboxFailed => "sandbox-failed",
            Self::DeadlineExceeded => "deadline-exceeded",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status (RFC 9110) where the model belongs to the server.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidInput => 400,
            Self::TooLarge => 413,
            Self::UnsupportedInput => 415,
            Self::InvalidModel
            | Self::UnsupportedModel
            | Self::InferenceFailed
            | Self::SandboxFailed
            | Self::Internal => 500,
            Self::DeadlineExceeded => 504,
        }
    }

    /// The exit code of a command: 3 for the input, 4 for the model, 5 for the rest. (1 is what a
    /// failing check gives, 2 is for usage.)
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::InvalidInput | Self::UnsupportedInput | Self::TooLarge => 3,
            Self::InvalidModel | Self::UnsupportedModel => 4,
            Self::InferenceFailed
            | Self::SandboxFailed
            | Self::DeadlineExceeded
            | Self::Internal => 5,
        }
    }
}

/// Why a host could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The component's own answer.
    #[error("{}", problem.message)]
    Answer {
        /// Whose fault it is.
        class: Class,
        /// What it says.
        problem: wit::Problem,
    },
    /// A package could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A model that the host's policy does not trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The instance trapped. It is gone; the next call gets a new one.
    #[error("the sandbox stopped: {message}")]
    Trap {
        /// What the engine says.
        message: String,
    },
    /// The instance wanted more memory than it may have. It is gone, as after a trap.
    #[error("the sandbox wanted more than its {limit} bytes of memory")]
    Memory {
        /// How much it may have.
        limit: usize,
    },
    /// A call took longer than it may. Its instance is gone, as after a trap.
    #[error("the sandbox took longer than the {limit:?} that it may")]
    Deadline {
        /// How long it may take.
        limit: Duration,
    },
    /// The engine refused its settings or the component.
    #[error("{message}")]
    Engine {
        /// What happened.
        message: String,
    },
    /// A compiled file that must not be mapped.
    #[error("{}: {message}", path.display())]
    Compiled {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl HostError {
    /// Whose fault it is.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Answer { class, .. } => *class,
            Self::Store(_) | Self::Trust(_) => Class::InvalidModel,
            Self::Trap { .. } | Self::Memory { .. } => Class::SandboxFailed,
            Self::Deadline { .. } => Class::DeadlineExceeded,
            Self::Engine { .. } | Self::Compiled { .. } | Self::Io { .. } => Class::Internal,
        }
    }

    /// Whether the sandbox that said so is gone.
    pub(crate) fn stopped_the_sandbox(&self) -> bool {
        matches!(self, Self::Trap { .. } | Self::Memory { .. } | Self::Deadline { .. })
    }

    /// A stable code in kebab case, finer than the class.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Answer { problem, .. } => &problem.code,
            Self::Store(StoreError::Package(error)) => error.code(),
            Self::Store(_) => "unreadable-package",
            Self::Trust(error) => error.code(),
            Self::Trap { .. } => "trap",
            Self::Memory { .. } => "out-of-memory",
            Self::Deadline { .. } => "deadline",
            Self::Engine { .. } => "engine",
            Self::Compiled { .. } => "compiled-file",
            Self::Io { .. } => "io",
        }
    }

    /// The package file at fault, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Answer { problem, .. } => problem.file.as_deref(),
            Self::Store(StoreError::Package(error)) => error.file(),
            Self::Trust(error) => error.file(),
            _ => None,
        }
    }

    /// The field or tensor at fault, if it is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Answer { problem, .. } => problem.field.as_deref(),
            Self::Store(StoreError::Package(error)) => error.field(),
            _ => None,
        }
    }
}

impl From<wit::Error> for HostError {
    fn from(error: wit::Error) -> Self {
        let (class, problem) = match error {
            wit::Error::InvalidInput(problem) => (Class::InvalidInput, problem),
            wit::Error::UnsupportedInput(problem) => (Class::UnsupportedInput, problem),
            wit::Error::TooLarge(problem) => (Class::TooLarge, problem),
            wit::Error::InvalidModel(problem) => (Class::InvalidModel, problem),
            wit::Error::UnsupportedModel(problem) => (Class::UnsupportedModel, problem),
            wit::Error::InvalidState(problem) => (Class::Internal, problem),
            wit::Error::InferenceFailed(problem) => (Class::InferenceFailed, problem),
        };
        Self::Answer { class, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as the documentation prints it.
    #[test]
    fn every_class_has_its_row() {
        let expected = [
            ("invalid-input", 400, 3),
            ("unsupported-input", 415, 3),
            ("too-large", 413, 3),
            ("invalid-model", 500, 4),
            ("unsupported-model", 500, 4),
            ("inference-failed", 500, 5),
            ("sandbox-failed", 500, 5),
            ("deadline-exceeded", 504, 5),
            ("internal", 500, 5),
        ];
        let found = Class::ALL.map(|class| (class.name(), class.http_status(), class.exit_code()));
        assert_eq!(found, expected);
    }
}
