//! Why a version of a store does not serve.

use model_store::StoreError;
use predictor_host::HostError;

/// Why a version does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejection {
    /// It can't be had, or is not trusted.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It can't be loaded.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Settings don't fit it.
    #[error("{0}")]
    Settings(String),
    /// It answers otherwise than it says.
    #[error("{name} {version}: {case}: {what} differs from its reference cases ({count} in all)")]
    SelfTest { name: String, version: String, case: String, what: String, count: usize },
    /// Loading it took the process down with it.
    #[error("loading stopped: {0}")]
    Stopped(String),
}

impl Rejection {
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Store(error) => error.code(),
            Self::Host(error) => error.code(),
            Self::Settings(_) => "settings",
            Self::SelfTest { .. } => "self-test",
            Self::Stopped(_) => "internal",
        }
    }

    /// Whether nothing is wrong with the model, but S3 can't be asked.
    pub(super) fn is_outage(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_outage())
    }
}
