use serde_json::json;

use super::*;

/// What an event is, in a word, with its records' ids, lanes and order.
fn told(event: &str) -> String {
    match Event::read(event) {
        Ok(Event::Http(_)) => "http".into(),
        Ok(Event::Records(batch)) => {
            let records = batch
                .records
                .iter()
                .map(|record| format!(" {}={}/{}", record.id, record.identifier, record.lane));
            format!("{} {:?}{}", batch.source.name(), batch.order, records.collect::<String>())
        }
        Ok(Event::Message(source, record)) => {
            format!("{} {} {:?}", source.name(), record.id, record.body)
        }
        Ok(Event::Objects(objects)) => objects
            .iter()
            .map(|object| format!("s3 {} {} {:?}", object.bucket, object.key, object.version))
            .collect(),
        Ok(Event::Promoted(promoted)) => format!("promoted {} {}", promoted.place, promoted.alias),
        Ok(Event::WarmUp) => "warm-up".into(),
        Ok(Event::Direct(request)) => {
            format!("direct {} {}", request.instances().len(), request.is_array())
        }
        Ok(Event::Envelope(envelope)) => {
            format!("envelope {:?} {}", envelope.model, envelope.request.instances().len())
        }
        Err(failure) => format!("{}: {failure}", failure.kind()),
    }
}

#[track_caller]
fn check(event: &serde_json::Value, expected: &str) {
    let found = told(&event.to_string());
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn instances_are_no_events() {
    check(&json!({"amount": 42.8}), "direct 1 false");
    check(&json!([{"amount": 42.8}, 1]), "direct 2 true");
    check(&json!("well done"), "direct 1 false");
    // Names of fields that events have too, with values that events don't have there.
    check(&json!({"source": "web", "detail": "x", "requestContext": 1}), "direct 1 false");
    check(&json!({"instances": 3, "records": [], "eventSource": 1}), "direct 1 false");
    check(&json!({"instances": [{}, {}], "model": "fraud"}), "envelope Some(\"fraud\") 2");
    check(&json!({"Items": [{}], "BatchInput": {"model": "fraud"}}), "envelope Some(\"fraud\") 1");
    check(&json!({"Items": [{}, {}, {}]}), "envelope None 3");
}

#[test]
fn pings_are_told_from_events() {
    let scheduled = json!({
        "version": "0", "id": "e-1", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "123456789012", "time": "2026-11-25T00:00:00Z", "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/warm"], "detail": {}
    });
    check(&scheduled, "warm-up");
    check(&json!({"source": "serverless-plugin-warmup"}), "warm-up");
}

#[test]
fn http_requests_are_told_by_their_context() {
    check(&json!({"httpMethod": "POST", "path": "/", "requestContext": {"stage": "x"}}), "http");
    check(&json!({"version": "2.0", "rawPath": "/", "requestContext": {"http": {}}}), "http");
    check(&json!({"httpMethod": "GET", "requestContext": {"elb": {}}}), "http");
}

