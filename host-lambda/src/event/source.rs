//! The event sources of AWS: how each shapes its records, and in which order they must be kept.
//!
//! Shapes: AWS Lambda developer guide, one page a service; the tests read the examples that come
//! with the crate `aws_lambda_events`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::record::{Body, Record};
use super::s3::{objects_in, s3};
use super::{ACCEPTED, Event, broken, dynamodb};
use crate::failure::Failure;
use crate::trace::Trace;

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Direct,
    Envelope,
    Http,
    Sqs,
    Kinesis,
    DynamoDb,
    Kafka,
    Sns,
    EventBridge,
    #[cfg(feature = "aws")]
    S3,
}

impl Source {
    /// Its name in logs, metrics and audit records.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Envelope => "envelope",
            Self::Http => "http",
            Self::Sqs => "sqs",
            Self::Kinesis => "kinesis",
            Self::DynamoDb => "dynamodb",
            Self::Kafka => "kafka",
            Self::Sns => "sns",
            Self::EventBridge => "eventbridge",
            #[cfg(feature = "aws")]
            Self::S3 => "s3",
        }
    }
}

/// What the failure of a record means for those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Nothing.
    Any,
    /// Those of the same lane wait for it, and are reported with it.
    Lane,
    /// Those of the same lane come again with it, without being reported.
    Checkpoint,
}

/// Records of a queue or a stream.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) source: Source,
    pub(crate) order: Order,
    pub(crate) records: Vec<Record>,
}

/// Enough of a record to know whose it is.
#[derive(Deserialize)]
struct Origin<'a> {
    #[serde(borrow, rename = "eventSource", alias = "EventSource")]
    event_source: Option<Cow<'a, str>>,
}

/// Reads `Records`, all of one source.
pub(super) fn records(records: &RawValue) -> Result<Event, Failure> {
    let text = records.get();
    let origins: Vec<Origin<'_>> =
        serde_json::from_str(text).map_err(|error| broken("records", &error))?;
    let mut names = origins.iter().map(|origin| origin.event_source.as_deref().unwrap_or("none"));
    let Some(name) = names.next() else {
        return Err(Failure::Event("an event without records".into()));
    };
    if let Some(other) = names.find(|other| *other != name) {
        let (name, other) = (short(name), short(other));
        return Err(Failure::Event(format!("records of two sources, {name:?} and {other:?}")));
    }
    match name {
        "aws:sqs" => sqs(text),
        "aws:kinesis" => kinesis(text),
        "aws:dynamodb" => dynamodb_stream(text),
        "aws:s3" => s3(text).map(Event::Objects),
        "aws:sns" => sns(text),
        other => Err(Failure::Event(format!(
            "records of the source {:?} are not answered; expected {ACCEPTED}",
            short(other)
        ))),
    }
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsRecord<'a> {
    message_id: String,
    #[serde(borrow)]
    body: Cow<'a, str>,
    #[serde(default)]
    attributes: SqsAttributes,
    #[serde(default)]
    message_attributes: TraceAttributes,
    #[serde(borrow, default, rename = "eventSourceARN")]
    arn: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SqsAttributes {
    message_group_id: Option<String>,
    sender_id: Option<String>,
    sent_timestamp: Option<String>,
    #[serde(rename = "AWSTraceHeader")]
    trace: Option<String>,
}

/// The attributes of a message that tell its trace; one that is no text is passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TraceAttributes {
    traceparent: TextAttribute,
    tracestate: TextAttribute,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TextAttribute {
    /// A topic calls it `Value`.
    #[serde(rename = "stringValue", alias = "Value")]
    text: Option<String>,
}

impl TraceAttributes {
    fn trace(&self) -> Option<Trace> {
        Trace::w3c(self.traceparent.text.as_deref()?, self.tracestate.text.as_deref())
    }
}

fn sqs(text: &str) -> Result<Event, Failure> {
    let found: Vec<SqsRecord<'_>> =
        serde_json::from_str(text).map_err(|error| broken("SQS", &error))?;
    // Messages of a standard queue may have groups too; only a FIFO queue keeps their order.
    let fifo = found.iter().any(|record| record.arn.ends_with(".fifo"));
    let records = found.into_iter().map(|record| {
        let attributes = record.attributes;
        // The sender's own word goes before what AWS puts beside it.
        let own = record.message_attributes.trace();
        let trace = own.or_else(|| attributes.trace.as_deref().and_then(Trace::x_ray));
        Record {
            lane: attributes.message_group_id.filter(|_| fifo).unwrap_or_default(),
            sent: attributes.sent_timestamp.and_then(|sent| sent.parse().ok()),
            principal: attributes.sender_id,
            trace: trace.map(Box::new),
            identifier: record.message_id.as_str().into(),
            id: record.message_id,
            body: Body::Text(record.body.into_owned()),
        }
    });
    let order = if fifo { Order::Lane } else { Order::Any };
    Ok(Event::Records(Batch { source: Source::Sqs, order, records: records.collect() }))
}

#[derive(Deserialize)]
struct KinesisRecord<'a> {
    #[serde(borrow)]
    kinesis: KinesisData<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KinesisData<'a> {
    sequence_number: String,
    #[serde(borrow)]
    data: Cow<'a, str>,
    /// Seconds since 1970.
    approximate_arrival_timestamp: Option<f64>,
}

