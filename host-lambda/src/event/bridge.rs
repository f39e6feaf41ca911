//! Events of EventBridge: of schedules, of S3, of the model's store, and one's own.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::record::{Body, Record};
use super::s3::{Object, S3Bucket, S3Object};
use super::source::{Source, short};
use super::{ACCEPTED, Event, Shape, broken};
use crate::failure::Failure;

#[derive(Deserialize)]
struct BridgeEvent<'a> {
    id: Option<String>,
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    account: Option<String>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct BridgeObject {
    bucket: S3Bucket,
    object: S3Object,
    requester: Option<String>,
}

/// Which alias has changed, as `host-cli promote` says it.
#[derive(Debug, Deserialize)]
#[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "there is no store"))]
pub(crate) struct Promoted {
    /// Such as `s3://models/prod/fraud`.
    #[serde(default)]
    pub(crate) place: String,
    #[serde(default)]
    pub(crate) alias: String,
}

/// Reads an event of EventBridge: a ping of a schedule, an object of S3, or one of one's own with an
/// instance in `detail`.
pub(super) fn event_bridge(text: &str) -> Result<Event, Failure> {
    let unreadable = |error: serde_json::Error| broken("EventBridge", &error);
    let event: BridgeEvent<'_> = serde_json::from_str(text).map_err(unreadable)?;
    let detail = event.detail.map_or("null", RawValue::get);
    match (event.source.as_str(), event.detail_type.as_str()) {
        (_, "Scheduled Event") => Ok(Event::WarmUp),
        ("aws.s3", "Object Created") => object(detail).map(|object| Event::Objects(vec![object])),
        (_, "Model Package Promoted") => {
            serde_json::from_str(detail).map(Event::Promoted).map_err(unreadable)
        }
        (source, kind) if source.starts_with("aws.") => Err(unanswered(kind, source)),
        _ if !detail.starts_with('{') => Err(Failure::Event(
            "an event of EventBridge without an instance; expected a JSON object as its detail"
                .into(),
        )),
        _ => {
            let body = Body::Text(detail.to_owned());
            let record = Record::new(event.id.unwrap_or_default(), body);
            Ok(Event::Message(Source::EventBridge, Record { principal: event.account, ..record }))
        }
    }
}

/// The object that an event of S3 is about which travelled as a text.
pub(super) fn object_in(shape: &Shape<'_>) -> Result<Object, Failure> {
    let kind = shape.detail_type.map_or("none", |kind| kind.get().trim_matches('"'));
    if kind != "Object Created" {
        return Err(unanswered(kind, "aws.s3"));
    }
    object(shape.detail.map_or("null", RawValue::get))
}

fn object(detail: &str) -> Result<Object, Failure> {
    let found: BridgeObject =
        serde_json::from_str(detail).map_err(|error| broken("EventBridge", &error))?;
    // Unlike in notifications, the key is not encoded.
    let (bucket, key) = (found.bucket.name, found.object.key);
    let (version, principal) = (found.object.version, found.requester);
    Ok(Object { bucket, key, version, principal })
}

fn unanswered(kind: &str, source: &str) -> Failure {
    let (kind, source) = (short(kind), short(source));
    Failure::Event(format!("the event {kind:?} of {source:?} is not answered; expected {ACCEPTED}"))
}
