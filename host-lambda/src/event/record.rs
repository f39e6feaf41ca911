//! Records, and how their bodies become instances.
//!
//! A body is an instance or an array of them: JSON, for a text model plain text, for an image model
//! a picture (in base64 where the source carries text). Data of streams may be gzip'd. What they
//! unpack to is bounded, for one record and for all of an invoke.

use std::io::Read;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::read::MultiGzDecoder;
use model_package::Modality;
use predictor_host::{Class, HostError, Instance, Request};
use serde_json::{Map, Value};

use super::Object;
use super::{Shape, s3, source};
use crate::failure::refused;
use crate::trace::Trace;

/// The most that the data of one record may unpack to.
const RECORD_BYTES: usize = 64 << 20;
/// The most that the data of all records of an invoke may unpack to. What comes after is reported
/// and comes again in another invoke.
const INVOKE_BYTES: usize = 128 << 20;
/// How a gzip member begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A record of a queue or a stream.
#[derive(Debug)]
pub(crate) struct Record {
    /// How logs and audit records name it.
    pub(crate) id: String,
    /// How it is named in `batchItemFailures`.
    pub(crate) identifier: Value,
    /// Those of one lane are kept in order.
    pub(crate) lane: String,
    /// When it was sent, in milliseconds since 1970.
    pub(crate) sent: Option<u64>,
    /// Who sent it.
    pub(crate) principal: Option<String>,
    /// The trace that it belongs to, where it has one of its own.
    pub(crate) trace: Option<Box<Trace>>,
    /// What it carries.
    pub(crate) body: Body,
}

/// What a record carries.
#[derive(Debug)]
pub(crate) enum Body {
    /// A text.
    Text(String),
    /// Bytes in base64.
    Base64(String),
    /// An item of a table, of which the model's fields are taken.
    Item(Map<String, Value>),
    /// Nothing that could be predicted.
    Nothing,
    /// Something that can't be read.
    Refused(HostError),
}

/// What a record asks for.
#[derive(Debug)]
pub(crate) enum Content {
    /// Predictions.
    Request(Request),
    /// Predictions of what is in these objects.
    Objects(Vec<Object>),
    /// Nothing.
    Nothing,
}

/// Why a record has no content.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is at fault.
    Refused(HostError),
    /// There is no memory left for it in this invoke.
    TooMuch,
}

impl Record {
    pub(crate) fn new(id: String, body: Body) -> Self {
        let identifier = id.as_str().into();
        let lane = String::new();
        Self { id, identifier, lane, sent: None, principal: None, trace: None, body }
    }
}

/// A body that was unpacked, and is not yet read for a model.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A JSON object.
    Object(String),
    /// Another text.
    Text(String),
    /// Bytes as they are meant.
    Bytes(Vec<u8>),
    /// An item of a table.
    Item(Map<String, Value>),
    /// What has been read already.
    Done(Content),
}

impl Opened {
    /// The text of its first instance, if it is JSON; of an item, all of it.
    #[cfg_attr(not(feature = "aws"), allow(dead_code, reason = "there is one version"))]
    pub(crate) fn first(&self) -> Option<String> {
        let text = match self {
            Self::Object(text) => return Some(text.clone()),
            Self::Text(text) => text.as_str(),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok()?,
            Self::Item(item) => return Some(Value::Object(item.clone()).to_string()),
            Self::Done(_) => return None,
        };
        match Request::parse(text).ok()?.into_instances().into_iter().next()? {
            Instance::Json(text) => Some(text),
            _ => None,
        }
    }

    /// What it asks a model of this modality with these fields for.
    pub(crate) fn content(self, modality: Modality, fields: &[String]) -> Result<Content, Unread> {
        match self {
            Self::Done(content) => Ok(content),
            Self::Item(mut item) => {
                // A table has keys and columns that are none of the model's business.
                item.retain(|name, _| fields.contains(name));
                let instance = Instance::Json(Value::Object(item).to_string());
                Ok(Content::Request(Request::of(vec![instance], false)))
            }
            Self::Object(text) => {
                Ok(Content::Request(Request::of(vec![Instance::Json(text)], false)))
            }
            Self::Text(text) if modality == Modality::Image && !is_json(text.as_bytes()) => {
                let picture = decoded(text.trim()).map_err(Unread::Refused)?;
                Ok(Content::Request(Request::of(vec![Instance::Image(picture)], false)))
            }
            Self::Text(text) => request(modality, text.into_bytes()),
            Self::Bytes(bytes) => request(modality, bytes),
        }
    }
}

