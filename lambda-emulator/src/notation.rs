//! Doors and event sources as a person writes them on a command line.
//!
//! `KIND[=ADDRESS][,BINARY-MEDIA-TYPE…]` for a door, `KIND:NAME[,SETTING…]` for a source.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;
use crate::options::{Door, DoorKind, Source, SqsSource, StreamSource};

const DOORS: &str = "invoke, rest, http, url, url-streamed, alb or alb-multi, then =ADDRESS:PORT if not a free port";
const SOURCES: &str = "sqs:QUEUE-URL, kinesis:STREAM, dynamodb:TABLE, s3:BUCKET, sns:TOPIC-ARN or eventbridge:PATTERN; then for queues and streams ,batch=N ,window=SECONDS ,report, for queues ,concurrency=N, for streams ,bisect ,retries=N ,age=SECONDS ,on-failure=ARN";

impl FromStr for Door {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || refuse("door", text, DOORS);
        let (place, media_types) = match text.split_once(',') {
            Some((place, types)) => (place, types.split(',').map(str::to_owned).collect()),
            None => (text, Vec::new()),
        };
        let (kind, address) = match place.split_once('=') {
            Some((kind, address)) => (kind, address.parse().map_err(|_| refuse())?),
            None => (place, SocketAddr::from(([127, 0, 0, 1], 0))),
        };
        let kind = match kind {
            "rest" => DoorKind::RestV1 { binary_media_types: media_types },
            _ if !media_types.is_empty() => return Err(refuse()),
            "invoke" => DoorKind::Invoke,
            "http" => DoorKind::HttpV2,
            "url" => DoorKind::FunctionUrl,
            "url-streamed" => DoorKind::FunctionUrlStreamed,
            "alb" => DoorKind::Alb,
            "alb-multi" => DoorKind::AlbMultiValue,
            _ => return Err(refuse()),
        };
        Ok(Self { kind, address })
    }
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || refuse("event source", text, SOURCES);
        let (kind, rest) = text.split_once(':').ok_or_else(refuse)?;
        // A pattern is JSON, with commas of its own.
        if kind == "eventbridge" {
            return Ok(Self::EventBridge { pattern: rest.to_owned() });
        }
        let mut settings = rest.split(',');
        let name = settings.next().filter(|name| !name.is_empty()).ok_or_else(refuse)?;
        match kind {
            "sqs" => {
                let mut source = SqsSource::new(name);
                for setting in settings {
                    set_sqs(&mut source, setting).ok_or_else(refuse)?;
                }
                Ok(Self::Sqs(source))
            }
            "kinesis" | "dynamodb" => {
                let mut source = StreamSource::new(name);
                for setting in settings {
                    set_stream(&mut source, setting).ok_or_else(refuse)?;
                }
                Ok(if kind == "kinesis" { Self::Kinesis(source) } else { Self::DynamoDb(source) })
            }
            "s3" => Ok(Self::S3 { bucket: name.to_owned() }),
            "sns" => Ok(Self::Sns { topic_arn: name.to_owned() }),
            _ => Err(refuse()),
        }
    }
}

fn set_sqs(source: &mut SqsSource, setting: &str) -> Option<()> {
    match setting.split_once('=') {
        Some(("batch", value)) => source.batch_size = value.parse().ok()?,
        Some(("window", value)) => source.batching_window = seconds(value)?,
        Some(("concurrency", value)) => source.maximum_concurrency = value.parse().ok()?,
        None if setting == "report" => source.report_batch_item_failures = true,
        _ => return None,
    }
    Some(())
}

fn set_stream(source: &mut StreamSource, setting: &str) -> Option<()> {
    match setting.split_once('=') {
        Some(("batch", value)) => source.batch_size = value.parse().ok()?,
        Some(("window", value)) => source.batching_window = seconds(value)?,
        Some(("retries", value)) => source.maximum_retries = Some(value.parse().ok()?),
        Some(("age", value)) => source.maximum_age = Some(seconds(value)?),
        Some(("on-failure", value)) => source.on_failure = Some(value.to_owned()),
        None if setting == "report" => source.report_batch_item_failures = true,
        None if setting == "bisect" => source.bisect = true,
        _ => return None,
    }
    Some(())
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

fn refuse(option: &'static str, found: &str, accepted: &str) -> Error {
    Error::Option { option, found: found.to_owned(), accepted: accepted.to_owned() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn doors_are_read() {
        let check = |text: &str, expected: &str| {
            let found =
                text.parse::<Door>().map(|door| format!("{:?} {}", door.kind, door.address));
            assert_eq!(found.unwrap_or_else(|_| "refused".to_owned()), expected, "{text}");
        };
        check("url=127.0.0.1:9000", "FunctionUrl 127.0.0.1:9000");
        check("rest,*/*", "RestV1 { binary_media_types: [\"*/*\"] } 127.0.0.1:0");
        check("http,*/*", "refused");
        check("door", "refused");
        check("alb=localhost", "refused");
    }

    #[test]
    fn sources_are_read() {
        let Source::Sqs(sqs) = "sqs:http://h:1/q,batch=5,window=0.5,report".parse().unwrap() else {
            unreachable!("the kind is in the text");
        };
        assert_eq!((sqs.queue_url.as_str(), sqs.batch_size), ("http://h:1/q", 5));
        assert_eq!(sqs.batching_window, Duration::from_millis(500));
        assert!(sqs.report_batch_item_failures);
        for text in ["sqs:", "sqs", "tape:x", "sqs:q,batch=many", "kinesis:s,concurrency=2"] {
            assert!(text.parse::<Source>().is_err(), "{text}");
        }
    }
}
