//! Why an instance of processes can't go on, in the words of each reader: the caller's error, the
//! report's status, and what a person needs to know.

use std::time::Duration;

use crate::invocation::FunctionError;
use crate::options::Function;
use crate::process::Exit;
use crate::report::InvokeStatus;

/// Why an instance can't go on.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Exited(Exit),
    ExtensionExited {
        name: String,
        exit: Exit,
    },
    OutOfMemory,
    /// `init/error`, or an extension's own report.
    Reported(FunctionError),
    Timeout,
    /// The emulator could not start it.
    System(String),
}

impl Failure {
    /// What the caller of an invoke gets.
    pub(crate) fn function_error(&self, request_id: &str, function: &Function) -> FunctionError {
        match self {
            Self::Timeout => FunctionError::timeout(request_id, function.timeout),
            Self::Exited(exit) => FunctionError::exit(request_id, *exit),
            Self::OutOfMemory => FunctionError::out_of_memory(request_id),
            Self::Reported(error) => error.clone(),
            Self::ExtensionExited { name, exit } => FunctionError::new(
                "Extension.Crash",
                &format!("RequestId: {request_id} Error: extension {name}: {exit}"),
            ),
            Self::System(reason) => FunctionError::new("Runtime.InvalidEntrypoint", reason),
        }
    }

    pub(crate) fn status(&self, function: &Function) -> InvokeStatus {
        match self {
            Self::Timeout => InvokeStatus::Timeout,
            other => InvokeStatus::Error(other.function_error("", function).error_type),
        }
    }

    /// The memory that a report names: all of it where there was too little.
    pub(crate) fn peak_bytes(&self, measured: u64, function: &Function) -> u64 {
        match self {
            Self::OutOfMemory => u64::from(function.memory_mb) * 1024 * 1024,
            _ => measured,
        }
    }

    /// What a person needs to know about a failed start.
    pub(crate) fn advice(&self, function: &Function, init_limit: Duration) -> String {
        let text = match self {
            Self::Exited(exit) => format!(
                "`bootstrap` ended ({exit}) before it asked for work; the lines above are its own. Lambda tries the init once more within the invoke"
            ),
            Self::Timeout => format!(
                "`bootstrap` runs but did not ask for work in time (init limit {init_limit:?}): it must call GET http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"
            ),
            Self::OutOfMemory => format!(
                "the function needs more than its {} MB to start; give it more with --memory",
                function.memory_mb
            ),
            Self::Reported(error) => format!(
                "the function reported that it can't start: {}",
                String::from_utf8_lossy(&error.payload)
            ),
            Self::ExtensionExited { name, exit } => {
                format!("the extension {name} ended ({exit})")
            }
            Self::System(reason) => reason.clone(),
        };
        format!("lambda-emulator: {text}")
    }
}
