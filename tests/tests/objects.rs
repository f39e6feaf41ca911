//! Results that go to AWS's services, and objects of S3, against moto's server.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use conformance::function::{
    PATIENCE, bad, decisions, emulated, fraud_function, good, invoke, lines_with, sqs_event,
};
use conformance::moto::{Moto, credentials};
use conformance::root;
use conformance::sinks::Sink;
use lambda_emulator::{Emulator, Fate, Function, Options, Source};
use serde_json::{Value, json};

/// The function with its results going to `results`.
fn function(endpoint: &str, results: &str) -> Function {
    let variables = [("SAMEBITS_RESULTS", results), ("AWS_ENDPOINT_URL", endpoint)];
    let mut function = fraud_function(&variables);
    function.credentials = Some(credentials());
    function
}

/// Invokes with twelve good records and a bad one, and checks what arrived.
async fn check_results(moto: &Moto, sink: &Sink) {
    let results = &sink.setting;
    let emulator = emulated(function(moto.endpoint(), results)).await;
    let mut bodies = vec![good(); 12];
    bodies[5] = json!([good(), good()]);
    bodies.push(bad());
    let answer = invoke(&emulator, &sqs_event(&bodies)).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m12"}]}), "{results}");
    let arrived = sink.arrived(moto);
    assert_eq!(arrived.len(), 12, "{results}: {arrived:#?}");
    for result in &arrived {
        let count = if result["record"] == "m5" { 2 } else { 1 };
        assert_eq!(result["predictions"].as_array().unwrap().len(), count, "{results}");
        assert_eq!(result["predictions"][0]["action"], "allow", "{results}");
        let record = result["record"].as_str().unwrap();
        assert_eq!(result["key"], format!("sqs:{record}"), "{results}");
    }
}

#[tokio::test]
async fn results_go_where_the_setting_says() {
    let Some(moto) = Moto::start() else { return };
    let sinks = Sink::all(&moto);
    for sink in &sinks {
        check_results(&moto, sink).await;
    }
    // The same records again: their results are there, and stay.
    let [.., bucket] = &sinks;
    check_results(&moto, bucket).await;
}

#[tokio::test]
async fn events_without_an_id_have_a_result_each() {
    let Some(moto) = Moto::start() else { return };
    let [.., bucket] = Sink::all(&moto);
    let emulator = emulated(function(moto.endpoint(), &bucket.setting)).await;
    let event = json!({"source": "my.app", "detail-type": "Paid", "detail": good()}).to_string();
    for count in 1..=2 {
        invoke(&emulator, &event).await.unwrap();
        assert_eq!(bucket.arrived(&moto).len(), count);
    }
}

#[tokio::test]
async fn much_of_what_should_be_looked_at_is_one_alert() {
    let Some(moto) = Moto::start() else { return };
    let url = moto.queue_of_events("Prediction Alert");
    let variables = [
        ("SAMEBITS_ALERTS", "eventbridge:default"),
        ("SAMEBITS_ALERT_AFTER", "3"),
        ("AWS_ENDPOINT_URL", moto.endpoint()),
    ];
    let mut function = fraud_function(&variables);
    function.credentials = Some(credentials());
    let emulator = emulated(function).await;
    let path = root().join("models/fraud/examples/suspicious.json");
    let suspicious = std::fs::read_to_string(path).unwrap();
    for _ in 0..5 {
        invoke(&emulator, &suspicious).await.unwrap();
    }
    let sent = moto.boto(&format!(
        "result = [json.loads(m['Body'])['detail'] for m in client('sqs').receive_message(QueueUrl={url}, MaxNumberOfMessages=10)['Messages']]"
    ));
    assert_eq!(sent.as_array().unwrap().len(), 1, "{sent}");
    assert_eq!((&sent[0]["action"], &sent[0]["with_action"]), (&json!("block"), &json!(3)));
    assert_eq!(sent[0]["about"]["model"], "fraud");
}

