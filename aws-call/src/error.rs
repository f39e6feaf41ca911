//! Why a call failed.

/// Why a call failed, after it was tried again where that could help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AwsError {
    /// The service refused it.
    #[error("{service} answered {status} to {action}: {message}")]
    Refused {
        /// The service's name.
        service: &'static str,
        /// What was asked of it.
        action: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of its answer.
        message: String,
    },
    /// Nothing answered, or something else than the service.
    #[error("{service} can't be reached for {action}: {reason}")]
    Unreachable {
        /// The service's name.
        service: &'static str,
        /// What was asked of it.
        action: String,
        /// What happened.
        reason: String,
    },
    /// The answer is larger than it can be.
    #[error("{service} answered {action} with more than the {limit} bytes that are accepted")]
    TooLarge {
        /// The service's name.
        service: &'static str,
        /// What was asked of it.
        action: String,
        /// How many are accepted.
        limit: usize,
    },
    /// The caller's time is up.
    #[error("no time was left for {action} of {service}")]
    OutOfTime {
        /// The service's name.
        service: &'static str,
        /// What was to be asked of it.
        action: String,
    },
}

impl AwsError {
    /// Whether there is no such object or bucket.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether trying again at once can help.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            // Throttling is 429, and in JSON protocols 400 with a name. 409 is S3's word for another write that
            // is under way, and may fail.
            Self::Refused { status, message, .. } => {
                *status >= 500
                    || matches!(*status, 409 | 429)
                    || (*status == 400
                        && ["Throttl", "ProvisionedThroughput"]
                            .iter()
                            .any(|it| message.contains(it)))
            }
            Self::Unreachable { .. } => true,
            Self::OutOfTime { .. } | Self::TooLarge { .. } => false,
        }
    }
}
