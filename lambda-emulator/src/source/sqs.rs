//! The SQS poller: standard and FIFO queues, in batches with a window.
//!
//! What succeeded is deleted. What failed stays in the queue until its visibility timeout ends; how
//! often, and what comes then, is the queue's redrive policy.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::batch_response::{Reporting, Verdict, verdict};
use super::{Feed, pause_after, text};
use crate::aws::SQS;
use crate::error::Error;
use crate::invocation::PAYLOAD_BYTES;
use crate::ledger::Fate;
use crate::options::SqsSource;
use crate::server::OwnedTask;

/// One call of `ReceiveMessage` brings no more.
const RECEIVE: usize = 10;
/// Seconds that a call waits for messages. Lambda waits 20; the shorter wait ends sooner when the
/// emulator does.
const WAIT_SECONDS: u64 = 1;

#[derive(Debug)]
struct Queue {
    feed: Arc<Feed>,
    source: SqsSource,
    /// The name in the ledger.
    name: String,
    arn: String,
    /// Receives after which the redrive policy moves a message.
    maximum_receives: Option<u32>,
    is_fifo: bool,
    /// By group of a FIFO queue: the messages that failed and have not come again, in their order.
    outstanding: Mutex<HashMap<String, VecDeque<String>>>,
}

pub(crate) async fn open(feed: &Arc<Feed>, source: &SqsSource) -> Result<Vec<OwnedTask>, Error> {
    let is_fifo = source.queue_url.ends_with(".fifo");
    let largest = if is_fifo { 10 } else { 10_000 };
    if source.batch_size == 0 || source.batch_size > largest {
        return Err(refused("batch size", source.batch_size, format!("1 to {largest}")));
    }
    if source.batch_size > RECEIVE && source.batching_window.is_zero() {
        let accepted = "at most 10 without a batching window".to_owned();
        return Err(refused("batch size", source.batch_size, accepted));
    }
    if is_fifo && !source.batching_window.is_zero() {
        let found = source.batching_window.as_secs();
        return Err(refused("batching window", found, "none for a FIFO queue".to_owned()));
    }
    let body = json!({"QueueUrl": source.queue_url, "AttributeNames": ["All"]});
    let answer = feed.aws.json(SQS, "GetQueueAttributes", &body).await?;
    let attributes = answer.get("Attributes").cloned().unwrap_or_default();
    let visibility: u64 = text(&attributes, "VisibilityTimeout").parse().unwrap_or(30);
    let limit = feed.function.timeout.as_secs();
    if visibility < limit {
        return Err(refused(
            "visibility timeout",
            format!("{visibility} s"),
            format!("at least the function's timeout, {limit} s; AWS advises six times as much"),
        ));
    }
    let redrive: Value =
        serde_json::from_str(text(&attributes, "RedrivePolicy")).unwrap_or_default();
    let maximum_receives = redrive.get("maxReceiveCount").and_then(|count| match count {
        Value::String(text) => text.parse().ok(),
        count => count.as_u64().and_then(|count| u32::try_from(count).ok()),
    });
    let arn = text(&attributes, "QueueArn").to_owned();
    let name = format!("sqs:{}", arn.rsplit(':').next().unwrap_or_default());
    let queue = Queue {
        feed: Arc::clone(feed),
        source: source.clone(),
        name,
        arn,
        maximum_receives,
        is_fifo,
        outstanding: Mutex::default(),
    };
    Ok(vec![OwnedTask::spawn(Arc::new(queue).poll())])
}

impl Queue {
    async fn poll(self: Arc<Self>) {
        let places = Arc::new(Semaphore::new(self.source.maximum_concurrency.max(1)));
        let mut batches = JoinSet::new();
        loop {
            // A batch is read only when it can be worked on: its visibility timeout runs.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            while batches.try_join_next().is_some() {}
            let messages = self.gather().await;
            if messages.is_empty() {
                continue;
            }
            let queue = Arc::clone(&self);
            batches.spawn(async move {
                queue.process(messages).await;
                drop(place);
            });
        }
    }

    /// Reads until the batch is full, its window is over or its event would be too large.
    async fn gather(&self) -> Vec<Value> {
        let mut messages: Vec<Value> = Vec::new();
        let mut bytes = 0;
        let mut end = None;
        while messages.len() < self.source.batch_size && bytes < PAYLOAD_BYTES / 2 {
            let wanted = (self.source.batch_size - messages.len()).min(RECEIVE);
            let received = match self.receive(wanted).await {
                Ok(received) => received,
                Err(error) => {
                    pause_after(&error, &self.name).await;
                    Vec::new()
                }
            };
            bytes += received.iter().map(|message| text(message, "Body").len()).sum::<usize>();
            messages.extend(received);
            if messages.is_empty() {
                break;
            }
            let end = *end.get_or_insert_with(|| Instant::now() + self.source.batching_window);
            if Instant::now() >= end {
                break;
            }
        }
        messages
    }

