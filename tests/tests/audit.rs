//! Copies of audit records outside the log: in a bucket, and through a delivery stream, against moto's server.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::time::Instant;

use conformance::faults::{Fault, Proxy};
use conformance::function::{
    PATIENCE, audit_records, bad, emulated, fraud_function, good, invoke, lines_with, logged,
    sqs_event,
};
use conformance::moto::{Moto, credentials};
use decision_audit::Verifier;
use lambda_emulator::Function;
use serde_json::{Value, json};

const BUCKET: &str = "s3://audit/fraud";

/// moto's server with a bucket, and a stream that delivers there.
fn services() -> Option<Moto> {
    let moto = Moto::start()?;
    drop(moto.boto(
        "client('s3').create_bucket(Bucket='audit')\n\
         client('firehose').create_delivery_stream(DeliveryStreamName='decisions', S3DestinationConfiguration={\n    \
         'RoleARN': 'arn:aws:iam::123456789012:role/delivery', 'BucketARN': 'arn:aws:s3:::audit', 'Prefix': 'fraud/'})",
    ));
    Some(moto)
}

fn function(endpoint: &str, copy: &str, more: &[(&str, &str)]) -> Function {
    let own = [("SAMEBITS_AUDIT_COPY", copy), ("AWS_ENDPOINT_URL", endpoint)];
    let mut function = fraud_function(&[&own[..], more].concat());
    function.credentials = Some(credentials());
    function
}

/// The lines that were copied, object by object in the order of their keys.
fn copied(moto: &Moto) -> Vec<String> {
    let found = moto.boto(
        "s3 = client('s3')\n\
         found = [p for page in s3.get_paginator('list_objects_v2').paginate(Bucket='audit') for p in page.get('Contents', [])]\n\
         result = [s3.get_object(Bucket='audit', Key=o['Key'])['Body'].read().decode() for o in sorted(found, key=lambda o: o['Key'])]",
    );
    let objects: Vec<String> = serde_json::from_value(found).unwrap();
    objects.iter().flat_map(|object| object.lines()).map(str::to_owned).collect()
}

fn place(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap()["sequence"].as_u64().unwrap()
}

/// Checks that copies are so many, and a chain from its beginning that holds.
#[track_caller]
fn check_chain(copies: &[String], expected: usize) {
    assert_eq!(copies.len(), expected);
    let mut verifier = Verifier::default();
    for line in copies {
        verifier.line(line).unwrap();
    }
    let firsts: Vec<_> = verifier.chains().values().map(|span| span.first).collect();
    assert_eq!(firsts, [1]);
}

/// Checks that the copies are the log's records, all of them, in a chain that holds.
#[track_caller]
fn check(lines: &[String], mut copies: Vec<String>, expected: usize) {
    copies.sort_by_key(|line| place(line));
    assert!(copies == lines, "{} copies of {} records", copies.len(), lines.len());
    check_chain(&copies, expected);
}

#[tokio::test]
async fn copies_go_where_the_setting_says() {
    for copy in [BUCKET, "firehose:decisions"] {
        let Some(moto) = services() else { return };
        let emulator = emulated(function(moto.endpoint(), copy, &[])).await;
        invoke(&emulator, &good().to_string()).await.unwrap();
        invoke(&emulator, &sqs_event(&[good(), json!([good(), good()]), bad()])).await.unwrap();
        invoke(&emulator, &bad().to_string()).await.unwrap_err();
        // They are there once the work after an answer is done; the refused record was not decided.
        check(&audit_records(&emulator), copied(&moto), 5);
    }
}

#[tokio::test]
async fn copies_in_a_bucket_are_in_the_order_of_the_chain() {
    let Some(moto) = services() else { return };
    let emulator = emulated(function(moto.endpoint(), BUCKET, &[])).await;
    for _ in 0..12 {
        invoke(&emulator, &good().to_string()).await.unwrap();
    }
    assert_eq!(copied(&moto), audit_records(&emulator));
    let keys = moto.boto(
        "result = [o['Key'] for o in client('s3').list_objects_v2(Bucket='audit')['Contents']]",
    );
    let chain = &lines_with(&emulator, "audit")[0]["chain"];
    let end = format!("/{}-000000000001.jsonl", chain.as_str().unwrap());
    let first = keys[0].as_str().unwrap();
    assert!(first.starts_with("fraud/20") && first.ends_with(&end), "{first}");
}

