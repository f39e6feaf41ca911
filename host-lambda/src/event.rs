//! Events, told apart by their shape.
//!
//! What comes in is the JSON text of an invoke; what goes out says which kind of event it is, with
//! the parts that matter of it. Nothing is predicted here, and no instance is looked into: that is
//! the component's. An object that is no event of AWS is taken for an instance.

mod bridge;
mod dynamodb;
mod envelope;
mod kafka;
mod record;
mod s3;
mod source;

use std::time::Instant;

use predictor_host::Request;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::failure::Failure;
pub(crate) use bridge::Promoted;
pub(crate) use envelope::Envelope;
pub(crate) use record::{Body, Content, Opened, Opener, Record, Unread};
pub(crate) use s3::Object;
pub(crate) use source::{Batch, Order, Source};

/// What a function is told when it is invoked with something else.
const ACCEPTED: &str = "records of SQS, Kinesis, DynamoDB streams, Kafka, S3 or SNS, an event of \
     EventBridge, a JSON instance, an array of them, or {\"instances\": […]}";

/// What came with an invoke, read while it is taken out of its bytes: an event may have megabytes, and
/// what is made of it is all that is kept.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) event: Result<Event, Failure>,
    /// When it was begun to be read.
    pub(crate) began: Instant,
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let began = Instant::now();
        let text = <&RawValue>::deserialize(deserializer)?;
        Ok(Self { event: Event::read(text.get()), began })
    }
}

/// What an invoke asks for.
#[derive(Debug)]
pub(crate) enum Event {
    /// An HTTP request: API Gateway, a function URL, a load balancer.
    Http(String),
    /// Records of a queue or a stream.
    Records(Batch),
    /// A message that came asynchronously: of a topic, or a custom event.
    Message(Source, Record),
    /// Objects that were made in S3.
    Objects(Vec<Object>),
    /// An alias of a store has changed.
    Promoted(Promoted),
    /// A ping that keeps the function warm.
    WarmUp,
    /// One instance, or an array of them.
    Direct(Request),
    /// Instances with the model that they are for.
    Envelope(Envelope),
}

/// The keys that tell events apart. What else an event has is skipped.
#[derive(Default, Deserialize)]
struct Shape<'a> {
    #[serde(borrow, rename = "Records")]
    records: Option<&'a RawValue>,
    #[serde(borrow, rename = "requestContext")]
    request_context: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventSource")]
    event_source: Option<&'a RawValue>,
    #[serde(borrow, rename = "records")]
    topics: Option<&'a RawValue>,
    #[serde(borrow, rename = "detail-type")]
    detail_type: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(borrow)]
    instances: Option<&'a RawValue>,
    #[serde(borrow, rename = "Items")]
    items: Option<&'a RawValue>,
    #[serde(borrow, rename = "TopicArn")]
    topic_arn: Option<&'a RawValue>,
    #[serde(borrow, rename = "Event")]
    test_event: Option<&'a RawValue>,
}

impl Shape<'_> {
    /// The keys of an object; none of what is something else, or has one of them twice. The
    /// component refuses the latter.
    fn of(text: &str) -> Shape<'_> {
        Self::of_object(text).unwrap_or_default()
    }

    /// The keys of a JSON object.
    fn of_object(text: &str) -> Option<Shape<'_>> {
        text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok())?
    }
}

fn is_text(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| value.get().starts_with('"'))
}

fn is_array(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| value.get().starts_with('['))
}

fn is_object(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| value.get().starts_with('{'))
}

impl Event {
    /// Tells which event this is.
    ///
    /// # Errors
    /// [`Failure::Event`] if it is shaped as an event of AWS and breaks the shape, or is of a service
    /// that this function does not answer.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let shape = Shape::of(text);
        if is_object(shape.request_context) {
            return Ok(Self::Http(text.to_owned()));
        }
        if let Some(records) = shape.records {
            return source::records(records);
        }
        if let (true, Some(topics)) = (is_text(shape.event_source), shape.topics) {
            return kafka::records(text, topics);
        }
        if is_text(shape.detail_type) && is_text(shape.source) {
            return bridge::event_bridge(text);
        }
        // What the warm-up plug-in of the Serverless Framework sends.
        if shape.source.is_some_and(|source| source.get() == "\"serverless-plugin-warmup\"") {
            return Ok(Self::WarmUp);
        }
        if is_array(shape.instances) || is_array(shape.items) {
            return envelope::read(text).map(Self::Envelope);
        }
        Ok(Self::Direct(Request::parse(text)?))
    }
}

fn broken(what: &str, error: &serde_json::Error) -> Failure {
    Failure::Event(format!("an event of {what} that can't be read: {error}"))
}

#[cfg(test)]
#[expect(clippy::panic, clippy::indexing_slicing, reason = "tests")]
mod tests;