fn request(modality: Modality, bytes: Vec<u8>) -> Result<Content, Unread> {
    let plain = !is_json(&bytes);
    if modality == Modality::Image && plain {
        return Ok(Content::Request(Request::of(vec![Instance::Image(bytes)], false)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        let message = format!("not UTF-8 text: the byte at {place} is none of it");
        Unread::Refused(refused(Class::InvalidInput, "invalid-text", message))
    })?;
    if modality == Modality::Text && plain {
        return Ok(Content::Request(Request::of(vec![Instance::Text(text)], false)));
    }
    Request::parse(&text).map(Content::Request).map_err(Unread::Refused)
}

/// Opens the bodies of one invoke.
#[derive(Debug)]
pub(crate) struct Opener {
    allowance: usize,
}

impl Opener {
    pub(crate) fn new() -> Self {
        Self { allowance: INVOKE_BYTES }
    }

    /// Unwraps, decodes and unpacks a body. What it holds is not looked at.
    pub(crate) fn open(&mut self, body: Body) -> Result<Opened, Unread> {
        match body {
            Body::Nothing => Ok(Opened::Done(Content::Nothing)),
            Body::Refused(error) => Err(Unread::Refused(error)),
            Body::Item(item) => Ok(Opened::Item(item)),
            Body::Text(text) => {
                let invalid = |error: crate::failure::Failure| {
                    let message = error.to_string();
                    Unread::Refused(refused(Class::InvalidInput, "invalid-event", message))
                };
                let Some(shape) = Shape::of_object(&text) else { return Ok(Opened::Text(text)) };
                if let Some(objects) = s3::objects_in(&shape).map_err(invalid)? {
                    return Ok(Opened::Done(Content::Objects(objects)));
                }
                let Some(inner) = source::unwrapped(&text, &shape) else {
                    return Ok(Opened::Object(trimmed(text)));
                };
                match s3::objects_in(&Shape::of(&inner)).map_err(invalid)? {
                    Some(objects) => Ok(Opened::Done(Content::Objects(objects))),
                    None => Ok(Opened::Text(inner)),
                }
            }
            Body::Base64(text) => {
                let bytes = decoded(&text).map_err(Unread::Refused)?;
                match bytes.starts_with(&GZIP) {
                    true => self.unpacked(&bytes).map(Opened::Bytes),
                    false => Ok(Opened::Bytes(bytes)),
                }
            }
        }
    }

    fn unpacked(&mut self, packed: &[u8]) -> Result<Vec<u8>, Unread> {
        let most = RECORD_BYTES.min(self.allowance);
        let mut bytes = Vec::new();
        let mut source = MultiGzDecoder::new(packed).take(most as u64 + 1);
        source.read_to_end(&mut bytes).map_err(|error| {
            let message = format!("gzip data that are damaged or cut short: {error}");
            Unread::Refused(refused(Class::InvalidInput, "invalid-gzip", message))
        })?;
        if bytes.len() <= most {
            self.allowance -= bytes.len();
            return Ok(bytes);
        }
        if most < RECORD_BYTES {
            return Err(Unread::TooMuch);
        }
        let message = format!("gzip data that unpack to more than {RECORD_BYTES} bytes");
        Err(Unread::Refused(refused(Class::TooLarge, "record-too-large", message)))
    }
}

/// A JSON text without the white space round it.
fn trimmed(text: String) -> String {
    let inner = text.trim_ascii();
    if inner.len() == text.len() { text } else { inner.to_owned() }
}

fn decoded(text: &str) -> Result<Vec<u8>, HostError> {
    BASE64_STANDARD.decode(text).map_err(|error| {
        let message = format!("not base64 as in RFC 4648: {error}");
        refused(Class::InvalidInput, "invalid-base64", message)
    })
}

/// Whether bytes look like a JSON object or array, which no picture does.
fn is_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn base64(bytes: &[u8]) -> Body {
        Body::Base64(BASE64_STANDARD.encode(bytes))
    }

    fn text(text: &str) -> Body {
        Body::Text(text.into())
    }

    /// The instances of a body, or what is wrong with it.
    fn read(modality: Modality, body: Body) -> Result<Vec<Instance>, String> {
        let opened = Opener::new().open(body);
        match opened.and_then(|opened| opened.content(modality, &["a".to_owned()])) {
            Ok(Content::Request(request)) => Ok(request.instances().to_vec()),
            Ok(other) => panic!("{other:?}"),
            Err(Unread::Refused(error)) => Err(format!("{}: {error}", error.code())),
            Err(Unread::TooMuch) => Err("too much".into()),
        }
    }

    #[test]
    fn bodies_become_instances() {
        let check = |modality, body, expected: &[Instance]| {
            let found = read(modality, body).unwrap();
            assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        };
        let json = |text: &str| Instance::Json(text.into());
        check(Modality::Tabular, text(r#"{"a": 1}"#), &[json(r#"{"a": 1}"#)]);
        check(Modality::Tabular, text(r#" [{"a":1}, 2]"#), &[json(r#"{"a":1}"#), json("2")]);
        check(Modality::Tabular, base64(br#"{"a": 1}"#), &[json(r#"{"a": 1}"#)]);
        check(Modality::Tabular, base64(&gzip(br#"[{"a":1}]"#)), &[json(r#"{"a":1}"#)]);
        let item = serde_json::from_str(r#"{"pk": "x", "a": 1}"#).unwrap();
        check(Modality::Tabular, Body::Item(item), &[json(r#"{"a":1}"#)]);
        let topic = r#"{"Type": "Notification", "TopicArn": "arn", "Message": "{\"a\":1}"}"#;
        check(Modality::Tabular, text(topic), &[json(r#"{"a":1}"#)]);
        let bus = r#"{"source": "my.app", "detail-type": "Paid", "detail": {"a": 1}}"#;
        check(Modality::Tabular, text(bus), &[json(r#"{"a":1}"#)]);
        check(Modality::Text, text("well done"), &[Instance::Text("well done".into())]);
        check(Modality::Text, text(r#"{"text": "x"}"#), &[json(r#"{"text": "x"}"#)]);
        check(Modality::Image, text("/9j/"), &[Instance::Image(vec![0xff, 0xd8, 0xff])]);
        check(Modality::Image, base64(&[0xff, 0xd8]), &[Instance::Image(vec![0xff, 0xd8])]);
        check(Modality::Image, text(r#"{"image": "/9j/"}"#), &[json(r#"{"image": "/9j/"}"#)]);
    }

    #[test]
    fn the_first_instance_of_a_body_is_found_before_it_is_read() {
        let check = |body, expected: Option<&str>| {
            let opened = Opener::new().open(body).unwrap();
            assert_eq!(opened.first().as_deref(), expected);
        };
        check(text(r#"{"a": 1}"#), Some(r#"{"a": 1}"#));
        check(base64(&gzip(br#"[{"a":1}, {"a":2}]"#)), Some(r#"{"a":1}"#));
        let item = serde_json::from_str(r#"{"pk": "x"}"#).unwrap();
        check(Body::Item(item), Some(r#"{"pk":"x"}"#));
        check(text("well done"), None);
        check(text("[]"), None);
        check(Body::Nothing, None);
    }

    #[test]
    fn what_can_not_be_read_is_refused() {
        let check = |modality, body, expected: &str| {
            let found = read(modality, body).unwrap_err();
            assert!(found.contains(expected), "{found}");
        };
        check(Modality::Tabular, text("Message Body"), "invalid-json: not valid JSON");
        check(Modality::Tabular, text(r#"{"a": 1"#), "invalid-json: not valid JSON");
        check(Modality::Tabular, Body::Base64("?".into()), "invalid-base64: not base64");
        check(Modality::Image, text("a picture"), "invalid-base64: not base64");
        check(Modality::Tabular, base64(b"\xff"), "invalid-text: not UTF-8 text: the byte at 0");
        let cut = gzip(&[b'x'; 100]);
        check(Modality::Tabular, base64(&cut[..20]), "invalid-gzip: gzip data that are damaged");
        let records = r#"{"Records": [{"eventSource": "aws:sqs"}]}"#;
        check(Modality::Tabular, text(records), "invalid-event: an event of SQS");
        let gone = r#"{"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}}"#;
        check(
            Modality::Tabular,
            text(gone),
            "invalid-event: the event \"Object Deleted\" of \"aws.s3\"",
        );
        let bomb = gzip(&vec![b' '; RECORD_BYTES + 1]);
        check(Modality::Tabular, base64(&bomb), "record-too-large: gzip data that unpack to more");
    }

    #[test]
    fn an_invoke_has_one_allowance() {
        let mut opener = Opener::new();
        let large = BASE64_STANDARD.encode(gzip(&vec![b'x'; RECORD_BYTES]));
        let mut read = || opener.open(Body::Base64(large.clone()));
        assert!(matches!((read(), read()), (Ok(_), Ok(_))));
        assert!(matches!(read(), Err(Unread::TooMuch)));
    }
}