#[tokio::test]
async fn what_a_bucket_does_not_take_delays_nothing_and_waits() {
    let Some(moto) = services() else { return };
    let proxy = Proxy::start(moto.endpoint());
    let emulator = emulated(function(&proxy.endpoint(), BUCKET, &[])).await;
    proxy.set(Fault::RefuseAll(403));
    for _ in 0..3 {
        invoke(&emulator, &good().to_string()).await.unwrap();
    }
    assert_eq!(copied(&moto).len(), 0);
    let messages = lines_with(&emulator, "message");
    let failed =
        messages.iter().filter(|it| it["message"] == "copies of audit records are not sent");
    let failed: Vec<_> = failed.collect();
    assert!(!failed.is_empty(), "{messages:#?}");
    assert!(failed[0]["detail"].as_str().unwrap().contains("403"), "{failed:#?}");
    proxy.set(Fault::None);
    // It is left in peace for a moment, and then asked again.
    let began = Instant::now();
    let mut expected = 3;
    while copied(&moto).is_empty() {
        assert!(began.elapsed() < PATIENCE, "no copies came");
        invoke(&emulator, &good().to_string()).await.unwrap();
        expected += 1;
    }
    check(&audit_records(&emulator), copied(&moto), expected);
}

#[tokio::test]
async fn what_waits_is_copied_when_the_environment_ends() {
    for (copy, fault) in [
        (BUCKET, Fault::RefuseAll(503)),
        ("firehose:decisions", Fault::Answer("{}")),
        (BUCKET, Fault::Hang),
    ] {
        let Some(moto) = services() else { return };
        let proxy = Proxy::start(moto.endpoint());
        let emulator = emulated(function(&proxy.endpoint(), copy, &[])).await;
        proxy.set(fault);
        invoke(&emulator, &sqs_event(&[good(), good()])).await.unwrap();
        assert_eq!(copied(&moto).len(), 0, "{fault:?}");
        proxy.set(Fault::None);
        let lines = audit_records(&emulator);
        emulator.shut_down().await;
        check(&lines, copied(&moto), 2);
    }
}

#[tokio::test]
async fn what_there_is_no_room_for_is_counted_and_in_the_log() {
    let Some(moto) = services() else { return };
    let proxy = Proxy::start(moto.endpoint());
    let emulator = emulated(function(&proxy.endpoint(), BUCKET, &[])).await;
    proxy.set(Fault::Down);
    let many = Value::from(vec![good(); 6_000]).to_string();
    for _ in 0..4 {
        invoke(&emulator, &many).await.unwrap();
    }
    logged(&emulator, "_aws", 4).await;
    let metrics = lines_with(&emulator, "_aws");
    let uncopied: u64 = metrics.iter().filter_map(|line| line["AuditUncopied"].as_u64()).sum();
    assert!((1..24_000).contains(&uncopied), "{uncopied}");
    proxy.set(Fault::None);
    emulator.shut_down().await;
    // What is there is the beginning of the chain.
    let copies = copied(&moto);
    check_chain(&copies, 24_000 - usize::try_from(uncopied).unwrap());
}

#[tokio::test]
async fn the_records_of_a_large_object_are_copied_while_it_is_read() {
    let Some(moto) = services() else { return };
    let results = [("SAMEBITS_RESULTS", "s3://audit-results/out")];
    let emulator = emulated(function(moto.endpoint(), BUCKET, &results)).await;
    let row = good().to_string();
    drop(moto.boto(&format!(
        "s3 = client('s3')\nfor name in ['inbox', 'audit-results']: s3.create_bucket(Bucket=name)\n\
         s3.put_object(Bucket='inbox', Key='a.jsonl', Body=({row:?} + '\\n') * 25000)"
    )));
    let event = json!({"Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "inbox"}, "object": {"key": "a.jsonl"}}
    }]});
    // More than what may wait.
    invoke(&emulator, &event.to_string()).await.unwrap();
    check_chain(&copied(&moto), 25_000);
    assert_eq!(lines_with(&emulator, "AuditUncopied").len(), 0);
}
