//! A function for queues and streams: each record says in its text what is to become of it.
//!
//! `ok` succeeds, `report` is reported as failed, `report once` is reported the first time that this
//! process sees it, `throw` fails the whole batch; `answer JSON` makes JSON the answer. In a FIFO
//! queue everything after a failure of its group is reported too.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

static SEEN: Mutex<Option<HashSet<String>>> = Mutex::new(None);

#[tokio::main]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let event = event.payload;
    println!("EVENT {event}");
    let mut failures = Vec::new();
    let mut broken = HashSet::new();
    for record in event.get("Records").and_then(Value::as_array).into_iter().flatten() {
        let (id, text, group) = content(record);
        println!("RECORD {text}");
        let failed = match text.as_str() {
            "throw" => return Err("told to throw".into()),
            "report" => true,
            "report once" => {
                let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
                seen.get_or_insert_default().insert(id.clone())
            }
            text => match text.strip_prefix("answer ") {
                Some(answer) => return Ok(serde_json::from_str(answer)?),
                None => false,
            },
        };
        if failed || broken.contains(&group) {
            failures.push(json!({"itemIdentifier": id}));
            if !group.is_empty() {
                broken.insert(group);
            }
        }
    }
    if let Some(text) = event.get("text").and_then(Value::as_str)
        && text == "throw"
    {
        return Err("told to throw".into());
    }
    Ok(json!({"batchItemFailures": failures}))
}

/// A record's identifier, its text, and its group in a FIFO queue.
fn content(record: &Value) -> (String, String, String) {
    let text = |pointer: &str| {
        record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    match record.get("eventSource").and_then(Value::as_str) {
        Some("aws:kinesis") => {
            let data = base64::engine::general_purpose::STANDARD.decode(text("/kinesis/data"));
            let data = String::from_utf8_lossy(&data.unwrap_or_default()).into_owned();
            (text("/kinesis/sequenceNumber"), data, String::new())
        }
        Some("aws:dynamodb") => {
            (text("/dynamodb/SequenceNumber"), text("/dynamodb/NewImage/text/S"), String::new())
        }
        Some("aws:sqs") => (text("/messageId"), text("/body"), text("/attributes/MessageGroupId")),
        _ => (String::new(), text("/Sns/Message"), String::new()),
    }
}