#[tokio::test]
async fn a_record_whose_result_is_not_delivered_is_not_answered() {
    // Nothing listens there.
    let emulator = emulated(function("http://127.0.0.1:9", "kinesis:results")).await;
    let answer = invoke(&emulator, &sqs_event(&[good(), bad()])).await.unwrap();
    let both = json!([{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]);
    assert_eq!(answer["batchItemFailures"], both);
    assert_eq!(decisions(&emulator).len(), 0);
    let entries = lines_with(&emulator, "record");
    assert_eq!(
        (&entries[0]["kind"], &entries[0]["code"]),
        (&json!("transient"), &json!("undelivered"))
    );
    assert_eq!(
        (&entries[1]["kind"], &entries[1]["code"]),
        (&json!("poison"), &json!("wrong-type"))
    );
}

fn s3_event(key: &str) -> String {
    json!({"Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDA"},
        "s3": {"bucket": {"name": "inbox"}, "object": {"key": key}}
    }]})
    .to_string()
}

/// The bucket's objects under `out/`, by key.
fn results(moto: &Moto) -> Vec<(String, String)> {
    let found = moto.boto(
        "s3 = client('s3')\n\
         keys = [o['Key'] for o in s3.list_objects_v2(Bucket='inbox', Prefix='out/').get('Contents', [])]\n\
         result = [[k, s3.get_object(Bucket='inbox', Key=k)['Body'].read().decode()] for k in keys]",
    );
    serde_json::from_value(found).unwrap()
}

/// The one manifest among results.
fn manifest(results: &[(String, String)]) -> Value {
    let mut found = results.iter().filter(|(key, _)| key.ends_with("/manifest.json"));
    let (Some((_, text)), None) = (found.next(), found.next()) else { panic!("{results:#?}") };
    serde_json::from_str(text).unwrap()
}

fn put(moto: &Moto, key: &str, content: &str, gzip: bool) {
    let packed = if gzip { "gzip.compress(content.encode())" } else { "content.encode()" };
    drop(moto.boto(&format!(
        "import gzip\ncontent = json.loads({:?})\ns3 = client('s3')\ns3.create_bucket(Bucket='inbox')\n\
         s3.put_object(Bucket='inbox', Key={key:?}, Body={packed})",
        Value::from(content).to_string()
    )));
}

fn rows_of(results: &[(String, String)]) -> Vec<Value> {
    let parts = results.iter().filter(|(key, _)| key.ends_with(".jsonl"));
    let rows = parts.flat_map(|(_, text)| text.lines());
    rows.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn an_object_is_predicted_once_and_its_failures_have_lines() {
    let Some(moto) = Moto::start() else { return };
    let lines =
        [good().to_string(), String::new(), bad().to_string(), "x".into(), good().to_string()];
    put(&moto, "day 1/a+b.jsonl", &lines.join("\n"), false);
    let emulator = emulated(function(moto.endpoint(), "s3://inbox/out")).await;
    let event = s3_event("day+1/a%2Bb.jsonl");
    invoke(&emulator, &event).await.unwrap();
    let first = results(&moto);
    let manifest = manifest(&first);
    assert_eq!(
        (&manifest["complete"], &manifest["rows"], &manifest["predictions"], &manifest["failed"]),
        (&json!(true), &json!(4), &json!(2), &json!(2))
    );
    let failures: Vec<_> = manifest["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["line"], &it["code"]))
        .collect();
    assert_eq!(failures, [(&json!(3), &json!("wrong-type")), (&json!(4), &json!("invalid-json"))]);
    let rows = rows_of(&first);
    let numbers: Vec<_> = rows.iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 3, 4, 5]);
    // The same bits as for the instance itself.
    let direct = invoke(&emulator, &good().to_string()).await.unwrap();
    assert_eq!(rows[0]["prediction"]["fraud_score"], direct["fraud_score"]);
    assert_eq!(rows[1]["error"]["field"], "amount");
    // The same object again is not predicted again.
    let before = decisions(&emulator).len();
    invoke(&emulator, &event).await.unwrap();
    assert_eq!((results(&moto), decisions(&emulator).len()), (first, before));

    let (kind, message) = invoke(&emulator, &s3_event("none.jsonl")).await.unwrap_err();
    assert_eq!(kind, "invalid-input", "{message}");
    let (kind, message) = invoke(&emulator, &s3_event("a.avro")).await.unwrap_err();
    assert_eq!(kind, "unsupported-input");
    let accepted = "expected .parquet; or .jsonl, .ndjson or .csv, or .gz of these";
    assert!(message.contains(accepted), "{message}");
    // Notifications through a queue, of an object that is there and of one that is not.
    let [there, gone] = [event.as_str(), &s3_event("none.jsonl")]
        .map(|event| serde_json::from_str::<Value>(event).unwrap());
    let answer = invoke(&emulator, &sqs_event(&[there, gone])).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m1"}]}));
}