fn sqs(arn: &str, groups: &[Option<&str>]) -> serde_json::Value {
    let records = groups.iter().enumerate().map(|(index, group)| {
        json!({
            "messageId": format!("m{index}"), "receiptHandle": "h", "body": "{}",
            "attributes": {"SentTimestamp": "1545082649183", "MessageGroupId": group},
            "messageAttributes": {}, "md5OfBody": "x", "eventSource": "aws:sqs",
            "eventSourceARN": arn, "awsRegion": "us-east-2"
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

#[test]
fn queues() {
    let standard = "arn:aws:sqs:us-east-2:123456789012:my-queue";
    check(&sqs(standard, &[None, None]), r#"sqs Any m0="m0"/ m1="m1"/"#);
    // A standard queue with groups, which are for fairness.
    check(&sqs(standard, &[Some("a")]), r#"sqs Any m0="m0"/"#);
    let fifo = "arn:aws:sqs:us-east-2:123456789012:my-queue.fifo";
    check(&sqs(fifo, &[Some("a"), Some("b")]), r#"sqs Lane m0="m0"/a m1="m1"/b"#);
}

#[test]
fn a_body_that_is_no_text_is_the_fault_of_its_record() {
    let event = sqs("arn:aws:sqs:us-east-1:123456789012:scores", &[None, None]).to_string();
    let event = event.replacen(r#""body":"{}""#, r#""body":"\ud800""#, 1);
    let Ok(Event::Records(batch)) = Event::read(&event) else { panic!("{event}") };
    let refused: Vec<_> =
        batch.records.iter().map(|record| matches!(record.body, Body::Refused(_))).collect();
    assert_eq!(refused, [true, false]);
}

#[test]
fn streams() {
    let kinesis = json!({"Records": [{
        "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "1", "sequenceNumber": "495",
            "data": "e30=", "approximateArrivalTimestamp": 1545084650.987},
        "eventSource": "aws:kinesis", "eventID": "shardId-000000000006:495"
    }]});
    check(&kinesis, r#"kinesis Checkpoint 495="495"/"#);
    let dynamodb = json!({"Records": [
        {"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": {
            "SequenceNumber": "111", "NewImage": {"amount": {"N": "42.8"}}, "Keys": {}}},
        {"eventSource": "aws:dynamodb", "eventName": "REMOVE", "dynamodb": {"SequenceNumber": "112"}}
    ]});
    check(&dynamodb, r#"dynamodb Checkpoint 111="111"/ 112="112"/"#);
    let kafka = json!({"eventSource": "aws:kafka", "eventSourceArn": "arn", "records": {
        "orders-0": [{"topic": "orders", "partition": 0, "offset": 15, "timestamp": 1545084650987_u64,
            "timestampType": "CREATE_TIME", "key": "a2V5", "value": "e30=", "headers": []}]
    }});
    let expected = r#"kafka Checkpoint orders-0:15={"offset":15,"partition":"orders-0"}/orders-0"#;
    check(&kafka, expected);
}

/// The trace of the first record, as logs show it.
fn trace(event: &serde_json::Value) -> Option<String> {
    let record = match Event::read(&event.to_string()) {
        Ok(Event::Records(batch)) => batch.records.into_iter().next(),
        Ok(Event::Message(_, record)) => Some(record),
        _ => None,
    };
    record?.trace.map(|trace| trace.shown().to_owned())
}

#[test]
fn records_have_traces_of_their_own() {
    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
    let w3c = format!("00-{ID}-00f067aa0ba902b7-01");
    let check = |event: serde_json::Value, expected: Option<&str>| {
        assert_eq!(trace(&event).as_deref(), expected, "{event}");
    };
    let sqs = |attribute: &str, header: &str| {
        json!({"Records": [{"messageId": "m", "body": "{}", "eventSource": "aws:sqs",
        "attributes": {"AWSTraceHeader": header},
        "messageAttributes": {
            "traceparent": {"stringValue": attribute, "dataType": "String"},
            "other": {"binaryValue": "AA==", "dataType": "Binary"},
        }}]})
    };
    let header = format!("Root={ROOT};Sampled=1");
    check(sqs(&w3c, &header), Some(ID));
    check(sqs("no trace", &header), Some(ROOT));
    check(sqs("no trace", "none"), None);
    let kafka = |headers: serde_json::Value| {
        json!({"eventSource": "aws:kafka", "records": {"t-0": [
            {"topic": "t", "partition": 0, "offset": 1, "value": "e30=", "headers": headers}]}})
    };
    // The bytes of Java, which may be less than zero.
    check(kafka(json!([{"other": [-1, 5]}, {"traceparent": w3c.as_bytes()}])), Some(ID));
    check(kafka(json!([{"traceparent": [-1]}])), None);
    let sns = json!({"Records": [{"EventSource": "aws:sns", "Sns": {"MessageId": "n-1",
        "Message": "{}", "MessageAttributes": {"traceparent": {"Type": "String", "Value": w3c}}}}]});
    check(sns, Some(ID));
}

fn s3(name: &str, key: &str) -> serde_json::Value {
    json!({"Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name,
        "userIdentity": {"principalId": "AWS:AIDA"},
        "s3": {"bucket": {"name": "in"}, "object": {"key": key, "size": 3, "versionId": "v1"}}
    }]})
}

#[test]
fn objects() {
    check(&s3("ObjectCreated:Put", "a+b%2Bc%C3%A9.csv"), r#"s3 in a b+cé.csv Some("v1")"#);
    check(&s3("ObjectRemoved:Delete", "a"), "");
    check(&s3("ObjectCreated:Put", "%ff"), "invalid-event: an event of S3 with the key");
    let sns = |message: &str| {
        json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0",
            "Sns": {"MessageId": "n-1", "Message": message, "TopicArn": "arn"}}]})
    };
    check(&sns(&s3("ObjectCreated:Put", "k").to_string()), "s3 in k Some(\"v1\")");
    check(&sns(r#"{"Service": "Amazon S3", "Event": "s3:TestEvent"}"#), "");
    check(&sns(r#"{"amount":1}"#), r#"sns n-1 Text("{\"amount\":1}")"#);
    let bridge = json!({"source": "aws.s3", "detail-type": "Object Created", "detail": {
        "bucket": {"name": "in"}, "object": {"key": "a b+c", "version-id": "v2"}, "requester": "1"
    }});
    check(&bridge, r#"s3 in a b+c Some("v2")"#);
}

#[test]
fn custom_events() {
    let event = |kind: &str, detail: serde_json::Value| json!({"id": "e-1", "source": "my.app", "detail-type": kind, "account": "1", "detail": detail});
    check(&event("Paid", json!({"amount": 1})), r#"eventbridge e-1 Text("{\"amount\":1}")"#);
    check(
        &event("Paid", json!(null)),
        "invalid-event: an event of EventBridge without an instance",
    );
    let detail = json!({"place": "s3://models/fraud", "alias": "champion", "counter": 3});
    check(&event("Model Package Promoted", detail), "promoted s3://models/fraud champion");
    check(&event("Model Package Promoted", json!(1)), "invalid-event: an event of EventBridge");
}

#[test]
fn what_is_no_event_is_refused() {
    let records = |records: serde_json::Value| json!({"Records": records});
    check(&records(json!(1)), "invalid-event: an event of records that can't be read");
    check(&records(json!([1])), "invalid-event: an event of records that can't be read");
    let ses = records(json!([{"eventSource": "aws:ses"}]));
    check(&ses, r#"invalid-event: records of the source "aws:ses" are not answered; expected"#);
    check(&records(json!([{}])), r#"invalid-event: records of the source "none""#);
    let mixed = records(json!([{"eventSource": "aws:sqs"}, {"eventSource": "aws:s3"}]));
    check(&mixed, "invalid-event: records of two sources");
    let whole = &sqs("arn:aws:sqs:us-east-1:123456789012:scores", &[None])["Records"][0];
    let other = json!({"eventSource": "aws:kinesis"});
    check(&records(json!([whole, other])), "invalid-event: records of two sources");
    let mut also_whole = whole.clone();
    also_whole["eventSource"] = "aws:sns".into();
    check(&records(json!([whole, also_whole])), "invalid-event: records of two sources");
    check(&records(json!([])), "invalid-event: an event without records");
    check(&records(json!([{"eventSource": "aws:sqs"}])), "invalid-event: an event of SQS that");
    let kinesis = records(json!([{"eventSource": "aws:kinesis", "kinesis": {"data": ""}}]));
    check(&kinesis, "invalid-event: an event of Kinesis that can't be read: missing field");
    let dynamodb = records(json!([{"eventSource": "aws:dynamodb"}]));
    check(&dynamodb, "invalid-event: an event of DynamoDB streams that can't be read");
    check(&records(json!([{"eventSource": "aws:s3"}])), "invalid-event: an event of S3 that");
    check(&records(json!([{"EventSource": "aws:sns"}])), "invalid-event: an event of SNS that");
    let kafka = json!({"eventSource": "aws:other", "records": {}});
    check(&kafka, r#"invalid-event: records of the source "aws:other" are not answered"#);
    let kafka = json!({"eventSource": "aws:kafka", "records": {"t-0": [{}]}});
    check(&kafka, "invalid-event: an event of Kafka that can't be read: missing field");
    let ec2 = json!({"source": "aws.ec2", "detail-type": "State Change", "detail": {}});
    check(&ec2, r#"invalid-event: the event "State Change" of "aws.ec2" is not answered"#);
    let parameters = json!({"instances": [], "parameters": {"top": 3}});
    check(&parameters, r#"invalid-event: the parameter "top" is not known"#);
    check(&json!({"instances": [], "modle": "x"}), "invalid-event: an envelope that can't be read");
    assert!(told("{").starts_with("invalid-input: not valid JSON"));
    // Which is the component's to refuse.
    assert_eq!(told(r#"{"source": "a", "source": "b"}"#), "direct 1 false");
    let long = json!({"Records": [{"eventSource": "x".repeat(100_000)}]}).to_string();
    assert!(told(&long).len() < 1000);
}
