//! Where results of records and messages go, besides audit records: nowhere, or to a queue, a stream,
//! a bus, or S3.
//!
//! A result has a key that is the same whenever its record comes again, so that whoever reads
//! results can drop what it has. A record whose result can't be delivered is not answered.

#[cfg(feature = "aws")]
mod send;

use std::str::FromStr;
#[cfg(feature = "aws")]
use std::sync::Arc;

use predictor_host::HostError;
use serde_json::value::RawValue;

use crate::clock::Deadline;
use crate::event::{Record, Source};
use crate::invocation::Invocation;
#[cfg(feature = "aws")]
use crate::object::Place;
use crate::trace::Carried;
#[cfg(feature = "aws")]
use aws_call::Client;

/// Where results go (`SAMEBITS_RESULTS`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Target {
    /// Nowhere: audit records have them.
    #[default]
    Logs,
    /// A queue, by its URL.
    Sqs(String),
    /// A stream of Kinesis, by its name.
    Kinesis(String),
    /// A bus of EventBridge, by its name or ARN.
    EventBridge(String),
    /// A bucket and the beginning of keys, which ends with a slash if it is not empty.
    S3 { bucket: String, prefix: String },
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = match text.split_once(':') {
            None if text == "logs" => Some(Self::Logs),
            Some(("sqs", url)) if url.starts_with("http") => Some(Self::Sqs(url.to_owned())),
            Some(("kinesis", name)) if !name.is_empty() => Some(Self::Kinesis(name.to_owned())),
            Some(("eventbridge", bus)) if !bus.is_empty() => {
                Some(Self::EventBridge(bus.to_owned()))
            }
            Some(("s3", place)) => place.strip_prefix("//").and_then(|place| {
                let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
                let slash = if prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
                let prefix = format!("{prefix}{slash}");
                (!bucket.is_empty()).then(|| Self::S3 { bucket: bucket.to_owned(), prefix })
            }),
            _ => None,
        };
        let expected = "expected logs, sqs:QUEUE-URL, kinesis:STREAM, eventbridge:BUS or \
                        s3://BUCKET/PREFIX";
        let found = found.ok_or_else(|| format!("{expected}, found {text:?}"))?;
        if found != Self::Logs && !cfg!(feature = "aws") {
            return Err("this function was built without AWS's services; expected logs".into());
        }
        Ok(found)
    }
}

/// A bus of EventBridge, by its name or ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bus(pub(crate) String);

impl FromStr for Bus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse()? {
            Target::EventBridge(bus) => Ok(Self(bus)),
            _ => Err(format!("expected eventbridge:BUS, found {text:?}")),
        }
    }
}

/// The results of one record.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "nothing is sent"))]
pub(crate) struct Delivery {
    /// The same whenever the record comes again.
    pub(crate) key: String,
    /// Results of one lane are kept in order where the target does.
    pub(crate) lane: String,
    /// A JSON object.
    pub(crate) body: String,
    /// The trace that it goes on in.
    pub(crate) trace: Option<Carried>,
}

#[derive(serde::Serialize)]
struct Body<'a> {
    key: &'a str,
    source: &'static str,
    record: &'a str,
    request: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    predictions: &'a RawValue,
}

impl Delivery {
    /// The results of a record, each a JSON text.
    pub(crate) fn new(
        source: Source,
        record: &Record,
        invocation: &Invocation,
        texts: &[String],
    ) -> Self {
        let trace = invocation.carried(Some(record));
        let key = format!("{}:{}", source.name(), record.id);
        // The component's texts are JSON, and so is a list of them.
        let predictions = RawValue::from_string(format!("[{}]", texts.join(","))).ok();
        let body = predictions.map(|predictions| {
            Body {
                key: &key,
                source: source.name(),
                record: &record.id,
                request: &invocation.request,
                traceparent: trace.as_ref().map(|trace| trace.parent.as_str()),
                predictions: &predictions,
            }
            .to_json()
        });
        Self { lane: record.lane.clone(), body: body.unwrap_or_default(), key, trace }
    }
}

