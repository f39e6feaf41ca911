//! S3 notifications, SNS topics and EventBridge rules: services that push events to the function,
//! which is then invoked asynchronously.
//!
//! An AWS-compatible endpoint can't push to this process, so the emulator subscribes a queue of its
//! own and takes the events from there; the function sees the form that the service sends to Lambda.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

use super::{Feed, pause_after, text};
use crate::aws::{EVENTS, SQS};
use crate::error::Error;
use crate::server::OwnedTask;

/// Makes the event of Lambda from a message, or nothing.
type Convert = Box<dyn Fn(Value) -> Option<Value> + Send + Sync>;

struct Queue {
    url: String,
    arn: String,
}

pub(crate) async fn open_s3(feed: &Arc<Feed>, bucket: &str) -> Result<Vec<OwnedTask>, Error> {
    let queue = make_queue(feed).await?;
    let path = format!("/{bucket}?notification");
    let before = feed.aws.s3(Method::GET, &path, Bytes::new()).await?;
    let ours = format!(
        "<QueueConfiguration><Queue>{}</Queue><Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event></QueueConfiguration></NotificationConfiguration>",
        queue.arn
    );
    // What is configured already stays.
    let before = String::from_utf8_lossy(&before).into_owned();
    let after = if before.contains("</NotificationConfiguration>") {
        before.replace("</NotificationConfiguration>", &ours)
    } else {
        format!(
            "<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{ours}"
        )
    };
    feed.aws.s3(Method::PUT, &path, after.into()).await?;
    // S3 sends its test event to queues and topics, never to a function.
    let convert = |mut message: Value| {
        for record in message.get_mut("Records")?.as_array_mut()? {
            complete_s3_record(record);
        }
        Some(message)
    };
    Ok(vec![listen(feed, queue, format!("s3:{bucket}"), Box::new(convert))])
}

pub(crate) async fn open_sns(feed: &Arc<Feed>, topic_arn: &str) -> Result<Vec<OwnedTask>, Error> {
    let queue = make_queue(feed).await?;
    let fields = [
        ("TopicArn", topic_arn),
        ("Protocol", "sqs"),
        ("Endpoint", queue.arn.as_str()),
        ("ReturnSubscriptionArn", "true"),
    ];
    let answer = feed.aws.sns("Subscribe", &fields).await?;
    let subscription = element(&answer, "SubscriptionArn").unwrap_or_default();
    let convert = move |message: Value| {
        let Value::Object(fields) = message else { return None };
        Some(sns_event(fields, &subscription))
    };
    let name = format!("sns:{}", topic_arn.rsplit(':').next().unwrap_or_default());
    Ok(vec![listen(feed, queue, name, Box::new(convert))])
}

pub(crate) async fn open_event_bridge(
    feed: &Arc<Feed>,
    pattern: &str,
) -> Result<Vec<OwnedTask>, Error> {
    if serde_json::from_str::<Map<String, Value>>(pattern).is_err() {
        return Err(Error::Option {
            option: "event pattern",
            found: pattern.to_owned(),
            accepted: r#"a JSON object, as in {"source": ["my.app"]}"#.to_owned(),
        });
    }
    let queue = make_queue(feed).await?;
    let rule = format!("lambda-emulator-{}", uuid::Uuid::new_v4().simple());
    let body = json!({"Name": rule, "EventPattern": pattern, "State": "ENABLED"});
    feed.aws.json(EVENTS, "PutRule", &body).await?;
    let targets = json!({"Rule": rule, "Targets": [{"Id": "function", "Arn": queue.arn}]});
    feed.aws.json(EVENTS, "PutTargets", &targets).await?;
    Ok(vec![listen(feed, queue, "eventbridge".to_owned(), Box::new(Some))])
}

