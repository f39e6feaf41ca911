//! Event sources: pollers that read records and give them to the function in batches, and
//! subscriptions whose events invoke the function asynchronously.

pub(crate) mod batch_response;
pub(crate) mod dynamodb;
pub(crate) mod kinesis;
pub(crate) mod sqs;
pub(crate) mod stream;
pub(crate) mod subscription;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::asynchronous::AsynchronousQueue;
use crate::aws::AwsClient;
use crate::error::Error;
use crate::invocation::{Answer, FunctionError, Invocation, InvokeError};
use crate::ledger::Ledger;
use crate::options::{Function, Source};
use crate::pool::Pool;
use crate::server::OwnedTask;
use crate::trouble::{Action, Point, TroubleMaker};

/// A pause after a failed call, so that an endpoint that is gone is not stormed.
const PAUSE: Duration = Duration::from_millis(500);

/// What every source needs.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) function: Arc<Function>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) aws: Arc<AwsClient>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) trouble: Arc<TroubleMaker>,
    pub(crate) asynchronous: Arc<AsynchronousQueue>,
}

/// How a batch went.
#[derive(Debug)]
pub(crate) struct BatchResult {
    pub(crate) request_id: String,
    pub(crate) answer: Result<Bytes, FunctionError>,
}

impl Feed {
    /// Connects a source and starts to read from it.
    pub(crate) async fn open(self: &Arc<Self>, source: &Source) -> Result<Vec<OwnedTask>, Error> {
        match source {
            Source::Sqs(source) => sqs::open(self, source).await,
            Source::Kinesis(source) => kinesis::open(self, source).await,
            Source::DynamoDb(source) => dynamodb::open(self, source).await,
            Source::S3 { bucket } => subscription::open_s3(self, bucket).await,
            Source::Sns { topic_arn } => subscription::open_sns(self, topic_arn).await,
            Source::EventBridge { pattern } => subscription::open_event_bridge(self, pattern).await,
        }
    }

    /// Gives a batch to the function as soon as an environment is free; scripted trouble makes it
    /// late, or gives it a second time after it succeeded. None when the emulator shuts down.
    pub(crate) async fn invoke(
        &self,
        event: &Value,
        delivered: impl Fn(&str),
    ) -> Option<BatchResult> {
        let actions = self.trouble.pass_and_wait(Point::Batch).await;
        let mut result = self.invoke_once(event, &delivered).await?;
        if actions.contains(&Action::Duplicate) && result.answer.is_ok() {
            result = self.invoke_once(event, &delivered).await?;
        }
        Some(result)
    }

    async fn invoke_once(&self, event: &Value, delivered: &impl Fn(&str)) -> Option<BatchResult> {
        let invocation = Invocation::new(event.to_string());
        delivered(&invocation.request_id);
        let reply = match self.pool.invoke_when_free(invocation).await {
            Ok(reply) => reply,
            Err(InvokeError::Closed | InvokeError::Throttled { .. }) => return None,
        };
        let answer = match reply.answer {
            Answer::Payload(payload) => Ok(payload),
            Answer::Stream(stream) => stream.collect().await,
            Answer::Error(error) => Err(error),
        };
        Some(BatchResult { request_id: reply.request_id, answer })
    }
}

/// Reports a failed call and waits before the next.
pub(crate) async fn pause_after(error: &Error, source: &str) {
    tracing::warn!(source, %error, "an event source could not be read");
    tokio::time::sleep(PAUSE).await;
}

/// A string field of a JSON object; empty where it is missing.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
