//! What goes to a function and what comes back: the words that every other module shares.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::report::Report;

/// Bytes of a buffered request or response. AWS documents 6 MB; the service's own messages name
/// this number.
pub const PAYLOAD_BYTES: usize = 6 * 1024 * 1024 + 100;

/// One event on its way to the function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// `Lambda-Runtime-Aws-Request-Id`; the same in every retry of an asynchronous invoke.
    pub request_id: String,
    /// The event.
    pub payload: Bytes,
    /// `Lambda-Runtime-Client-Context`, as JSON.
    pub client_context: Option<String>,
    /// `Lambda-Runtime-Trace-Id`.
    pub trace_id: String,
    /// `Lambda-Runtime-Invoked-Function-Arn`, where an alias or version was named.
    pub qualifier: Option<String>,
}

impl Invocation {
    /// An event with a request id and a trace of its own.
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self {
            request_id: uuid::Uuid::new_v4().to_string(),
            payload: payload.into(),
            client_context: None,
            trace_id: new_trace_id(),
            qualifier: None,
        }
    }
}

/// A trace header as Lambda makes it when the caller sent none.
pub(crate) fn new_trace_id() -> String {
    let seconds = since_epoch().as_secs();
    let random = uuid::Uuid::new_v4().simple().to_string();
    let parent = uuid::Uuid::new_v4().simple().to_string();
    let (root, parent) =
        (random.get(..24).unwrap_or_default(), parent.get(..16).unwrap_or_default());
    format!("Root=1-{seconds:08x}-{root};Parent={parent};Sampled=0")
}

pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

pub(crate) fn epoch_milliseconds() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
}

/// ISO 8601 in UTC with milliseconds, as Lambda writes its times.
pub(crate) fn timestamp() -> String {
    timestamp_of(SystemTime::now())
}

pub(crate) fn timestamp_of(moment: SystemTime) -> String {
    const FORMAT: &[time::format_description::BorrowedFormatItem<'static>] = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    time::OffsetDateTime::from(moment).format(FORMAT).unwrap_or_default()
}

/// What the caller gets.
#[derive(Debug)]
pub enum Answer {
    /// The whole response.
    Payload(Bytes),
    /// A response that is still being written.
    Stream(Stream),
    /// The function failed.
    Error(FunctionError),
}

/// A streamed response.
#[derive(Debug)]
pub struct Stream {
    /// What the function declared, as in `application/vnd.awslambda.http-integration-response`.
    pub content_type: Option<String>,
    parts: mpsc::Receiver<StreamPart>,
    is_over: bool,
}

/// One piece of a streamed response, as the Runtime API passes it on.
#[derive(Debug)]
pub(crate) enum StreamPart {
    Data(Bytes),
    /// The function failed in the middle of it.
    Error(FunctionError),
    /// It is complete. A channel that closes without this means that the environment is gone.
    End,
}

impl Stream {
    pub(crate) const fn new(
        content_type: Option<String>,
        parts: mpsc::Receiver<StreamPart>,
    ) -> Self {
        Self { content_type, parts, is_over: false }
    }

    /// Waits for the next bytes; none at the end, and after an error.
    pub async fn next(&mut self) -> Option<Result<Bytes, FunctionError>> {
        if self.is_over {
            return None;
        }
        match self.parts.recv().await {
            Some(StreamPart::Data(bytes)) => Some(Ok(bytes)),
            end => {
                self.is_over = true;
                match end {
                    Some(StreamPart::Error(error)) => Some(Err(error)),
                    Some(StreamPart::End | StreamPart::Data(_)) => None,
                    None => Some(Err(FunctionError::new(
                        "Runtime.TruncatedResponse",
                        "the environment ended before the response did",
                    ))),
                }
            }
        }
    }

    /// Waits for the end and joins the parts, as a buffered caller gets them.
    pub async fn collect(mut self) -> Result<Bytes, FunctionError> {
        let mut whole = Vec::new();
        while let Some(part) = self.next().await {
            whole.extend_from_slice(&part?);
            if whole.len() > PAYLOAD_BYTES {
                return Err(FunctionError::response_too_large());
            }
        }
        Ok(whole.into())
    }
}

/// A failure of the function, in the form that the caller of `Invoke` gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// As in `Runtime.ExitError` or the function's own `ValueError`.
    pub error_type: String,
    /// The JSON with `errorType` and `errorMessage`.
    pub payload: Bytes,
}

impl FunctionError {
    pub(crate) fn new(error_type: &str, message: &str) -> Self {
        let payload = json!({"errorType": error_type, "errorMessage": message}).to_string();
        Self { error_type: error_type.to_owned(), payload: payload.into() }
    }

    pub(crate) fn timeout(request_id: &str, limit: Duration) -> Self {
        let message = format!("RequestId: {request_id} Error: {}", timeout_text(limit));
        Self::new("Sandbox.Timedout", &message)
    }

    pub(crate) fn exit(request_id: &str, exit: crate::process::Exit) -> Self {
        let message = match exit {
            crate::process::Exit::Code(0) => {
                format!("RequestId: {request_id} Error: Runtime exited without providing a reason")
            }
            exit => format!("RequestId: {request_id} Error: Runtime exited with error: {exit}"),
        };
        Self::new("Runtime.ExitError", &message)
    }

    pub(crate) fn out_of_memory(request_id: &str) -> Self {
        let message =
            format!("RequestId: {request_id} Error: Runtime exited with error: signal: killed");
        Self::new("Runtime.OutOfMemory", &message)
    }

    pub(crate) fn response_too_large() -> Self {
        let message = format!(
            "Response payload size exceeded maximum allowed payload size ({PAYLOAD_BYTES} bytes)."
        );
        Self::new("Function.ResponseSizeTooLarge", &message)
    }
}

/// `Task timed out after 3.00 seconds`.
pub(crate) fn timeout_text(limit: Duration) -> String {
    format!("Task timed out after {:.2} seconds", limit.as_secs_f64())
}

/// An answer with what a caller may also ask for.
#[derive(Debug)]
pub struct Reply {
    /// The invocation's id.
    pub request_id: String,
    /// The response or the error.
    pub answer: Answer,
    /// What is known once the environment has come to rest.
    pub finished: oneshot::Receiver<Finished>,
}

/// An invoke that is over.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The last 4 KB of its log, to the `REPORT` line.
    pub log: String,
    /// What that line says.
    pub report: Report,
}

/// Why an invocation never reached the function.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// All environments are busy and no more may be made.
    #[error("all {limit} environments are busy; the caller gets 429 TooManyRequestsException")]
    Throttled {
        /// The concurrency limit.
        limit: usize,
    },
    /// The emulator is shutting down.
    #[error("the emulator is shutting down")]
    Closed,
}
