//! Records of Kafka through the function, in the events that AWS documents for Amazon MSK and for a
//! Kafka of one's own. The answer is judged by AWS's rules: Lambda goes on behind what is not reported,
//! and comes back to the lowest offset that is, partition by partition.
//!
//! Source: AWS Lambda developer guide, "Using Lambda with Amazon MSK" and "with self-managed Apache
//! Kafka" (the events), "Configuring error handling controls for Kafka event sources" (the answer).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use conformance::function::{bad, decisions, emulated, fraud_function, good, invoke, lines_with};
use decision_audit::Outcome;
use lambda_emulator::Emulator;
use serde_json::{Value, json};

/// A partition, and the records in it by their offsets: `g`ood, `b`ad, `n`o JSON, `t`ombstone.
type Log = BTreeMap<&'static str, Vec<(u64, char)>>;

#[derive(Clone, Copy, Debug)]
enum Form {
    Msk,
    SelfManaged,
}

fn base64(text: &str) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut base64 = Command::new("base64");
    let mut base64 =
        base64.arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    base64.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(base64.wait_with_output().unwrap().stdout).unwrap()
}

/// The event as it is documented, with these records.
fn event(form: Form, log: &Log) -> Value {
    let value = |kind| match kind {
        'g' => base64(&good().to_string()).into(),
        'b' => base64(&bad().to_string()).into(),
        'n' => base64("not JSON").into(),
        _ => Value::Null,
    };
    let partitions = log.iter().map(|(name, records)| {
        let (topic, partition) = name.rsplit_once('-').unwrap();
        let records = records.iter().map(|(offset, kind)| {
            json!({
                "topic": topic, "partition": partition.parse::<u64>().unwrap(), "offset": offset,
                "timestamp": 1_545_084_650_987_u64, "timestampType": "CREATE_TIME",
                "key": "abcDEFghiJKLmnoPQRstuVWXyz1234==", "value": value(*kind),
                "headers": [{"headerKey": [104, 101, 97, 100, 101, 114]}],
            })
        });
        ((*name).to_owned(), Value::from(records.collect::<Vec<_>>()))
    });
    let records: serde_json::Map<_, _> = partitions.collect();
    let servers = "b-2.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092,\
                   b-1.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092";
    match form {
        Form::Msk => json!({
            "eventSource": "aws:kafka",
            "eventSourceArn": "arn:aws:kafka:us-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973",
            "bootstrapServers": servers, "records": records,
        }),
        Form::SelfManaged => json!({
            "eventSource": "SelfManagedKafka", "bootstrapServers": servers, "records": records,
        }),
    }
}

/// What Lambda gives again after this answer.
fn rest(log: &Log, answer: &Value) -> Log {
    let failures = answer["batchItemFailures"].as_array().unwrap();
    let mut lowest: BTreeMap<&str, u64> = BTreeMap::new();
    for failure in failures {
        assert_eq!(failure.as_object().unwrap().len(), 1, "{answer}");
        let identifier = failure["itemIdentifier"].as_object().unwrap();
        assert_eq!(identifier.len(), 2, "{answer}");
        let partition = identifier["partition"].as_str().unwrap();
        let offset = identifier["offset"].as_u64().unwrap();
        // An identifier that is none of the batch fails all of it.
        let known = log.get(partition).is_some_and(|all| all.iter().any(|(it, _)| *it == offset));
        assert!(known, "{answer}");
        lowest.entry(partition).and_modify(|it| *it = offset.min(*it)).or_insert(offset);
    }
    let rest = log.iter().filter_map(|(name, records)| {
        let first = lowest.get(name)?;
        let records = records.iter().copied().filter(|(offset, _)| offset >= first);
        Some((*name, records.collect()))
    });
    rest.collect()
}

/// Invokes, and says what comes again; what does not must be decided, in order, each once.
async fn check(emulator: &Emulator, form: Form, log: &Log, expected: &Log) {
    let before = decisions(emulator).len();
    let answer = invoke(emulator, &event(form, log).to_string()).await.unwrap();
    let rest = rest(log, &answer);
    assert_eq!(rest, *expected, "{form:?} {log:?}: {answer}");
    let decided: Vec<_> = decisions(emulator).split_off(before);
    assert!(decided.iter().all(|decision| decision.source == "kafka"));
    let decided: Vec<_> = decided.into_iter().map(|decision| decision.record.unwrap()).collect();
    let mut wanted = Vec::new();
    for (name, records) in log {
        let come_again = rest.get(name).map_or(0, Vec::len);
        let gone = records.iter().take(records.len() - come_again);
        let instances = gone.filter(|(_, kind)| *kind != 't');
        wanted.extend(instances.map(|(offset, _)| format!("{name}:{offset}")));
    }
    assert_eq!(decided, wanted, "{form:?} {log:?}");
}

fn log(partitions: &[(&'static str, u64, &str)]) -> Log {
    let records = |first: u64, kinds: &str| (first..).zip(kinds.chars()).collect();
    partitions.iter().map(|(name, first, kinds)| (*name, records(*first, kinds))).collect()
}

#[tokio::test]
async fn both_forms_are_answered_by_partition_and_offset() {
    let emulator = emulated(fraud_function(&[])).await;
    for form in [Form::Msk, Form::SelfManaged] {
        let check = async |all: &[(&'static str, u64, &str)], expected: &[_]| {
            check(&emulator, form, &log(all), &log(expected)).await;
        };
        // Good: all partitions go on.
        check(&[("payments-0", 15, "ggg"), ("payments-1", 7, "gg")], &[]).await;
        check(&[("payments-0", 15, "gtg")], &[]).await;
        // Mixed: a partition stops at its own first failure, the others go on.
        check(
            &[("payments-0", 15, "ggbgg"), ("payments-1", 7, "gg"), ("re-funds-0", 0, "ng")],
            &[("payments-0", 17, "bgg"), ("re-funds-0", 0, "ng")],
        )
        .await;
        // Poison: it comes again as it is, for ever, until the mapping gives it up.
        for _ in 0..2 {
            check(&[("payments-0", 17, "bgg")], &[("payments-0", 17, "bgg")]).await;
        }
        check(&[("payments-0", 18, "gg")], &[]).await;
    }
    let poison = lines_with(&emulator, "record");
    assert!(poison.iter().all(|line| line["kind"] == "poison"), "{poison:#?}");
    let ids: Vec<_> = poison.iter().map(|line| line["record"].as_str().unwrap()).collect();
    assert_eq!(ids[..2], ["payments-0:17", "re-funds-0:0"]);
}

#[tokio::test]
async fn poison_that_is_answered_does_not_stop_its_partition() {
    let emulator = emulated(fraud_function(&[("SAMEBITS_POISON", "answer")])).await;
    for form in [Form::Msk, Form::SelfManaged] {
        check(&emulator, form, &log(&[("payments-0", 15, "gbngt")]), &Log::new()).await;
    }
    let outcomes = decisions(&emulator);
    let errors = outcomes.iter().filter(|it| matches!(it.outcome, Outcome::Error(_)));
    assert_eq!((outcomes.len(), errors.count()), (8, 4));
}