    async fn receive(&self, wanted: usize) -> Result<Vec<Value>, Error> {
        let body = json!({
            "QueueUrl": self.source.queue_url,
            "MaxNumberOfMessages": wanted,
            "WaitTimeSeconds": WAIT_SECONDS,
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        let mut answer = self.feed.aws.json(SQS, "ReceiveMessage", &body).await?;
        let messages = match answer.get_mut("Messages").map(Value::take) {
            Some(Value::Array(messages)) => messages,
            _ => Vec::new(),
        };
        if self.is_fifo { self.in_order(messages).await } else { Ok(messages) }
    }

    /// Gives back what overtook a failed message of its group. SQS never does that; its stand-ins
    /// may when visibility timeouts end.
    async fn in_order(&self, messages: Vec<Value>) -> Result<Vec<Value>, Error> {
        let mut kept = Vec::new();
        for message in messages {
            let overtakes = {
                let mut outstanding =
                    self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
                let failed = outstanding.entry(group(&message)).or_default();
                if failed.front().is_some_and(|id| id == text(&message, "MessageId")) {
                    failed.pop_front();
                    false
                } else {
                    !failed.is_empty()
                }
            };
            if overtakes {
                let body = json!({
                    "QueueUrl": self.source.queue_url,
                    "ReceiptHandle": text(&message, "ReceiptHandle"),
                    "VisibilityTimeout": 0,
                });
                self.feed.aws.json(SQS, "ChangeMessageVisibility", &body).await?;
            } else {
                kept.push(message);
            }
        }
        Ok(kept)
    }

    async fn process(&self, messages: Vec<Value>) {
        let region = &self.feed.function.region;
        let records: Vec<Value> =
            messages.iter().map(|message| record(message, &self.arn, region)).collect();
        let ids: Vec<&str> = messages.iter().map(|message| text(message, "MessageId")).collect();
        let note = |message: &Value, fate, request_id: &str, detail: &str| {
            let id = text(message, "MessageId");
            self.feed.ledger.record(&self.name, id, fate, request_id, receives(message), detail);
        };
        let event = json!({"Records": records});
        let delivered = |request_id: &str| {
            for message in &messages {
                note(message, Fate::Delivered, request_id, "");
            }
        };
        let Some(result) = self.feed.invoke(&event, delivered).await else { return };
        let reporting =
            if self.source.report_batch_item_failures { Reporting::Items } else { Reporting::None };
        let outcome = match &result.answer {
            Ok(answer) => verdict(answer, &ids, reporting),
            Err(error) => Verdict::All(error.error_type.clone()),
        };
        self.warn_about_order(&messages, &outcome);
        let mut returning = Vec::new();
        for message in &messages {
            let failure = match &outcome {
                Verdict::Success => None,
                Verdict::Some(failed) => failed
                    .iter()
                    .any(|id| id == text(message, "MessageId"))
                    .then(|| "reported by the function".to_owned()),
                Verdict::All(reason) => Some(reason.clone()),
            };
            match failure {
                None => match self.delete(message).await {
                    Ok(()) => note(message, Fate::Answered, &result.request_id, ""),
                    Err(error) => {
                        note(message, Fate::Retried, &result.request_id, &error.to_string());
                    }
                },
                Some(reason) => {
                    note(message, Fate::Failed, &result.request_id, &reason);
                    let last = self.maximum_receives.is_some_and(|max| receives(message) >= max);
                    let (fate, detail) = if last {
                        (Fate::DeadLettered, "by the queue's redrive policy, at its next receive")
                    } else {
                        (Fate::Retried, "when its visibility timeout ends")
                    };
                    note(message, fate, &result.request_id, detail);
                    if !last {
                        returning.push(message);
                    }
                }
            }
        }
        if self.is_fifo {
            let mut outstanding = self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
            // In front of what else is missing of the group, in the order of the batch.
            for message in returning.into_iter().rev() {
                let id = text(message, "MessageId").to_owned();
                outstanding.entry(group(message)).or_default().push_front(id);
            }
        }
    }

    async fn delete(&self, message: &Value) -> Result<(), Error> {
        let body = json!({
            "QueueUrl": self.source.queue_url,
            "ReceiptHandle": text(message, "ReceiptHandle"),
        });
        self.feed.aws.json(SQS, "DeleteMessage", &body).await.map(drop)
    }

    /// In a FIFO queue, whatever comes after a failed message of its group must be reported too;
    /// Lambda deletes it otherwise, and the group's order is lost.
    fn warn_about_order(&self, messages: &[Value], outcome: &Verdict) {
        let Verdict::Some(failed) = outcome else { return };
        if !self.is_fifo {
            return;
        }
        let mut broken: HashMap<String, &str> = HashMap::new();
        for message in messages {
            let group = group(message);
            let id = text(message, "MessageId");
            if failed.iter().any(|failed| failed == id) {
                broken.insert(group, id);
            } else if let Some(first) = broken.get(&group) {
                tracing::warn!(
                    group,
                    failed = first,
                    not_reported = id,
                    "the function reports a message as failed and a later one of its group not: their order is lost"
                );
            }
        }
    }
}

/// The group of a message in a FIFO queue.
fn group(message: &Value) -> String {
    message.get("Attributes").map_or("", |it| text(it, "MessageGroupId")).to_owned()
}

fn receives(message: &Value) -> u32 {
    message
        .get("Attributes")
        .and_then(|attributes| text(attributes, "ApproximateReceiveCount").parse().ok())
        .unwrap_or(1)
}

/// A message as Lambda hands it to the function.
fn record(message: &Value, arn: &str, region: &str) -> Value {
    let attributes = message.get("MessageAttributes").and_then(Value::as_object);
    let attributes: Map<String, Value> = attributes
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let mut fields = json!({
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": text(value, "DataType"),
            });
            for (from, to) in [("StringValue", "stringValue"), ("BinaryValue", "binaryValue")] {
                if let (Some(found), Some(fields)) = (value.get(from), fields.as_object_mut()) {
                    fields.insert(to.to_owned(), found.clone());
                }
            }
            (name.clone(), fields)
        })
        .collect();
    json!({
        "messageId": message.get("MessageId"),
        "receiptHandle": message.get("ReceiptHandle"),
        "body": message.get("Body"),
        "attributes": message.get("Attributes"),
        "messageAttributes": attributes,
        "md5OfBody": message.get("MD5OfBody"),
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    })
}

fn refused(option: &'static str, found: impl ToString, accepted: String) -> Error {
    Error::Option { option, found: found.to_string(), accepted }
}
