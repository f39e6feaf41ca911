//! Records of Kafka, of Amazon MSK or one's own.
//!
//! Shapes: AWS Lambda developer guide, "Using Lambda with Amazon MSK" and "with self-managed Apache
//! Kafka".

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::record::{Body, Record};
use super::source::{Batch, Order, Source, short};
use super::{ACCEPTED, Event, broken};
use crate::failure::Failure;
use crate::trace::{TRACEPARENT, TRACESTATE, Trace};

#[derive(Deserialize)]
struct KafkaRecord<'a> {
    topic: String,
    partition: u64,
    offset: u64,
    timestamp: Option<u64>,
    #[serde(borrow)]
    value: Option<Cow<'a, str>>,
    /// Each header by itself; its value is bytes, as numbers.
    #[serde(default)]
    headers: Vec<BTreeMap<String, Vec<i16>>>,
}

impl KafkaRecord<'_> {
    fn trace(&self) -> Option<Trace> {
        let header = |name: &str| {
            let bytes = self.headers.iter().find_map(|header| header.get(name))?;
            let bytes: Option<Vec<u8>> =
                bytes.iter().map(|byte| u8::try_from(*byte).ok()).collect();
            String::from_utf8(bytes?).ok()
        };
        Trace::w3c(&header(TRACEPARENT)?, header(TRACESTATE).as_deref())
    }
}

#[derive(Deserialize)]
struct KafkaSource<'a> {
    #[serde(borrow, rename = "eventSource")]
    event_source: Cow<'a, str>,
}

/// Reads the records of Amazon MSK or a Kafka of one's own, by topic and partition.
pub(super) fn records(text: &str, topics: &RawValue) -> Result<Event, Failure> {
    let unreadable = |error: serde_json::Error| broken("Kafka", &error);
    let source: KafkaSource<'_> = serde_json::from_str(text).map_err(unreadable)?;
    if !matches!(
        source.event_source.as_ref(),
        "aws:kafka" | "aws:SelfManagedKafka" | "SelfManagedKafka"
    ) {
        let name = short(&source.event_source);
        return Err(Failure::Event(format!(
            "records of the source {name:?} are not answered; expected {ACCEPTED}"
        )));
    }
    let found: BTreeMap<String, Vec<KafkaRecord<'_>>> =
        serde_json::from_str(topics.get()).map_err(unreadable)?;
    let records = found.into_values().flatten().map(|record| {
        // The name of a partition and the form of the answer: "Configuring error handling controls
        // for Kafka event sources".
        let partition = format!("{}-{}", record.topic, record.partition);
        let trace = record.trace().map(Box::new);
        // A record without a value says that its key is gone.
        let body = record.value.map_or(Body::Nothing, |value| Body::Base64(value.into_owned()));
        let identifier = serde_json::json!({"partition": partition, "offset": record.offset});
        let id = format!("{partition}:{}", record.offset);
        let sent = record.timestamp;
        Record { identifier, lane: partition, sent, trace, ..Record::new(id, body) }
    });
    let (source, order) = (Source::Kafka, Order::Checkpoint);
    Ok(Event::Records(Batch { source, order, records: records.collect() }))
}
