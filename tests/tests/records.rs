//! Records of queues and streams through the function, as Lambda's pollers hand them over: whatever
//! mix of good and bad ones comes, every record is answered or reported exactly once.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use conformance::function::{
    PATIENCE, bad, decisions, emulated, fraud_function, good, invoke, lines_with, logged,
};
use conformance::moto::Moto;
use lambda_emulator::{Emulator, Entry, Fate, Options, Source, SqsSource, StreamSource};
use serde_json::{Value, json};

/// The event of a queue with these bodies, each in a group.
fn sqs_event(queue: &str, bodies: &[(String, String)]) -> Value {
    let records = bodies.iter().enumerate().map(|(index, (group, body))| {
        json!({
            "messageId": format!("m{index}"), "receiptHandle": "h", "body": body,
            "attributes": {"SentTimestamp": "1545082649183", "SenderId": "AIDA:sender",
                "MessageGroupId": group},
            "messageAttributes": {}, "md5OfBody": "x", "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:us-east-1:123456789012:{queue}"),
            "awsRegion": "us-east-1"
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

/// The identifiers that an answer reports.
fn reported(answer: &Value) -> Vec<String> {
    let failures = answer["batchItemFailures"].as_array().unwrap();
    let ids = failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// How many decisions the log has for each record, from entry `from` on.
fn decided(emulator: &Emulator, from: usize) -> BTreeMap<String, usize> {
    let mut decided = BTreeMap::new();
    for decision in decisions(emulator).into_iter().skip(from) {
        *decided.entry(decision.record.unwrap().into_owned()).or_default() += 1;
    }
    decided
}

/// Bodies of a kind, with the number of decisions that one of them gives; none if it fails.
fn body(kind: char) -> (String, Option<usize>) {
    match kind {
        'g' => (good().to_string(), Some(1)),
        'a' => (json!([good(), good(), good()]).to_string(), Some(3)),
        'e' => ("[]".into(), Some(0)),
        'b' => (bad().to_string(), None),
        'm' => (json!([good(), bad()]).to_string(), None),
        't' => ("not JSON".into(), None),
        's' => (json!({"Records": [{"eventSource": "aws:sqs"}]}).to_string(), None),
        other => panic!("{other}"),
    }
}

/// Invokes with records of these kinds, as `GROUP KIND`, and compares what was answered and reported
/// with what must be.
async fn check_mix(emulator: &Emulator, fifo: bool, records: &[(char, char)]) {
    let bodies: Vec<_> =
        records.iter().map(|(group, kind)| (group.to_string(), body(*kind).0)).collect();
    let before = decisions(emulator).len();
    let queue = if fifo { "orders.fifo" } else { "orders" };
    let answer = invoke(emulator, &sqs_event(queue, &bodies).to_string()).await.unwrap();
    let (mut expected, mut counts, mut stopped) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (index, (group, kind)) in records.iter().enumerate() {
        let id = format!("m{index}");
        match body(*kind).1.filter(|_| !(fifo && stopped.contains(group))) {
            Some(0) => {}
            Some(count) => drop(counts.insert(id, count)),
            None => {
                stopped.push(*group);
                expected.push(id);
            }
        }
    }
    assert_eq!(reported(&answer), expected, "{records:?}");
    assert_eq!(decided(emulator, before), counts, "{records:?}");
}

#[test]
fn any_mix_of_records_is_answered_or_reported_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let emulator = runtime.block_on(emulated(fraud_function(&[])));
    let records = proptest::collection::vec(
        (
            proptest::char::range('x', 'z'),
            proptest::sample::select(vec!['g', 'a', 'e', 'b', 'm', 't', 's']),
        ),
        1..40,
    );
    let cases = proptest::test_runner::Config {
        cases: 40,
        failure_persistence: None,
        ..Default::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(cases);
    let mixes = (proptest::bool::ANY, records);
    runner
        .run(&mixes, |(fifo, records)| {
            runtime.block_on(check_mix(&emulator, fifo, &records));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_large_batch_is_one_batch() {
    let emulator = emulated(fraud_function(&[])).await;
    let bodies: Vec<_> = (0..1000).map(|_| (String::new(), good().to_string())).collect();
    let answer = invoke(&emulator, &sqs_event("orders", &bodies).to_string()).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let metrics = lines_with(&emulator, "Records");
    assert_eq!(metrics.len(), 1);
    assert_eq!((&metrics[0]["Records"], &metrics[0]["Predictions"]), (&json!(1000), &json!(1000)));
    assert_eq!(metrics[0]["Score"].as_array().unwrap().len(), 100);
    assert_eq!(decisions(&emulator).len(), 1000);
}

#[tokio::test]
async fn what_there_is_no_time_for_is_reported() {
    // The reserve is as long as the function's time, so that none is left.
    let emulator = emulated(fraud_function(&[("SAMEBITS_RESERVE", "20000")])).await;
    let bodies: Vec<_> = (0..3).map(|_| (String::new(), good().to_string())).collect();
    let answer = invoke(&emulator, &sqs_event("orders", &bodies).to_string()).await.unwrap();
    assert_eq!(reported(&answer), ["m0", "m1", "m2"]);
    assert_eq!(decisions(&emulator).len(), 0);
    let entries = lines_with(&emulator, "record");
    assert_eq!(
        (&entries[0]["kind"], &entries[0]["code"]),
        (&json!("transient"), &json!("out-of-time"))
    );
    let (kind, message) = invoke(&emulator, &good().to_string()).await.unwrap_err();
    assert_eq!(kind, "deadline-exceeded");
    assert!(message.contains("not reached in the function's time"), "{message}");
}

#[tokio::test]
async fn poison_may_be_answered_with_its_error() {
    let emulator = emulated(fraud_function(&[("SAMEBITS_POISON", "answer")])).await;
    let bodies = ['g', 'm', 't'].map(|kind| (String::new(), body(kind).0));
    let answer = invoke(&emulator, &sqs_event("orders", &bodies).to_string()).await.unwrap();
    assert_eq!(reported(&answer), [""; 0]);
    let counts = [("m0", 1), ("m1", 2), ("m2", 1)].map(|(id, count)| (id.to_owned(), count));
    assert_eq!(decided(&emulator, 0), counts.into());
}

fn options(moto: &Moto, source: Source) -> Options {
    let mut options = Options::new(fraud_function(&[]));
    options.sources = vec![source];
    options.aws = Some(moto.aws());
    options
}

fn count(entries: &[Entry], fate: Fate) -> usize {
    entries.iter().filter(|entry| entry.fate == fate).count()
}

/// Waits until so many records have each of these fates.
async fn wait(emulator: &Emulator, expected: &[(Fate, usize)]) -> Vec<Entry> {
    let there =
        |entries: &[Entry]| expected.iter().all(|(fate, least)| count(entries, *fate) >= *least);
    match emulator.ledger().wait_for(PATIENCE, there).await {
        Some(entries) => entries,
        None => panic!("{:#?}\n{:#?}", emulator.ledger().entries(), emulator.log().lines()),
    }
}

#[tokio::test]
async fn a_queue_keeps_poison_in_its_dead_letter_queue() {
    let Some(moto) = Moto::start() else { return };
    let url = moto.boto(&format!(
        "sqs = client('sqs')\n\
         dead = sqs.create_queue(QueueName='dead')['QueueUrl']\n\
         redrive = json.dumps({{'deadLetterTargetArn': 'arn:aws:sqs:us-east-1:123456789012:dead', 'maxReceiveCount': 2}})\n\
         result = sqs.create_queue(QueueName='orders', Attributes={{'VisibilityTimeout': '20', 'RedrivePolicy': redrive}})['QueueUrl']\n\
         for body in json.loads({:?}):\n    sqs.send_message(QueueUrl=result, MessageBody=json.dumps(body))",
        json!([good(), bad(), [good(), good()]]).to_string()
    ));
    let source =
        SqsSource { report_batch_item_failures: true, ..SqsSource::new(url.as_str().unwrap()) };
    let emulator = Emulator::start(options(&moto, Source::Sqs(source))).await.unwrap();
    let entries = wait(&emulator, &[(Fate::Answered, 2), (Fate::DeadLettered, 1)]).await;
    assert_eq!((count(&entries, Fate::Answered), count(&entries, Fate::Failed)), (2, 2));
    logged(&emulator, "audit", 3).await;
    let decided = decided(&emulator, 0);
    assert_eq!(decided.values().sum::<usize>(), 3, "{decided:?}");
    logged(&emulator, "record", 2).await;
    let poison = lines_with(&emulator, "record");
    assert_eq!(poison.len(), 2, "{poison:#?}");
    assert_eq!((&poison[0]["kind"], &poison[0]["field"]), (&json!("poison"), &json!("amount")));
    assert_eq!(decisions(&emulator)[0].source, "sqs");
}

#[tokio::test]
async fn a_stream_stops_at_its_first_failure_and_goes_on_behind_it() {
    let Some(moto) = Moto::start() else { return };
    let records = json!([good(), [good(), good()], bad(), good()]).to_string();
    let failures = moto.boto(&format!(
        "import time, gzip\n\
         result = client('sqs').create_queue(QueueName='failures')['QueueUrl']\n\
         k = client('kinesis')\nk.create_stream(StreamName='clicks', ShardCount=1)\n\
         while k.describe_stream_summary(StreamName='clicks')['StreamDescriptionSummary']['StreamStatus'] != 'ACTIVE':\n    time.sleep(0.05)\n\
         for index, record in enumerate(json.loads({records:?})):\n    \
             data = json.dumps(record).encode()\n    \
             k.put_record(StreamName='clicks', Data=gzip.compress(data) if index % 2 else data, PartitionKey='p')"
    ));
    let source = StreamSource {
        report_batch_item_failures: true,
        maximum_retries: Some(0),
        on_failure: Some("arn:aws:sqs:us-east-1:123456789012:failures".into()),
        ..StreamSource::new("clicks")
    };
    let emulator = Emulator::start(options(&moto, Source::Kinesis(source))).await.unwrap();
    // The poison, and what came after it in its batch: Lambda gives the whole rest up.
    let entries = wait(&emulator, &[(Fate::Answered, 2), (Fate::SentToDestination, 1)]).await;
    assert_eq!(count(&entries, Fate::Answered), 2, "{entries:#?}");
    logged(&emulator, "audit", 3).await;
    let decided = decided(&emulator, 0);
    assert_eq!(decided.values().copied().collect::<Vec<_>>(), [1, 2]);
    let sent = moto.boto(&format!(
        "result = json.loads(client('sqs').receive_message(QueueUrl={failures})['Messages'][0]['Body'])"
    ));
    let info = &sent["KinesisBatchInfo"];
    logged(&emulator, "record", 1).await;
    let poison = &lines_with(&emulator, "record")[0];
    assert_eq!(info["startSequenceNumber"], poison["record"], "{sent}");
}

#[tokio::test]
async fn an_item_of_a_table_is_an_instance() {
    let Some(moto) = Moto::start() else { return };
    let item = good();
    let mut keyed = item.clone();
    keyed["pk"] = "one".into();
    moto.payments(&[keyed]);
    let delete = "client('dynamodb').delete_item(TableName='payments', Key={'pk': {'S': 'one'}})";
    drop(moto.boto(delete));
    let source = StreamSource { report_batch_item_failures: true, ..StreamSource::new("payments") };
    let emulator = Emulator::start(options(&moto, Source::DynamoDb(source))).await.unwrap();
    wait(&emulator, &[(Fate::Answered, 2)]).await;
    logged(&emulator, "audit", 1).await;
    let of_table = decisions(&emulator);
    assert_eq!(of_table.len(), 1);
    let direct = emulated(fraud_function(&[])).await;
    invoke(&direct, &item.to_string()).await.unwrap();
    // The same bits as for the instance itself.
    assert_eq!(of_table[0].outcome, decisions(&direct)[0].outcome);
}