fn kinesis(text: &str) -> Result<Event, Failure> {
    let found: Vec<KinesisRecord<'_>> =
        serde_json::from_str(text).map_err(|error| broken("Kinesis", &error))?;
    let records = found.into_iter().map(|record| {
        let record = record.kinesis;
        let body = Body::Base64(record.data.into_owned());
        let sent = record.approximate_arrival_timestamp.map(milliseconds);
        Record { sent, ..Record::new(record.sequence_number, body) }
    });
    let (source, order) = (Source::Kinesis, Order::Checkpoint);
    Ok(Event::Records(Batch { source, order, records: records.collect() }))
}

#[expect(clippy::cast_possible_truncation, reason = "saturates, which serves here")]
#[expect(clippy::cast_sign_loss, reason = "saturates, which serves here")]
fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DynamoDbRecord<'a> {
    event_name: String,
    #[serde(borrow)]
    dynamodb: DynamoDbChange<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DynamoDbChange<'a> {
    sequence_number: String,
    #[serde(borrow)]
    new_image: Option<&'a RawValue>,
    /// Seconds since 1970.
    approximate_creation_date_time: Option<f64>,
}

fn dynamodb_stream(text: &str) -> Result<Event, Failure> {
    let found: Vec<DynamoDbRecord<'_>> =
        serde_json::from_str(text).map_err(|error| broken("DynamoDB streams", &error))?;
    let records = found.into_iter().map(|record| {
        let change = record.dynamodb;
        let body = match change.new_image {
            Some(image) => dynamodb::plain(image.get()).map_or_else(Body::Refused, Body::Item),
            // There is nothing to predict about an item that is gone.
            None if record.event_name == "REMOVE" => Body::Nothing,
            None => Body::Refused(dynamodb::without_image()),
        };
        let sent = change.approximate_creation_date_time.map(milliseconds);
        Record { sent, ..Record::new(change.sequence_number, body) }
    });
    let (source, order) = (Source::DynamoDb, Order::Checkpoint);
    Ok(Event::Records(Batch { source, order, records: records.collect() }))
}

#[derive(Deserialize)]
struct SnsRecord<'a> {
    #[serde(borrow, rename = "Sns")]
    sns: SnsMessage<'a>,
}

#[derive(Deserialize)]
struct SnsMessage<'a> {
    #[serde(rename = "MessageId")]
    id: String,
    #[serde(borrow, rename = "Message")]
    message: Cow<'a, str>,
    #[serde(default, rename = "MessageAttributes")]
    attributes: TraceAttributes,
}

/// Reads a notification of a topic; it may hold one of S3.
fn sns(text: &str) -> Result<Event, Failure> {
    let found: Vec<SnsRecord<'_>> =
        serde_json::from_str(text).map_err(|error| broken("SNS", &error))?;
    let mut found = found.into_iter();
    let (Some(record), None) = (found.next(), found.next()) else {
        return Err(Failure::Event("an event of SNS with several records; SNS sends one".into()));
    };
    let trace = record.sns.attributes.trace();
    let message = record.sns.message.into_owned();
    if let Some(objects) = objects_in(&super::Shape::of(&message))? {
        return Ok(Event::Objects(objects));
    }
    let record = Record::new(record.sns.id, Body::Text(message));
    Ok(Event::Message(Source::Sns, Record { trace: trace.map(Box::new), ..record }))
}

/// The message of a record that travelled through a topic or a bus on its way to a queue.
pub(super) fn unwrapped(text: &str, shape: &super::Shape<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Notification {
        #[serde(rename = "Type")]
        kind: String,
        #[serde(rename = "Message")]
        message: String,
    }
    #[derive(Deserialize)]
    struct Detail {
        detail: Value,
    }
    if super::is_text(shape.topic_arn) {
        let notification: Notification = serde_json::from_str(text).ok()?;
        return (notification.kind == "Notification").then_some(notification.message);
    }
    if super::is_text(shape.detail_type) && super::is_text(shape.source) {
        let event: Detail = serde_json::from_str(text).ok()?;
        return event.detail.is_object().then(|| event.detail.to_string());
    }
    None
}
