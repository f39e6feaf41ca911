//! What the function writes about itself: audit records, logs, metrics; and what it never writes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::path::PathBuf;

use conformance::function::{decisions, emulated, fraud_function, invoke, lines_with};
use conformance::{component, root};
use lambda_emulator::Emulator;
use serde_json::{Value, json};

fn example(name: &str) -> Value {
    let path = root().join("models/fraud/examples").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn each_decision_has_its_record_in_one_chain() {
    let emulator = emulated(fraud_function(&[])).await;
    let batch = example("batch.json");
    let answers = invoke(&emulator, &batch.to_string()).await.unwrap();
    let mixed = json!({"instances": [example("bad.json"), example("suspicious.json")]});
    let answer = invoke(&emulator, &mixed.to_string()).await.unwrap();
    assert_eq!(answer["predictions"][0]["error"]["code"], "wrong-type");
    let decisions = decisions(&emulator);
    let count = batch.as_array().unwrap().len();
    assert_eq!(decisions.len(), count + 2);
    for (index, decision) in decisions.iter().take(count).enumerate() {
        let decision = serde_json::to_value(decision).unwrap();
        assert_eq!(decision["index"], index);
        assert_eq!(decision["source"], "direct");
        let action = &decision["outcome"]["prediction"]["action"];
        assert_eq!(*action, answers[index]["action"]);
        let bits =
            u32::from_str_radix(decision["outcome"]["prediction"]["score"].as_str().unwrap(), 16);
        let score = answers[index]["fraud_score"].as_f64().unwrap();
        assert_eq!(f32::from_bits(bits.unwrap()), score as f32);
        assert_eq!(decision["model"]["component"], component().digest().to_string());
        assert_eq!(decision["model"]["package"], answers[index]["provenance"]["package"]);
        assert_eq!(decision["input"]["amount"], batch[index]["amount"]);
    }
    let refused = serde_json::to_value(&decisions[count]).unwrap();
    assert_eq!((&refused["source"], &refused["index"]), (&json!("envelope"), &json!(0)));
    let error = json!({"class": "invalid-input", "code": "wrong-type", "field": "amount"});
    assert_eq!(refused["outcome"]["error"], error);
}

/// Everything that the function writes about an instance whose customer is a secret, and about one
/// where the secret is at fault.
async fn written(variables: &[(&str, &str)]) -> String {
    let emulator = emulated(fraud_function(variables)).await;
    let mut instance = example("ordinary.json");
    // No digits: there are hashes all over a log.
    instance["customer_id"] = "jane-wyckoff".into();
    invoke(&emulator, &instance.to_string()).await.unwrap();
    instance["customer_id"] = json!({"jane-wyckoff": 1});
    invoke(&emulator, &instance.to_string()).await.unwrap_err();
    instance["customer_id"] = "jane-wyckoff".into();
    instance["amount"] = "a text".into();
    let records = json!([{
        "messageId": "m0", "body": instance.to_string(), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:1:orders"
    }]);
    invoke(&emulator, &json!({"Records": records}).to_string()).await.unwrap();
    emulator.log().lines().join("\n")
}

#[tokio::test]
async fn sensitive_values_are_written_nowhere() {
    let key = ("SAMEBITS_KEY", "0123456789abcdef");
    for (wishes, expected) in [
        ("mask", "\"customer_id\":\"***\""),
        ("hash", "\"customer_id\":\"hmac-sha256:"),
        ("drop", "\"input\":{\"account_age_days\""),
    ] {
        let written = written(&[("SAMEBITS_SENSITIVE", wishes), key]).await;
        assert!(!written.contains("wyckoff"), "{wishes}: {written}");
        assert!(written.contains(expected), "{wishes}: {written}");
        assert!(written.contains("the field is sensitive"), "{wishes}: {written}");
        assert!(written.contains("\"input_hash\":\"hmac-sha256:"), "{wishes}: {written}");
    }
}

#[tokio::test]
async fn settings_switch_off_what_is_written() {
    let off =
        [("SAMEBITS_AUDIT", "off"), ("SAMEBITS_METRICS", "off"), ("AWS_LAMBDA_LOG_LEVEL", "FATAL")];
    let emulator = emulated(fraud_function(&off)).await;
    invoke(&emulator, &example("ordinary.json").to_string()).await.unwrap();
    invoke(&emulator, "{}").await.unwrap_err();
    for key in ["audit", "_aws", "level"] {
        assert_eq!(lines_with(&emulator, key), [Value::Null; 0]);
    }
    let emulator = emulated(fraud_function(&[("SAMEBITS_AUDIT", "decisions")])).await;
    invoke(&emulator, &example("ordinary.json").to_string()).await.unwrap();
    assert!(decisions(&emulator)[0].input.is_none());
}

#[tokio::test]
async fn the_first_invoke_is_cold_and_pings_are_not_counted() {
    let mut function = fraud_function(&[("POWERTOOLS_METRICS_NAMESPACE", "shop")]);
    function.name = "checkout".into();
    let emulator = emulated(function).await;
    let ping = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
    let answer = invoke(&emulator, &ping.to_string()).await.unwrap();
    assert_eq!(answer, json!({"status": "warm"}));
    assert_eq!(lines_with(&emulator, "_aws").len(), 0);
    for _ in 0..2 {
        invoke(&emulator, &example("suspicious.json").to_string()).await.unwrap();
    }
    invoke(&emulator, "{}").await.unwrap_err();
    let metrics = lines_with(&emulator, "_aws");
    assert_eq!(metrics.len(), 3);
    let first = &metrics[0];
    for (name, expected) in [
        ("service", json!("checkout")),
        ("function_name", json!("checkout")),
        ("model", json!("fraud")),
        ("source", json!("direct")),
        ("ColdStart", json!(1)),
        ("Predictions", json!(1)),
        ("Errors", json!(0)),
    ] {
        assert_eq!(first[name], expected, "{name}");
    }
    let directives = &first["_aws"]["CloudWatchMetrics"];
    assert_eq!(directives[0]["Namespace"], "shop");
    assert_eq!(directives[1]["Dimensions"], json!([["function_name", "service"]]));
    assert!(first["EstimatedCost"].as_f64().unwrap() > 2e-7);
    assert!(metrics[1].get("ColdStart").is_none());
    assert_eq!(
        (&metrics[2]["Errors.invalid-input"], &metrics[2]["Errors"]),
        (&json!(1), &json!(1))
    );
    let failed = lines_with(&emulator, "level").into_iter().find(|line| line["level"] == "ERROR");
    let failed = failed.unwrap();
    assert_eq!(
        (&failed["code"], &failed["message"]),
        (&json!("missing-field"), &json!("the invoke failed"))
    );
    assert_eq!(failed["requestId"], metrics[2]["requestId"]);
}

#[tokio::test]
async fn events_that_are_not_answered_are_told_why() {
    let emulator = emulated(fraud_function(&[])).await;
    let check = async |event: Value, kind: &str, message: &str| {
        let (found, text) = invoke(&emulator, &event.to_string()).await.unwrap_err();
        assert_eq!(found, kind, "{text}");
        assert!(text.contains(message), "{text}");
    };
    check(json!({"Records": []}), "invalid-event", "an event without records").await;
    let other = json!({"instances": [], "model": "digits"});
    check(other, "unknown-model", "this function has the model fraud, not").await;
    let ses = json!({"Records": [{"eventSource": "aws:ses"}]});
    check(ses, "invalid-event", "are not answered; expected records of SQS").await;
    for (event, message) in [
        (
            json!({"instances": {"amount": 1}}),
            "instances: expected a list of instances, found an object",
        ),
        (
            json!({"instances": "x", "model": "fraud"}),
            "expected a list of instances, found a string",
        ),
        (
            json!({"instance": [{"amount": 1}]}),
            "instance: a key around an instance, which is not read",
        ),
    ] {
        check(event, "invalid-input", message).await;
    }
    // In a message the list needs no key.
    let body = json!({"instances": [example("ordinary.json")]}).to_string();
    let records = json!([{"messageId": "m0", "body": body, "eventSource": "aws:sqs"}]);
    let answer = invoke(&emulator, &json!({"Records": records}).to_string()).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m0"}]}));
    let told = lines_with(&emulator, "record").pop().unwrap();
    assert_eq!((&told["code"], &told["field"]), (&json!("invalid-envelope"), &json!("instances")));
}

/// The most memory that the function said in its last invokes that it uses, in MB.
fn memory(emulator: &Emulator) -> f64 {
    let metrics = lines_with(emulator, "MemoryUsed").into_iter().rev().take(100);
    metrics.map(|line| line["MemoryUsed"].as_f64().unwrap()).fold(0.0, f64::max)
}

/// The processes of this function. On a busy machine an invoke may find no environment that is free yet, and
/// get a second one.
fn processes(function: &str) -> Vec<PathBuf> {
    let name = format!("AWS_LAMBDA_FUNCTION_NAME={function}\0");
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let found = processes.filter(|path| {
        fs::read(path.join("environ"))
            .is_ok_and(|all| all.windows(name.len()).any(|part| part == name.as_bytes()))
    });
    found.collect()
}

/// How many files a process of this function has open, at most.
fn open_files(function: &str) -> usize {
    let files = |process: &PathBuf| Some(fs::read_dir(process.join("fd")).ok()?.count());
    processes(function).iter().filter_map(files).max().unwrap()
}

/// How much memory of its own a process of this function has, at most, in KiB. How much of the mapped code
/// is in memory beside it is up to the system, which reads ahead.
fn own_memory(function: &str) -> u64 {
    let own = |process: &PathBuf| {
        let status = fs::read_to_string(process.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    processes(function).iter().filter_map(own).max().unwrap()
}

#[tokio::test]
async fn many_invokes_take_no_more_memory_and_no_more_files_than_a_few() {
    const INVOKES: usize = 5_000;
    let mut function = fraud_function(&[]);
    function.name = "endurance".into();
    let emulator = emulated(function).await;
    let event = example("ordinary.json").to_string();
    let mut few = None;
    for index in 1..=INVOKES {
        invoke(&emulator, &event).await.unwrap();
        if index == INVOKES / 10 {
            few = Some((open_files("endurance"), memory(&emulator)));
        }
    }
    let (files, few) = few.unwrap();
    // One that is lost in each invoke would be thousands.
    let files_at_the_end = open_files("endurance");
    assert!(files_at_the_end < files + 16, "{files} files, then {files_at_the_end}");
    let many = memory(&emulator);
    assert!(many < few + 4.0, "{few} MB after a tenth of the invokes, {many} MB at the end");
    let own = own_memory("endurance");
    assert!(own < 16 << 10, "{own} KiB of its own");
}
