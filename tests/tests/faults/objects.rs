//! Objects of S3 that can't be read, and results of theirs that can't be written.

use std::collections::BTreeMap;

use conformance::faults::{Fault, PAGE};
use conformance::function::{bad, decisions, emulated, good, invoke};
use conformance::moto::Moto;
use lambda_emulator::Emulator;
use serde_json::{Value, json};

use crate::{FAULTS, Place, environments};

/// What tells of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Through {
    S3,
    Topic,
    Bus,
    Queue,
    QueueOfTopic,
    QueueOfBus,
}

impl Through {
    const ALL: [Self; 6] =
        [Self::S3, Self::Topic, Self::Bus, Self::Queue, Self::QueueOfTopic, Self::QueueOfBus];

    fn event(self, key: &str) -> Value {
        let entity = json!({"bucket": {"name": "inbox"}, "object": {"key": key}});
        let s3 = json!({"Records": [
            {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": entity}
        ]});
        let bus = json!({"id": "e", "source": "aws.s3", "detail-type": "Object Created",
            "detail": entity});
        let queue = |body: Value| {
            json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs",
                "body": body.to_string()}]})
        };
        match self {
            Self::S3 => s3,
            Self::Bus => bus,
            Self::Topic => json!({"Records": [{"EventSource": "aws:sns",
                "Sns": {"MessageId": "n", "Message": s3.to_string()}}]}),
            Self::Queue => queue(s3),
            Self::QueueOfTopic => queue(json!({"Type": "Notification", "TopicArn": "arn",
                "Message": s3.to_string()})),
            Self::QueueOfBus => queue(bus),
        }
    }

    /// Invokes, and says whether the object is done; if not, that it comes again.
    async fn is_done(self, emulator: &Emulator, key: &str) -> bool {
        let answer = invoke(emulator, &self.event(key).to_string()).await;
        if matches!(self, Self::S3 | Self::Topic | Self::Bus) {
            return match answer {
                Ok(answer) => answer.is_null(),
                Err((kind, message)) => {
                    let ours = matches!(kind.as_str(), "internal" | "deadline-exceeded");
                    assert!(ours, "{self:?} {key}: {kind}: {message}");
                    false
                }
            };
        }
        let reported = answer.unwrap()["batchItemFailures"].clone();
        let failed = json!([{"itemIdentifier": "m"}]);
        assert!(reported == json!([]) || reported == failed, "{self:?} {key}: {reported}");
        reported == json!([])
    }
}

/// Five rows that are predicted and one that is not, in an object for each case.
fn put(moto: &Moto, keys: &[String]) {
    let mut rows = vec![good().to_string(); 5];
    rows.insert(2, bad().to_string());
    let (rows, keys) = (Value::from(rows.join("\n")), Value::from(keys));
    drop(moto.boto(&format!(
        "s3 = client('s3')\ns3.create_bucket(Bucket='inbox')\n\
         for key in json.loads({:?}):\n    \
             s3.put_object(Bucket='inbox', Key=key, Body=json.loads({:?}).encode())",
        keys.to_string(),
        rows.to_string()
    )));
}

/// The results of all objects: a manifest that says that all is done, and each line once.
fn check_results(moto: &Moto, keys: &[String]) {
    let found = moto.boto(
        "s3 = client('s3')\n\
         keys = [o['Key'] for page in s3.get_paginator('list_objects_v2').paginate(Bucket='inbox', Prefix='out/') for o in page.get('Contents', [])]\n\
         result = [[k, s3.get_object(Bucket='inbox', Key=k)['Body'].read().decode()] for k in keys]",
    );
    let found: Vec<(String, String)> = serde_json::from_value(found).unwrap();
    let (mut done, mut lines) = (BTreeMap::new(), BTreeMap::<_, Vec<u64>>::new());
    for (path, text) in &found {
        let (key, name) = path.strip_prefix("out/").unwrap().split_once('/').unwrap();
        if name.ends_with("/manifest.json") {
            let manifest: Value = serde_json::from_str(text).unwrap();
            let counts = ["complete", "rows", "predictions", "failed"].map(|name| &manifest[name]);
            assert_eq!(json!(counts), json!([true, 6, 5, 1]), "{path}");
            *done.entry(key).or_insert(0) += 1;
        } else if name.contains("/part-") {
            let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines.entry(key).or_default().extend(rows.map(|row| row["line"].as_u64().unwrap()));
        }
    }
    let expected: BTreeMap<_, _> = keys.iter().map(|key| (key.as_str(), 1)).collect();
    assert_eq!(done, expected);
    for (key, lines) in lines {
        assert_eq!(lines, [1, 2, 3, 4, 5, 6], "{key}");
    }
}

/// Where something goes wrong, what, and whether the object is done all the same.
type Case = (Through, &'static str, Fault, bool);

async fn check(cases: &[Case]) {
    let Some(place) = Place::open() else { return };
    let keys: Vec<_> = (0..cases.len()).map(|case| format!("{case:03}.jsonl")).collect();
    put(&place.moto, &keys);
    let emulator = emulated(place.function(&[("SAMEBITS_RESULTS", "s3://inbox/out")])).await;
    for ((through, at, fault, gets_there), key) in cases.iter().zip(&keys) {
        let what = format!("{key}: {through:?} {at:?} {fault:?}");
        place.proxy.set_for(at, *fault);
        assert_eq!(through.is_done(&emulator, key).await, *gets_there, "{what}");
        place.proxy.set(Fault::None);
        assert!(through.is_done(&emulator, key).await, "{what}");
        // And once more, as a queue may give it: nothing is decided again.
        let before = decisions(&emulator).len();
        assert!(through.is_done(&emulator, key).await, "{what}");
        assert_eq!(decisions(&emulator).len(), before, "{what}");
    }
    check_results(&place.moto, &keys);
    assert_eq!(environments(&emulator), 1, "{:#?}", emulator.log().lines());
}

#[tokio::test]
async fn an_object_comes_again_whatever_told_of_it() {
    let faults = [
        (Fault::Once(503), true),
        (Fault::RefuseAll(503), false),
        (Fault::Hang, false),
        (PAGE, false),
    ];
    let cases = Through::ALL
        .into_iter()
        .flat_map(|through| faults.map(|(fault, gets_there)| (through, "", fault, gets_there)));
    check(&cases.collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn each_step_of_an_object_may_fail() {
    // The object, what is there of its results, a part, the manifest.
    let steps = ["GET /inbox/0", "GET /inbox/out/", "PUT /inbox/out/"];
    let mut cases: Vec<_> = steps
        .into_iter()
        .flat_map(|step| FAULTS.map(|(fault, gets_there)| (Through::S3, step, fault, gets_there)))
        .collect();
    // Another write is under way, which may fail.
    cases.push((Through::S3, "PUT /inbox/out/", Fault::Once(409), true));
    cases.push((Through::S3, "PUT /inbox/out/", Fault::RefuseAll(409), false));
    // Half of the object, and one that takes longer to come than there is time.
    cases.push((Through::S3, "GET /inbox/0", Fault::Cut(1), false));
    cases.push((Through::S3, "GET /inbox/0", Fault::Trickle, false));
    check(&cases).await;
}
