//! The same with what Lambda has before a function: pollers, which bring again what failed.

use std::collections::BTreeMap;

use conformance::faults::{Fault, Proxy};
use conformance::function::{PATIENCE, good};
use conformance::moto::Moto;
use conformance::sinks::Sink;
use lambda_emulator::{Emulator, Entry, Fate, Options, Source, SqsSource, StreamSource};

use crate::{Place, environments};

const RECORDS: usize = 5;

fn count(entries: &[Entry], fate: Fate) -> usize {
    entries.iter().filter(|entry| entry.fate == fate).count()
}

/// Records that come while results get nowhere, until they do.
async fn check(source: impl Fn(&Moto) -> Source, fault: Fault) {
    let Some(place) = Place::open() else { return };
    let [.., bucket] = Sink::all(&place.moto);
    let source = source(&place.moto);
    let what = format!("{source:?}, {fault:?}");
    let mut options = Options::new(place.function(&[("SAMEBITS_RESULTS", &bucket.setting)]));
    options.sources = vec![source];
    options.aws = Some(place.moto.aws());
    place.proxy.set(fault);
    let emulator = Emulator::start(options).await.unwrap();
    let failed = |entries: &[Entry]| count(entries, Fate::Failed) > 0;
    wait(&emulator, &place.proxy, &what, failed).await;
    assert_eq!(bucket.arrived(&place.moto).len(), 0, "{what}");
    place.proxy.set(Fault::None);
    let all = |entries: &[Entry]| count(entries, Fate::Answered) >= RECORDS;
    let entries = wait(&emulator, &place.proxy, &what, all).await;
    let mut answered = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.fate == Fate::Answered) {
        *answered.entry(entry.record.clone()).or_insert(0) += 1;
    }
    assert_eq!(answered.len(), RECORDS, "{what}: {entries:#?}");
    assert!(answered.values().all(|times| *times == 1), "{what}: {entries:#?}");
    assert_eq!(bucket.arrived(&place.moto).len(), RECORDS, "{what}");
    assert_eq!(environments(&emulator), 1, "{what}: {:#?}", emulator.log().lines());
}

async fn wait(
    emulator: &Emulator,
    proxy: &Proxy,
    what: &str,
    there: impl Fn(&[Entry]) -> bool,
) -> Vec<Entry> {
    match emulator.ledger().wait_for(PATIENCE, there).await {
        Some(entries) => entries,
        None => panic!(
            "{what}, {} requests: {:#?}\n{:#?}",
            proxy.requests(),
            emulator.ledger().entries(),
            emulator.log().lines()
        ),
    }
}

fn queue(moto: &Moto, fifo: bool) -> Source {
    let (end, more, group) = match fifo {
        false => ("", "", ""),
        true => (
            ".fifo",
            ", 'FifoQueue': 'true'",
            ", MessageGroupId='g', MessageDeduplicationId=str(index)",
        ),
    };
    let url = moto.boto(&format!(
        "sqs = client('sqs')\n\
         result = sqs.create_queue(QueueName='orders{end}', Attributes={{'VisibilityTimeout': '4'{more}}})['QueueUrl']\n\
         for index in range({RECORDS}):\n    sqs.send_message(QueueUrl=result, MessageBody={:?}{group})",
        good().to_string()
    ));
    Source::Sqs(SqsSource {
        report_batch_item_failures: true,
        maximum_concurrency: 1,
        ..SqsSource::new(url.as_str().unwrap())
    })
}

fn stream(moto: &Moto) -> Source {
    drop(moto.boto(&format!(
        "import time\nk = client('kinesis')\nk.create_stream(StreamName='clicks', ShardCount=1)\n\
         while k.describe_stream_summary(StreamName='clicks')['StreamDescriptionSummary']['StreamStatus'] != 'ACTIVE':\n    time.sleep(0.05)\n\
         for index in range({RECORDS}):\n    k.put_record(StreamName='clicks', Data={:?}.encode(), PartitionKey='p')",
        good().to_string()
    )));
    Source::Kinesis(StreamSource {
        report_batch_item_failures: true,
        ..StreamSource::new("clicks")
    })
}

fn table(moto: &Moto) -> Source {
    let items = (0..RECORDS).map(|index| {
        let mut item = good();
        item["pk"] = index.to_string().into();
        item
    });
    moto.payments(&items.collect::<Vec<_>>());
    Source::DynamoDb(StreamSource {
        report_batch_item_failures: true,
        ..StreamSource::new("payments")
    })
}

#[tokio::test]
async fn a_queue_brings_again_what_got_nowhere() {
    for fault in [Fault::RefuseAll(503), Fault::Hang] {
        check(|moto| queue(moto, false), fault).await;
        check(|moto| queue(moto, true), fault).await;
    }
}

#[tokio::test]
async fn a_stream_brings_again_what_got_nowhere() {
    for fault in [Fault::RefuseAll(503), Fault::Hang] {
        check(stream, fault).await;
        check(table, fault).await;
    }
}
