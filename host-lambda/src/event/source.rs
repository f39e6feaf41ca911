//! The event sources of AWS: how each shapes its records, and in which order they must be kept.
//!
//! Shapes: AWS Lambda developer guide, one page a service; the tests read the examples that come
//! with the crate `aws_lambda_events`.

use std::borrow::Cow;

use predictor_host::Class;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::record::{Body, Record};
use super::s3::{objects_in, s3};
use super::{ACCEPTED, Event, broken, dynamodb};
use crate::failure::{Failure, refused};
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
    #[serde(borrow, default = "nobody", rename = "eventSource", alias = "EventSource")]
    source: Cow<'a, str>,
}

fn nobody() -> Cow<'static, str> {
    "none".into()
}

/// Reads `Records`, all of one source.
pub(super) fn records(records: &RawValue) -> Result<Event, Failure> {
    let text = records.get();
    // There may be ten thousand; the first one says what all the others have to be.
    let first = text.strip_prefix('[').map(serde_json::Deserializer::from_str);
    let first = first.and_then(|text| text.into_iter::<Origin<'_>>().next()?.ok());
    let name = match first {
        Some(first) => first.source,
        None => of_one_source(text)?,
    };
    match &*name {
        "aws:sqs" => sqs(text),
        "aws:kinesis" => kinesis(text),
        "aws:dynamodb" => dynamodb_stream(text),
        "aws:s3" => {
            of_one_source(text)?;
            s3(text).map(Event::Objects)
        }
        "aws:sns" => sns(text),
        other => Err(Failure::Event(format!(
            "records of the source {:?} are not answered; expected {ACCEPTED}",
            short(other)
        ))),
    }
}

/// The one source that all records have.
fn of_one_source(text: &str) -> Result<Cow<'_, str>, Failure> {
    let origins: Vec<Origin<'_>> =
        serde_json::from_str(text).map_err(|error| broken("records", &error))?;
    let mut names = origins.into_iter().map(|origin| origin.source);
    let Some(name) = names.next() else {
        return Err(Failure::Event("an event without records".into()));
    };
    if let Some(other) = names.find(|other| *other != name) {
        let (name, other) = (short(&name), short(&other));
        return Err(Failure::Event(format!("records of two sources, {name:?} and {other:?}")));
    }
    Ok(name)
}

/// A service's record.
trait Sourced {
    /// The service's name in messages.
    const SERVICE: &'static str;
    /// Its name in records.
    const SOURCE: &'static str;

    /// What the record says.
    fn source(&self) -> &str;
}

/// Reads the records of a service.
fn of_service<'a, T: Sourced + Deserialize<'a>>(text: &'a str) -> Result<Vec<T>, Failure> {
    let found: serde_json::Result<Vec<T>> = serde_json::from_str(text);
    if !matches!(&found, Ok(found) if found.iter().all(|record| record.source() == T::SOURCE)) {
        of_one_source(text)?;
    }
    found.map_err(|error| broken(T::SERVICE, &error))
}

macro_rules! sourced {
    ($record:ty, $service:literal, $source:literal) => {
        impl Sourced for $record {
            const SERVICE: &'static str = $service;
            const SOURCE: &'static str = $source;

            fn source(&self) -> &str {
                &self.source
            }
        }
    };
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsRecord<'a, Body> {
    #[serde(borrow, rename = "eventSource")]
    source: Cow<'a, str>,
    message_id: String,
    body: Body,
    #[serde(default)]
    attributes: SqsAttributes,
    #[serde(default)]
    message_attributes: TraceAttributes,
    #[serde(borrow, default, rename = "eventSourceARN")]
    arn: Cow<'a, str>,
}

sourced!(SqsRecord<'_, String>, "SQS", "aws:sqs");
sourced!(SqsRecord<'_, &RawValue>, "SQS", "aws:sqs");

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
    if let Ok(found) = of_service::<SqsRecord<'_, String>>(text) {
        return Ok(sqs_batch(found, Body::Text));
    }
    // A body that is no text is the fault of its record alone.
    let found: Vec<SqsRecord<'_, &RawValue>> = of_service(text)?;
    Ok(sqs_batch(found, |body| match serde_json::from_str(body.get()) {
        Ok(body) => Body::Text(body),
        Err(error) => {
            let message = format!("a body that is no text: {error}");
            Body::Refused(refused(Class::InvalidInput, "invalid-text", message))
        }
    }))
}

fn sqs_batch<B>(found: Vec<SqsRecord<'_, B>>, body: impl Fn(B) -> Body) -> Event {
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
            body: body(record.body),
        }
    });
    let order = if fifo { Order::Lane } else { Order::Any };
    Event::Records(Batch { source: Source::Sqs, order, records: records.collect() })
}

#[derive(Deserialize)]
struct KinesisRecord<'a> {
    #[serde(borrow, rename = "eventSource")]
    source: Cow<'a, str>,
    #[serde(borrow)]
    kinesis: KinesisData<'a>,
}

sourced!(KinesisRecord<'_>, "Kinesis", "aws:kinesis");

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
    let found: Vec<KinesisRecord<'_>> = of_service(text)?;
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
    #[serde(borrow, rename = "eventSource")]
    source: Cow<'a, str>,
    event_name: String,
    #[serde(borrow)]
    dynamodb: DynamoDbChange<'a>,
}

sourced!(DynamoDbRecord<'_>, "DynamoDB streams", "aws:dynamodb");

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
    let found: Vec<DynamoDbRecord<'_>> = of_service(text)?;
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
    #[serde(borrow, rename = "EventSource")]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "Sns")]
    sns: SnsMessage<'a>,
}

sourced!(SnsRecord<'_>, "SNS", "aws:sns");

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
    let found: Vec<SnsRecord<'_>> = of_service(text)?;
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
