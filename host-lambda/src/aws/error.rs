//! Why a call failed.

/// Why a call failed, after it was tried again where that could help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AwsError {
    /// The service refused it.
    #[error("{service} answered {status} to {action}: {message}")]
    Refused { service: &'static str, action: String, status: u16, message: String },
    /// Nothing answered, or something else than the service.
    #[error("{service} can't be reached for {action}: {reason}")]
    Unreachable { service: &'static str, action: String, reason: String },
    /// The invoke's time is up.
    #[error("no time was left for {action} of {service}")]
    OutOfTime { service: &'static str, action: String },
}

impl AwsError {
    /// Whether the object, the bucket or the right to read it is missing.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether trying again at once can help.
    pub(super) fn passes(&self) -> bool {
        match self {
            // Throttling is 429, and in JSON protocols 400 with a name.
            Self::Refused { status, message, .. } => {
                *status >= 500
                    || *status == 429
                    || (*status == 400
                        && ["Throttl", "ProvisionedThroughput"]
                            .iter()
                            .any(|it| message.contains(it)))
            }
            Self::Unreachable { .. } => true,
            Self::OutOfTime { .. } => false,
        }
    }
}
