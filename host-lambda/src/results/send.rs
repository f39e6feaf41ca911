//! Sends results, in as few calls as the services' limits allow.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use model_package::Digest;
use predictor_host::{Class, HostError};
use serde_json::{Map, Value, json};

use super::{Delivery, Target};
use crate::clock::Deadline;
use crate::failure::refused;
use crate::trace::{Carried, TRACEPARENT, TRACESTATE};
use aws_call::{AwsError, Client, EVENTS, JsonService, KINESIS, Patience, PutRequest, SQS};

/// What one call takes at most.
struct Limits {
    entries: usize,
    /// Of an entry, and of all entries of a call.
    bytes: usize,
}

/// A service that takes entries in batches, and says which of them failed.
struct Batches {
    service: JsonService,
    action: &'static str,
    limits: Limits,
}

/// Of Amazon SQS: 10 messages; 256 KiB is what every queue accepts.
const SEND: Batches = Batches {
    service: SQS,
    action: "SendMessageBatch",
    limits: Limits { entries: 10, bytes: 256 << 10 },
};
/// Of Kinesis: 500 records, 1 MiB each; fewer bytes than the 5 MiB of a call, for base64.
const PUT: Batches = Batches {
    service: KINESIS,
    action: "PutRecords",
    limits: Limits { entries: 500, bytes: 1 << 20 },
};
/// Of EventBridge: 10 entries, 256 KiB together.
const EVENT: Batches = Batches {
    service: EVENTS,
    action: "PutEvents",
    limits: Limits { entries: 10, bytes: 256 << 10 },
};
/// What an entry has besides its body.
const AROUND: usize = 1 << 10;

type Sent = Result<(), HostError>;

/// Sends all of them to the target.
pub(super) async fn all(
    client: &Client,
    target: &Target,
    deliveries: &[Delivery],
    deadline: Deadline,
) -> Vec<Sent> {
    let patience = deadline.for_answer();
    match target {
        Target::Logs => deliveries.iter().map(|_| Ok(())).collect(),
        Target::S3 { bucket, prefix } => {
            let mut sent: Vec<Sent> = Vec::with_capacity(deliveries.len());
            let mut down: Option<String> = None;
            for delivery in deliveries {
                if let Some(reason) = &down {
                    sent.push(Err(unreached(reason)));
                    continue;
                }
                // A key is of a source and a record's id, which may hold colons.
                let key = format!("{prefix}{}.json", delivery.key.replacen(':', "/", 1));
                let body = Bytes::from(delivery.body.clone());
                let put = PutRequest {
                    bucket,
                    key: &key,
                    content_type: "application/json",
                    body: &body,
                    sha256: None,
                    kms_key: None,
                };
                // One that is there already is of an earlier time that the record came.
                let put = client.put_new_object(&put, patience).await;
                down = put.as_ref().err().and_then(outage);
                sent.push(put.map(drop).map_err(|error| unreached(&error.to_string())));
            }
            sent
        }
        Target::Sqs(url) => {
            let fifo = url.ends_with(".fifo");
            let entry = |index: usize, delivery: &Delivery| message(index, delivery, fifo);
            let call = |entries: Vec<Value>| json!({"QueueUrl": url, "Entries": entries});
            batches(client, &SEND, deliveries, patience, entry, call, taken_message).await
        }
        Target::Kinesis(name) => {
            let entry = |_, delivery: &Delivery| {
                let key: String = delivery.key.chars().take(256).collect();
                json!({"Data": BASE64_STANDARD.encode(&delivery.body), "PartitionKey": key})
            };
            let call = |entries: Vec<Value>| json!({"StreamName": name, "Records": entries});
            let taken =
                |answer: &Value, place| taken_in_order(answer, "Records", "SequenceNumber", place);
            batches(client, &PUT, deliveries, patience, entry, call, taken).await
        }
        Target::EventBridge(bus) => {
            let entry = |_, delivery: &Delivery| {
                let mut entry = json!({
                    "EventBusName": bus,
                    "Source": "samebits",
                    "DetailType": "Prediction Made",
                    "Detail": delivery.body,
                });
                let header = delivery.trace.as_ref().and_then(Carried::x_ray);
                if let (Some(header), Some(entry)) = (header, entry.as_object_mut()) {
                    entry.insert("TraceHeader".into(), header.into());
                }
                entry
            };
            let call = |entries: Vec<Value>| json!({"Entries": entries});
            let taken = |answer: &Value, place| taken_in_order(answer, "Entries", "EventId", place);
            batches(client, &EVENT, deliveries, patience, entry, call, taken).await
        }
    }
}