/// Puts a file of `tests/parquet` into the bucket.
fn put_file(moto: &Moto, key: &str, name: &str) {
    let path = root().join("tests/parquet").join(name);
    drop(moto.boto(&format!(
        "s3 = client('s3')\ns3.create_bucket(Bucket='inbox')\n\
         s3.upload_file({:?}, 'inbox', {key:?})",
        path.display().to_string()
    )));
}

#[tokio::test]
async fn a_parquet_file_is_predicted_as_its_rows_are() {
    let Some(moto) = Moto::start() else { return };
    let emulator = emulated(function(moto.endpoint(), "s3://inbox/out")).await;
    put_file(&moto, "rows.parquet", "pandas.parquet");
    invoke(&emulator, &s3_event("rows.parquet")).await.unwrap();
    let of_parquet = results(&moto);
    let manifest = manifest(&of_parquet);
    assert_eq!((&manifest["rows"], &manifest["predictions"]), (&json!(40), &json!(40)));
    put_file(&moto, "rows.jsonl", "rows.jsonl");
    invoke(&emulator, &s3_event("rows.jsonl")).await.unwrap();
    let of_lines: Vec<_> =
        results(&moto).into_iter().filter(|(key, _)| key.contains("rows.jsonl")).collect();
    assert_eq!(rows_of(&of_parquet), rows_of(&of_lines));

    // What is refused is said, and in a partial manifest, too.
    let refused = [
        ("lz4", "unsupported-input", "is packed with LZ4"),
        ("bomb", "too-large", "its pages take"),
        ("index", "invalid-input", "is not a field of the model"),
    ];
    for (name, expected, text) in refused {
        put_file(&moto, &format!("{name}.parquet"), &format!("refused/{name}.parquet"));
        let event = s3_event(&format!("{name}.parquet"));
        let (kind, message) = invoke(&emulator, &event).await.unwrap_err();
        assert_eq!(kind, expected, "{message}");
        assert!(message.contains(text), "{message}");
    }
    put(&moto, "none.parquet", "", false);
    let (kind, message) = invoke(&emulator, &s3_event("none.parquet")).await.unwrap_err();
    assert_eq!(kind, "invalid-input");
    assert!(message.contains("it does not end as Parquet files do"), "{message}");
}

/// Groups of rows that are asked for one after the other.
#[tokio::test]
async fn a_large_parquet_file_is_read_in_parts() {
    use std::collections::BTreeSet;

    let Some(moto) = Moto::start() else { return };
    let emulator = emulated(function(moto.endpoint(), "s3://inbox/out")).await;
    put_file(&moto, "groups.parquet", "groups.parquet");
    invoke(&emulator, &s3_event("groups.parquet")).await.unwrap();
    let results = results(&moto);
    let manifest = manifest(&results);
    assert_eq!((&manifest["rows"], &manifest["predictions"]), (&json!(3_000), &json!(3_000)));
    let lines: BTreeSet<_> =
        rows_of(&results).iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (1..=3_000).collect());
}

