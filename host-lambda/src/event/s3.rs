//! Notifications of S3 that an object was made: by themselves, or as the text of a message.

use std::borrow::Cow;

use serde::Deserialize;

use super::source::{records as records_of, short};
use super::{Event, bridge, broken, is_text};
use crate::failure::Failure;

/// An object in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: Option<String>,
    pub(crate) principal: Option<String>,
}

#[derive(Deserialize)]
struct S3Record {
    #[serde(rename = "eventName")]
    event_name: String,
    #[serde(rename = "userIdentity")]
    identity: Option<S3Identity>,
    s3: S3Entity,
}

#[derive(Deserialize)]
struct S3Identity {
    #[serde(rename = "principalId")]
    principal: Option<String>,
}

#[derive(Deserialize)]
struct S3Entity {
    bucket: S3Bucket,
    object: S3Object,
}

#[derive(Deserialize)]
pub(super) struct S3Bucket {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct S3Object {
    pub(super) key: String,
    #[serde(rename = "versionId", alias = "version-id")]
    pub(super) version: Option<String>,
}

/// Reads the records of a notification; what is no new object has none.
pub(super) fn s3(text: &str) -> Result<Vec<Object>, Failure> {
    let found: Vec<S3Record> = serde_json::from_str(text).map_err(|error| broken("S3", &error))?;
    let made = found.into_iter().filter(|record| record.event_name.contains("ObjectCreated"));
    made.map(|record| {
        Ok(Object {
            bucket: record.s3.bucket.name,
            key: decoded_key(&record.s3.object.key)?,
            version: record.s3.object.version,
            principal: record.identity.and_then(|identity| identity.principal),
        })
    })
    .collect()
}

/// Keys of notifications are encoded as in a form: `+` for a space, and percent signs.
fn decoded_key(key: &str) -> Result<String, Failure> {
    let spaced = key.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    decoded.map(Cow::into_owned).map_err(|_| {
        Failure::Event(format!("an event of S3 with the key {:?}, which is no text", short(key)))
    })
}

/// The objects of an S3 notification that travelled as a text.
pub(super) fn objects_in(shape: &super::Shape<'_>) -> Result<Option<Vec<Object>>, Failure> {
    // S3 sends `s3:TestEvent` when a notification is configured.
    if shape.test_event.is_some_and(|event| event.get() == "\"s3:TestEvent\"") {
        return Ok(Some(Vec::new()));
    }
    // Through a bus.
    let of_s3 = shape.source.is_some_and(|source| source.get() == "\"aws.s3\"");
    if of_s3 && is_text(shape.detail_type) {
        return bridge::object_in(shape).map(|object| Some(vec![object]));
    }
    let Some(records) = shape.records.filter(|records| records.get().starts_with('[')) else {
        return Ok(None);
    };
    match records_of(records)? {
        Event::Objects(objects) => Ok(Some(objects)),
        _ => Err(Failure::Event("a message that holds records of something else than S3".into())),
    }
}