/// A message of a batch, which SQS names by its id.
fn message(index: usize, delivery: &Delivery, fifo: bool) -> Value {
    let text = |text: &str| json!({"DataType": "String", "StringValue": text});
    let mut message = Map::new();
    let mut put = |name: &str, value: Value| message.insert(name.to_owned(), value);
    put("Id", index.to_string().into());
    put("MessageBody", delivery.body.as_str().into());
    if let Some(trace) = &delivery.trace {
        let mut attributes = Map::new();
        attributes.insert(TRACEPARENT.to_owned(), text(&trace.parent));
        if let Some(state) = &trace.state {
            attributes.insert(TRACESTATE.to_owned(), text(state));
        }
        put("MessageAttributes", attributes.into());
        if let Some(header) = trace.x_ray() {
            put("MessageSystemAttributes", json!({"AWSTraceHeader": text(&header)}));
        }
    }
    if fifo {
        let group = if delivery.lane.is_empty() { "results" } else { &delivery.lane };
        put("MessageGroupId", group.into());
        let key = Digest::of(delivery.key.as_bytes()).hex();
        put("MessageDeduplicationId", key.into());
    }
    message.into()
}

/// Sends in batches. What failed alone is sent a second time; services are throttled by the entry. `taken` says
/// of an answer whether the entry at a place was taken.
async fn batches(
    client: &Client,
    batches: &Batches,
    deliveries: &[Delivery],
    patience: Patience,
    entry: impl Fn(usize, &Delivery) -> Value,
    call: impl Fn(Vec<Value>) -> Value,
    taken: impl Fn(&Value, usize) -> Result<(), String>,
) -> Vec<Sent> {
    let mut sent: Vec<Sent> = deliveries.iter().map(|delivery| fits(delivery, batches)).collect();
    let all = deliveries.iter().enumerate();
    let mut waiting: Vec<_> =
        all.zip(&sent).filter(|(_, fits)| fits.is_ok()).map(|(d, _)| d).collect();
    let mut down: Option<String> = None;
    for _ in 0..2 {
        let mut again = Vec::new();
        for part in parts(&waiting, &batches.limits) {
            if let Some(reason) = &down {
                for (index, _) in part {
                    set(&mut sent, *index, Err(unreached(reason)));
                }
                continue;
            }
            let entries = part.iter().enumerate();
            let entries = entries.map(|(place, (_, delivery))| entry(place, delivery)).collect();
            let answer =
                client.json(batches.service, batches.action, &call(entries), patience).await;
            down = answer.as_ref().err().and_then(outage);
            for (place, (index, delivery)) in part.iter().enumerate() {
                let entry = match &answer {
                    Ok(answer) => taken(answer, place),
                    Err(error) => Err(error.to_string()),
                };
                // A whole call that failed was tried often enough.
                if entry.is_err() && answer.is_ok() {
                    again.push((*index, *delivery));
                }
                set(&mut sent, *index, entry.map_err(|reason| unreached(&reason)));
            }
        }
        if again.is_empty() {
            break;
        }
        waiting = again;
    }
    sent
}

fn set(sent: &mut [Sent], index: usize, value: Sent) {
    if let Some(place) = sent.get_mut(index) {
        *place = value;
    }
}