impl Body<'_> {
    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What delivers results.
#[derive(Debug)]
pub(crate) struct Results {
    target: Target,
    /// Made in init, where results go anywhere.
    #[cfg(feature = "aws")]
    client: Option<Arc<Client>>,
}

impl Results {
    /// Results that go to this target, through this client where it is one of AWS's.
    #[cfg(feature = "aws")]
    pub(crate) fn new(target: Target, client: Option<Arc<Client>>) -> Self {
        Self { target, client }
    }

    /// Results that go nowhere.
    #[cfg(not(feature = "aws"))]
    pub(crate) fn new(target: Target) -> Self {
        Self { target }
    }

    /// Where results of objects go.
    #[cfg(feature = "aws")]
    pub(crate) fn place_of_objects(&self) -> Option<(&Client, Place<'_>)> {
        match (&self.client, &self.target) {
            (Some(client), Target::S3 { bucket, prefix }) => {
                Some((client, Place { bucket, prefix }))
            }
            _ => None,
        }
    }

    /// Whether results go anywhere, so that they must be made.
    pub(crate) fn are_wanted(&self) -> bool {
        self.target != Target::Logs
    }

    /// Delivers: for each, nothing, or why it was not.
    #[cfg(feature = "aws")]
    pub(crate) async fn deliver(
        &self,
        deliveries: &[Delivery],
        deadline: Deadline,
    ) -> Vec<Result<(), HostError>> {
        match &self.client {
            Some(client) => send::all(client, &self.target, deliveries, deadline).await,
            None => deliveries.iter().map(|_| Ok(())).collect(),
        }
    }

    /// Delivers nothing, since there is nowhere to.
    #[cfg(not(feature = "aws"))]
    pub(crate) async fn deliver(
        &self,
        deliveries: &[Delivery],
        _: Deadline,
    ) -> Vec<Result<(), HostError>> {
        deliveries.iter().map(|_| Ok(())).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::event::Body as RecordBody;

    #[test]
    fn targets_are_read() {
        let check = |text: &str, expected: Target| {
            assert_eq!(text.parse::<Target>().unwrap(), expected, "{text}");
        };
        check("logs", Target::Logs);
        let url = "https://sqs.us-east-1.amazonaws.com/123456789012/results";
        check(&format!("sqs:{url}"), Target::Sqs(url.into()));
        check("kinesis:results", Target::Kinesis("results".into()));
        check("eventbridge:default", Target::EventBridge("default".into()));
        let s3 = |prefix: &str| Target::S3 { bucket: "b".into(), prefix: prefix.into() };
        check("s3://b", s3(""));
        check("s3://b/", s3(""));
        check("s3://b/results/of", s3("results/of/"));
        for text in
            ["", "log", "sqs:results", "kinesis:", "s3:b", "s3://", "ftp://b", "eventbridge:"]
        {
            let error = text.parse::<Target>().unwrap_err();
            assert!(error.starts_with("expected logs, sqs:QUEUE-URL"), "{error}");
        }
    }

    #[test]
    fn only_a_bus_takes_alerts() {
        let bus = "eventbridge:alerts".parse::<Bus>().unwrap();
        assert_eq!(bus, Bus("alerts".into()));
        let error = "kinesis:alerts".parse::<Bus>().unwrap_err();
        assert!(error.starts_with("expected eventbridge:BUS, found"), "{error}");
    }

    #[test]
    fn a_result_has_the_key_of_its_record() {
        let record = Record::new("m-1".into(), RecordBody::Nothing);
        let texts = [r#"{"score":0.1}"#.to_owned(), r#"{"score":0.2}"#.to_owned()];
        let invocation = Invocation::example("r-1");
        let delivery = Delivery::new(Source::Sqs, &record, &invocation, &texts);
        assert_eq!(delivery.key, "sqs:m-1");
        let expected = r#"{"key":"sqs:m-1","source":"sqs","record":"m-1","request":"r-1","predictions":[{"score":0.1},{"score":0.2}]}"#;
        assert_eq!(delivery.body, expected);
    }
}