/// Goes through Lambda's subscription, where each result that is written is an event, too.
#[tokio::test]
async fn a_packed_table_is_read_and_results_do_not_invoke_for_ever() {
    let Some(moto) = Moto::start() else { return };
    let instance = good();
    let fields = instance.as_object().unwrap();
    let names: Vec<_> = fields.keys().cloned().collect();
    let values: Vec<_> = fields
        .values()
        .map(|value| value.as_str().map_or_else(|| value.to_string(), |text| format!("\"{text}\"")))
        .collect();
    let table =
        format!("{}\r\n{}\r\n1,2\r\n{}\r\n", names.join(","), values.join(","), values.join(","));
    drop(moto.boto("client('s3').create_bucket(Bucket='inbox')"));
    let mut options = Options::new(function(moto.endpoint(), "s3://inbox/out"));
    options.sources = vec![Source::S3 { bucket: "inbox".into() }];
    options.aws = Some(moto.aws());
    let emulator = Emulator::start(options).await.unwrap();
    put(&moto, "table.csv.gz", &table, true);
    // The table, its part and its manifest.
    let answered = |entries: &[lambda_emulator::Entry]| {
        entries.iter().filter(|entry| entry.fate == Fate::Answered).count() >= 3
    };
    if emulator.ledger().wait_for(PATIENCE, answered).await.is_none() {
        panic!("{:#?}\n{:#?}", emulator.ledger().entries(), emulator.log().lines());
    }
    let results = results(&moto);
    assert_eq!(results.len(), 2, "{results:#?}");
    let manifest = manifest(&results);
    assert_eq!((&manifest["rows"], &manifest["predictions"]), (&json!(3), &json!(2)));
    assert_eq!(manifest["failures"][0]["line"], 3);
    let direct = invoke(&emulator, &instance.to_string()).await.unwrap();
    assert_eq!(rows_of(&results)[0]["prediction"]["fraud_score"], direct["fraud_score"]);
}

#[tokio::test]
async fn what_was_not_reached_is_done_by_the_next_try() {
    let Some(moto) = Moto::start() else { return };
    drop(moto.boto(&format!(
        "s3 = client('s3')\ns3.create_bucket(Bucket='inbox')\n\
         lines = [json.dumps({bad}) if i % 1000 == 0 else json.dumps({good}) for i in range(6000)]\n\
         s3.put_object(Bucket='inbox', Key='large.jsonl', Body='\\n'.join(lines).encode())",
        good = python(&good()),
        bad = python(&bad()),
    )));
    let emulator = emulated(function(moto.endpoint(), "s3://inbox/out")).await;
    invoke(&emulator, &s3_event("large.jsonl")).await.unwrap();
    let whole = results(&moto);
    let manifest = manifest(&whole);
    assert_eq!((&manifest["rows"], &manifest["failed"]), (&json!(6_000), &json!(6)));
    assert_eq!(whole.len(), 3, "two parts and a manifest");
    let before = decisions(&emulator).len();
    // As if time had been up after the first part.
    let folder = whole[0].0.rsplit_once('/').unwrap().0.to_owned();
    drop(moto.boto(&format!(
        "s3 = client('s3')\nfolder = {folder:?}\n\
         m = json.loads(s3.get_object(Bucket='inbox', Key=folder + '/manifest.json')['Body'].read())\n\
         m.update(complete=False, stopped='time', rows=5000, predictions=4995, failed=5, failures=m['failures'][:5], parts=m['parts'][:1])\n\
         s3.put_object(Bucket='inbox', Key=folder + '/manifest.partial.json', Body=json.dumps(m))\n\
         s3.delete_object(Bucket='inbox', Key=folder + '/manifest.json')\n\
         s3.delete_object(Bucket='inbox', Key=folder + '/part-00001.jsonl')"
    )));
    invoke(&emulator, &s3_event("large.jsonl")).await.unwrap();
    let again: Vec<_> =
        results(&moto).into_iter().filter(|(key, _)| !key.ends_with("partial.json")).collect();
    assert_eq!(again, whole);
    assert_eq!(decisions(&emulator).len().saturating_sub(before), 1_000);
}

/// A JSON value as Python writes it.
fn python(value: &Value) -> String {
    format!("json.loads({:?})", value.to_string())
}