/// Cuts into parts that a call takes.
fn parts<'a, 'b>(
    waiting: &'b [(usize, &'a Delivery)],
    limits: &Limits,
) -> Vec<&'b [(usize, &'a Delivery)]> {
    let mut parts = Vec::new();
    let (mut rest, mut count, mut bytes) = (waiting, 0, 0);
    for (_, delivery) in waiting {
        let size = delivery.body.len() + AROUND;
        if count == limits.entries || (count > 0 && bytes + size > limits.bytes) {
            let (part, others) = rest.split_at(count);
            parts.push(part);
            (rest, count, bytes) = (others, 0, 0);
        }
        (count, bytes) = (count + 1, bytes + size);
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

fn fits(delivery: &Delivery, batches: &Batches) -> Sent {
    let (found, most) = (delivery.body.len(), batches.limits.bytes - AROUND);
    if found <= most {
        return Ok(());
    }
    let service = batches.action;
    let message = format!(
        "a result of {found} bytes, {service} takes {most}; send fewer instances in one record"
    );
    Err(refused(Class::TooLarge, "result-too-large", message))
}

/// Why nothing more is sent after a call that failed, if it is not the call's own fault: what comes after it
/// would wait in vain as long.
fn outage(error: &AwsError) -> Option<String> {
    let own = !error.passes() && !matches!(error, AwsError::OutOfTime { .. });
    (!own).then(|| format!("it was not tried after this: {error}"))
}

fn unreached(reason: &str) -> HostError {
    let message = format!("the result can't be delivered: {reason}");
    refused(Class::Internal, "undelivered", message)
}

/// Why an entry counts as failed that an answer says nothing of: it may be an answer of somebody else.
const UNSAID: &str = "the answer does not say what became of it";

/// Whether SQS took the message with this id, or why not.
fn taken_message(answer: &Value, id: usize) -> Result<(), String> {
    let id = id.to_string();
    let find = |list: &str| {
        let entries = answer[list].as_array()?;
        entries.iter().find(|entry| entry["Id"].as_str() == Some(&id))
    };
    match (find("Failed"), find("Successful")) {
        (Some(failed), _) => Err(reason(failed, "Code", "Message")),
        (None, Some(_)) => Ok(()),
        (None, None) => Err(UNSAID.into()),
    }
}

/// Whether Kinesis or EventBridge took the entry at this place of `list`, which it then gave an `id`; or why not.
fn taken_in_order(answer: &Value, list: &str, id: &str, place: usize) -> Result<(), String> {
    match answer[list].get(place) {
        Some(entry) if entry["ErrorCode"].is_string() => {
            Err(reason(entry, "ErrorCode", "ErrorMessage"))
        }
        Some(entry) if entry[id].is_string() => Ok(()),
        _ => Err(UNSAID.into()),
    }
}

fn reason(entry: &Value, code: &str, message: &str) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    format!("{} {}", text(code), text(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(bytes: usize) -> Delivery {
        let (key, lane) = (String::new(), String::new());
        Delivery { key, lane, body: "x".repeat(bytes), trace: None }
    }

    #[test]
    fn a_message_has_its_trace_in_both_forms() {
        let (id, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let carried = Carried { parent: format!("00-{id}-{span}-01"), state: Some("a=1".into()) };
        let delivery = Delivery { trace: Some(carried), ..delivery(1) };
        let root = format!("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent={span};Sampled=1");
        let expected = json!({
            "Id": "3", "MessageBody": "x",
            "MessageAttributes": {
                "traceparent": {"DataType": "String", "StringValue": format!("00-{id}-{span}-01")},
                "tracestate": {"DataType": "String", "StringValue": "a=1"},
            },
            "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": root}},
        });
        assert_eq!(message(3, &delivery, false), expected);
        let fifo = message(3, &delivery, true);
        assert_eq!(fifo.get("MessageGroupId"), Some(&json!("results")));
        assert_eq!(fifo.get("MessageAttributes"), expected.get("MessageAttributes"));
    }

    #[test]
    fn parts_keep_to_the_limits() {
        let check = |sizes: &[usize], expected: &[usize]| {
            let deliveries: Vec<_> = sizes.iter().map(|size| delivery(*size)).collect();
            let waiting: Vec<_> = deliveries.iter().enumerate().collect();
            let parts = parts(&waiting, &Limits { entries: 3, bytes: 10 * AROUND });
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), expected);
        };
        check(&[], &[]);
        check(&[1], &[1]);
        check(&[1; 7], &[3, 3, 1]);
        check(&[9 * AROUND, 1, 1], &[1, 2]);
        check(&[4 * AROUND, 4 * AROUND, 1], &[2, 1]);
    }

    #[test]
    fn what_an_answer_does_not_confirm_is_not_taken() {
        let sqs = json!({"Successful": [{"Id": "0"}],
            "Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": false}]});
        let check = |answer: &Value, place, expected: Result<(), &str>| {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(taken_message(answer, place), expected, "{answer}");
        };
        check(&sqs, 0, Ok(()));
        check(&sqs, 1, Err("InternalError "));
        check(&sqs, 2, Err(UNSAID));
        check(&Value::Null, 0, Err(UNSAID));
        check(&json!({"Successful": 1, "Failed": ["0"]}), 0, Err(UNSAID));
        let kinesis = json!({"FailedRecordCount": 1, "Records": [{"SequenceNumber": "1"},
            {"ErrorCode": "InternalFailure", "ErrorMessage": "no"}, {"ErrorCode": null}]});
        let check = |answer: &Value, place, expected: Result<(), &str>| {
            let found = taken_in_order(answer, "Records", "SequenceNumber", place);
            assert_eq!(found, expected.map_err(str::to_owned), "{answer}");
        };
        check(&kinesis, 0, Ok(()));
        check(&kinesis, 1, Err("InternalFailure no"));
        check(&kinesis, 2, Err(UNSAID));
        check(&kinesis, 3, Err(UNSAID));
        check(&json!({}), 0, Err(UNSAID));
        check(&json!("<html>"), 0, Err(UNSAID));
    }

    #[test]
    fn a_result_that_no_call_takes_is_poison() {
        let error = fits(&delivery(300 << 10), &SEND).map_err(|error| error.class());
        assert_eq!(error, Err(Class::TooLarge));
        assert!(fits(&delivery(200 << 10), &SEND).is_ok());
    }
}
