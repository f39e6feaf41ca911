//! Asynchronous invokes: a queue, two retries, destinations and a dead-letter queue.
//!
//! Source: "How Lambda handles errors and retries with asynchronous invocation" and "Capturing
//! records of Lambda asynchronous invocations".

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::AwsClient;
use crate::destination;
use crate::invocation::{Answer, FunctionError, Invocation, timestamp};
use crate::ledger::{Fate, Ledger};
use crate::options::{Asynchronous, Function};
use crate::pool::Pool;

#[derive(Debug)]
pub(crate) struct AsynchronousQueue {
    pub(crate) function: Arc<Function>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) options: Asynchronous,
    pub(crate) aws: Option<Arc<AwsClient>>,
    pub(crate) ledger: Arc<Ledger>,
}

impl AsynchronousQueue {
    /// Queues an event under a new request id, which is returned.
    pub(crate) fn submit(self: &Arc<Self>, source: &str, payload: String) -> String {
        self.submit_invocation(source, Invocation::new(payload))
    }

    pub(crate) fn submit_invocation(self: &Arc<Self>, source: &str, event: Invocation) -> String {
        let id = event.request_id.clone();
        let queue = Arc::clone(self);
        let source = source.to_owned();
        self.pool.spawn(async move { queue.process(&source, event).await });
        id
    }

    async fn process(&self, source: &str, event: Invocation) {
        let id = event.request_id.clone();
        let note = |fate, attempt, detail: &str| {
            self.ledger.record(source, &id, fate, &id, attempt, detail);
        };
        for attempt in 1..=self.options.maximum_retries.min(2) + 1 {
            note(Fate::Delivered, attempt, "");
            // The id stays the same in every retry.
            let Ok(reply) = self.pool.invoke_when_free(event.clone()).await else { return };
            let result = match reply.answer {
                Answer::Payload(payload) => Ok(payload),
                Answer::Stream(stream) => stream.collect().await,
                Answer::Error(error) => Err(error),
            };
            match result {
                Ok(payload) => {
                    note(Fate::Answered, attempt, "");
                    if let Some(arn) = &self.options.on_success {
                        let record = self.record(&event, attempt, "Success", Ok(&payload));
                        self.send(source, &id, arn, &record, &[], attempt).await;
                    }
                    return;
                }
                Err(error) => {
                    note(Fate::Failed, attempt, &error.error_type);
                    if attempt > self.options.maximum_retries.min(2) {
                        self.give_up(source, &event, attempt, &error).await;
                        return;
                    }
                    note(Fate::Retried, attempt, "");
                    let index = usize::try_from(attempt - 1).unwrap_or(0);
                    let wait = self.options.backoff.get(index).copied();
                    tokio::time::sleep(wait.unwrap_or(Duration::ZERO)).await;
                }
            }
        }
    }

    async fn give_up(&self, source: &str, event: &Invocation, attempt: u32, error: &FunctionError) {
        let id = &event.request_id;
        let Asynchronous { on_failure, dead_letter, .. } = &self.options;
        if let Some(arn) = on_failure {
            let record = self.record(event, attempt, "RetriesExhausted", Err(error));
            self.send(source, id, arn, &record, &[], attempt).await;
        }
        if let Some(arn) = dead_letter {
            let payload: Value = serde_json::from_slice(&event.payload).unwrap_or_default();
            let message: String =
                String::from_utf8_lossy(&error.payload).chars().take(1024).collect();
            let attributes = [
                ("RequestID", "String", id.as_str()),
                ("ErrorCode", "Number", "200"),
                ("ErrorMessage", "String", message.as_str()),
            ];
            self.send(source, id, arn, &payload, &attributes, attempt).await;
        }
        if on_failure.is_none() && dead_letter.is_none() {
            self.ledger.record(source, id, Fate::Discarded, id, attempt, "no destination");
        }
    }

    async fn send(
        &self,
        source: &str,
        id: &str,
        arn: &str,
        message: &Value,
        attributes: &[(&str, &str, &str)],
        attempt: u32,
    ) {
        let sent = match &self.aws {
            Some(aws) => destination::send(aws, arn, message, attributes).await,
            None => return,
        };
        let (fate, detail) = match sent {
            Ok(()) if attributes.is_empty() => (Fate::SentToDestination, arn.to_owned()),
            Ok(()) => (Fate::DeadLettered, arn.to_owned()),
            Err(error) => (Fate::Discarded, error.to_string()),
        };
        self.ledger.record(source, id, fate, id, attempt, detail);
    }

    /// The invocation record of a destination.
    fn record(
        &self,
        event: &Invocation,
        attempt: u32,
        condition: &str,
        result: Result<&[u8], &FunctionError>,
    ) -> Value {
        let json_of = |bytes: &[u8]| {
            serde_json::from_slice::<Value>(bytes)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(bytes)))
        };
        let mut response = json!({"statusCode": 200, "executedVersion": "$LATEST"});
        if result.is_err()
            && let Some(fields) = response.as_object_mut()
        {
            fields.insert("functionError".to_owned(), json!("Unhandled"));
        }
        json!({
            "version": "1.0",
            "timestamp": timestamp(),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": format!("{}:$LATEST", self.function.arn()),
                "condition": condition,
                "approximateInvokeCount": attempt,
            },
            "requestPayload": json_of(&event.payload),
            "responseContext": response,
            "responsePayload": match result {
                Ok(payload) => json_of(payload),
                Err(error) => json_of(&error.payload),
            },
        })
    }
}
