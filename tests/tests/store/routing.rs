//! Records of one invoke, each with the version of its own key.

use std::collections::{BTreeMap, BTreeSet};

use conformance::function::{bad, decisions, emulated, good, invoke, lines_with};
use model_signing::Identity;
use model_store::{Alias, Share, chosen};
use serde_json::{Value, json};

use crate::shop::{DAY, Shop, key};

fn sqs(bodies: &[Value]) -> Value {
    let records = bodies.iter().enumerate().map(|(index, body)| {
        json!({
            "messageId": format!("m{index}"), "receiptHandle": "h", "body": body.to_string(),
            "attributes": {"SentTimestamp": "1545082649183", "SenderId": "AIDA:sender"},
            "messageAttributes": {}, "md5OfBody": "x", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders",
            "awsRegion": "us-east-1"
        })
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

fn of(customer: &str, mut instance: Value) -> Value {
    instance["customer_id"] = customer.into();
    instance
}

const VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];

/// The version of a key, where both have the same weight.
fn version(key: &str) -> &'static str {
    VERSIONS[chosen(&[50, 50], key.as_bytes()).unwrap()]
}

#[tokio::test]
async fn a_batch_is_answered_by_the_version_of_each_record() {
    let Some(shop) = Shop::open() else { return };
    for version in VERSIONS {
        shop.push(version);
    }
    let shares = VERSIONS.map(|version| Share { pin: shop.pin(version), weight: 50 });
    let now = model_store::now();
    let alias = Alias::new("fraud", "champion", 1, DAY, &shares, None, now);
    let signed = alias.sign(&key("one.pem"), &Identity::Key).unwrap();
    shop.put("prod/fraud/aliases/champion.json", &signed);
    let more = [("SAMEBITS_STICKY", "customer_id"), ("SAMEBITS_REFRESH", "off")];
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;

    // Two records of each customer, an array, one that is refused, and one without a key to read.
    let customers: Vec<_> = (0..12).map(|index| format!("c-{}", index % 6)).collect();
    let mut bodies: Vec<Value> = customers.iter().map(|name| of(name, good())).collect();
    bodies.push(json!([of("c-0", good()), of("c-1", good())]));
    bodies.push(of("c-2", bad()));
    bodies.push(json!("no instance"));
    let answer = invoke(&emulator, &sqs(&bodies).to_string()).await.unwrap();
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": "m13"}, {"itemIdentifier": "m14"}]})
    );
    let mut expected = BTreeMap::new();
    for (index, customer) in customers.iter().enumerate() {
        expected.insert(format!("m{index}"), version(customer));
    }
    expected.insert("m12".into(), version("c-0"));
    let decided = decisions(&emulator);
    assert_eq!(decided.len(), 14);
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for decision in &decided {
        let record = decision.record.clone().unwrap().into_owned();
        found.entry(record).or_default().insert(&decision.model.version);
    }
    // No record is answered by two.
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(id, version)| (id, BTreeSet::from([version]))).collect();
    assert_eq!(found, expected);
    assert_eq!(found.values().flatten().collect::<BTreeSet<_>>().len(), 2, "{found:?}");

    // Each version's own are counted under its name, and what belongs to the invoke once.
    let lines = lines_with(&emulator, "Predictions");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for line in &lines {
        let of = line["model_version"].as_str().unwrap();
        let count = decided.iter().filter(|decision| decision.model.version == of).count();
        assert_eq!(line["Predictions"], count, "{line}");
        assert_eq!(line["requestId"], lines[0]["requestId"]);
    }
    let whole: Vec<_> = lines.iter().filter(|line| line.get("Records").is_some()).collect();
    assert_eq!(whole.len(), 1);
    assert_eq!((&whole[0]["Records"], &whole[0]["RecordsFailed"]), (&json!(15), &json!(2)));
    assert_eq!(whole[0]["model_version"], version("c-0"));
    // A custom event of EventBridge, likewise.
    for customer in ["c-0", "c-1", "c-2", "c-3"] {
        let event = json!({
            "version": "0", "id": "e-1", "source": "shop", "detail-type": "Card Used",
            "account": "123456789012", "detail": of(customer, good())
        });
        let answer = invoke(&emulator, &event.to_string()).await.unwrap();
        assert_eq!(answer["provenance"]["version"], version(customer), "{customer}");
    }
    let errors: u64 = lines.iter().map(|line| line["Errors"].as_u64().unwrap()).sum();
    assert_eq!(errors, 2);
}

#[tokio::test]
async fn without_a_field_a_record_is_routed_by_its_id() {
    let Some(shop) = Shop::open() else { return };
    for version in VERSIONS {
        shop.push(version);
    }
    let shares = VERSIONS.map(|version| Share { pin: shop.pin(version), weight: 50 });
    shop.put_alias("one.pem", 1, &shares, DAY);
    let more = [("SAMEBITS_REFRESH", "off")];
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    let bodies: Vec<_> = (0..8).map(|_| good()).collect();
    // The same records again get the same versions.
    for _ in 0..2 {
        let answer = invoke(&emulator, &sqs(&bodies).to_string()).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
    }
    let decided = decisions(&emulator);
    assert_eq!(decided.len(), 16);
    for decision in &decided {
        assert_eq!(decision.model.version, version(decision.record.as_deref().unwrap()));
    }
}