/// Adds what S3 always sends and an AWS-compatible endpoint may leave out.
fn complete_s3_record(record: &mut Value) {
    let request_id = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    let defaults = json!({
        "userIdentity": {"principalId": "AWS:EMULATOR"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {
            "x-amz-request-id": request_id.get(..16),
            "x-amz-id-2": "lambda-emulator",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "bucket": {"ownerIdentity": {"principalId": "EMULATOR"}},
            "object": {"sequencer": request_id.get(16..)},
        },
    });
    fill(record, &defaults);
}

/// Puts the values of `defaults` where `value` has none.
fn fill(value: &mut Value, defaults: &Value) {
    let (Some(fields), Some(defaults)) = (value.as_object_mut(), defaults.as_object()) else {
        return;
    };
    for (name, default) in defaults {
        match fields.get_mut(name) {
            Some(found) => fill(found, default),
            None => drop(fields.insert(name.clone(), default.clone())),
        }
    }
}

/// A notification as SNS sends it to a function: other names for two fields, and a wrapping.
fn sns_event(fields: Map<String, Value>, subscription: &str) -> Value {
    let mut sns: Map<String, Value> = fields
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            "SigningCertURL" => ("SigningCertUrl".to_owned(), value),
            "UnsubscribeURL" => ("UnsubscribeUrl".to_owned(), value),
            _ => (name, value),
        })
        .collect();
    sns.entry("Subject").or_insert(Value::Null);
    sns.entry("MessageAttributes").or_insert_with(|| json!({}));
    json!({"Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription,
        "Sns": sns,
    }]})
}

async fn make_queue(feed: &Feed) -> Result<Queue, Error> {
    let name = format!("lambda-emulator-{}", uuid::Uuid::new_v4().simple());
    let made = feed.aws.json(SQS, "CreateQueue", &json!({"QueueName": name})).await?;
    let url = text(&made, "QueueUrl").to_owned();
    let body = json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]});
    let answer = feed.aws.json(SQS, "GetQueueAttributes", &body).await?;
    let arn = answer.get("Attributes").map_or("", |it| text(it, "QueueArn")).to_owned();
    Ok(Queue { url, arn })
}

fn listen(feed: &Arc<Feed>, queue: Queue, name: String, convert: Convert) -> OwnedTask {
    let feed = Arc::clone(feed);
    OwnedTask::spawn(async move {
        loop {
            if let Err(error) = receive(&feed, &queue, &name, &convert).await {
                pause_after(&error, &name).await;
            }
        }
    })
}

async fn receive(feed: &Feed, queue: &Queue, name: &str, convert: &Convert) -> Result<(), Error> {
    let body = json!({"QueueUrl": queue.url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
    let answer = feed.aws.json(SQS, "ReceiveMessage", &body).await?;
    for message in answer.get("Messages").and_then(Value::as_array).into_iter().flatten() {
        let handle =
            json!({"QueueUrl": queue.url, "ReceiptHandle": text(message, "ReceiptHandle")});
        feed.aws.json(SQS, "DeleteMessage", &handle).await?;
        let Ok(content) = serde_json::from_str(text(message, "Body")) else {
            tracing::warn!(name, "a message is no JSON and is left out");
            continue;
        };
        if let Some(event) = convert(content) {
            feed.asynchronous.submit(name, event.to_string());
        }
    }
    Ok(())
}

/// The text of the first XML element with this name.
fn element(xml: &[u8], name: &str) -> Option<String> {
    let mut reader = quick_xml::Reader::from_reader(xml);
    let mut inside = false;
    loop {
        match reader.read_event().ok()? {
            quick_xml::events::Event::Start(start) => {
                inside = start.local_name().as_ref() == name;
            }
            quick_xml::events::Event::Text(found) if inside => {
                return Some(found.to_string());
            }
            quick_xml::events::Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_found_in_sns_answers() {
        let xml = b"<SubscribeResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><SubscribeResult><SubscriptionArn>arn:x</SubscriptionArn></SubscribeResult></SubscribeResponse>";
        assert_eq!(element(xml, "SubscriptionArn").as_deref(), Some("arn:x"));
        assert_eq!(element(xml, "Other"), None);
    }
}
