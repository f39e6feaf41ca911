//! The end of an invoke's time: the function answers before it, and where Lambda ends the process all
//! the same, nothing is lost.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::Write;
use std::time::Duration;

use conformance::function::{
    PATIENCE, behind_url, decisions, emulated, fraud_function, good, invoke, lines_with, logged,
};
use conformance::moto::Moto;
use conformance::surface::{Reply, send};
use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_emulator::{
    Action, Emulator, Entry, Fate, Options, Point, Rule, Source, SqsSource, Trouble,
};
use serde_json::json;
use tokio::task::spawn_blocking;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

async fn post(url: String, headers: &'static [(&str, &str)], body: Vec<u8>) -> Reply {
    spawn_blocking(move || send("POST", &url, headers, &body)).await.unwrap()
}

#[tokio::test]
async fn http_that_there_is_no_time_for_is_told_so() {
    // The reserve is as long as the function's time, so that none is left.
    let (emulator, base) = behind_url(fraud_function(&[("SAMEBITS_RESERVE", "20000")])).await;
    for body in [good(), json!([good(), good()]), json!({"instances": [good()]})] {
        let reply = post(format!("{base}/predict"), JSON, body.to_string().into()).await;
        assert_eq!(reply.status, 504, "{reply:?}");
        let problem = reply.json();
        assert_eq!(problem["type"], "urn:samebits:problem:deadline-exceeded");
        assert_eq!(problem["code"], "out-of-time");
    }
    let tensors = json!({"inputs": [
        {"name": "features", "shape": [1, 25], "datatype": "FP32", "data": vec![0.0; 25]}
    ]});
    let url = format!("{base}/v2/models/fraud/infer");
    let reply = post(url, JSON, tensors.to_string().into()).await;
    assert_eq!(reply.status, 504, "{reply:?}");
    assert!(reply.json()["error"].as_str().unwrap().contains("not reached"), "{reply:?}");
    // What is no prediction takes no time.
    let live = spawn_blocking(move || send("GET", &format!("{base}/health/live"), &[], b""));
    assert_eq!(live.await.unwrap().status, 200);
    logged(&emulator, "_aws", 5).await;
    let metrics = lines_with(&emulator, "_aws");
    let late = metrics.iter().filter(|line| line["Errors.deadline-exceeded"] == 1);
    assert_eq!(late.count(), 4, "{metrics:#?}");
}

/// A request for so many rows of tensors, small on its way: gzip of zeros.
fn zeros(rows: usize) -> Vec<u8> {
    let bytes = rows * 25 * 4;
    let head = json!({"inputs": [{"name": "features", "shape": [rows, 25], "datatype": "FP32",
        "parameters": {"binary_data_size": bytes}}],
        "outputs": [{"name": "probabilities", "parameters": {"binary_data": true}}]})
    .to_string();
    // JSON may have white space behind it, so that its length is known to the header below.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(format!("{head:<400}").as_bytes()).unwrap();
    encoder.write_all(&vec![0; bytes]).unwrap();
    encoder.finish().unwrap()
}

/// How rows of tensors come: the length of the JSON before them, and that they are packed.
const PACKED: &[(&str, &str)] =
    &[("inference-header-content-length", "400"), ("content-encoding", "gzip")];

#[tokio::test]
async fn a_sandbox_that_stops_is_an_error_and_the_next_call_has_another() {
    // Enough for the model, and not for thirty megabytes of rows besides.
    let (emulator, base) = behind_url(fraud_function(&[("SAMEBITS_MEMORY", "40")])).await;
    let url = format!("{base}/v2/models/fraud/infer");
    let expected = post(url.clone(), PACKED, zeros(3)).await;
    assert_eq!(expected.status, 200, "{expected:?}");
    for _ in 0..3 {
        let many = post(url.clone(), PACKED, zeros(300_000)).await;
        assert_eq!(many.status, 500, "{many:?}");
        assert!(many.text().contains("of memory"), "{many:?}");
        let few = post(url.clone(), PACKED, zeros(3)).await;
        assert_eq!((few.status, few.body), (200, expected.body.clone()));
    }
    assert_eq!(ready(&emulator), 1);
}

/// One call of the model that takes longer than the function has, and that nothing interrupts.
#[tokio::test]
async fn one_long_call_is_answered_before_the_function_is_killed() {
    let mut function = fraud_function(&[("SAMEBITS_RESERVE", "4500")]);
    function.timeout = Duration::from_secs(5);
    let (emulator, base) = behind_url(function).await;
    let url = format!("{base}/v2/models/fraud/infer");
    let few = post(url.clone(), PACKED, zeros(3)).await;
    assert_eq!(few.status, 200, "{few:?}");
    let many = post(url, PACKED, zeros(300_000)).await;
    assert_eq!(many.status, 504, "{many:?}");
    assert!(many.text().contains("not reached in the function's time"), "{many:?}");
    // The process lives on, and answers beside the call that it gave up.
    let reply = post(format!("{base}/predict"), JSON, good().to_string().into()).await;
    assert!(matches!(reply.status, 200 | 504), "{reply:?}");
    let lines = emulator.log().lines();
    assert!(!lines.iter().any(|line| line.contains("Task timed out")), "{lines:#?}");
    assert_eq!(ready(&emulator), 1, "{lines:#?}");
}

/// The answer of this invoke, counted from 1, never arrives, and so Lambda ends the process.
fn lost_answer(nth: u64) -> Trouble {
    let rule = Rule { at: Point::Response, nth: Some(nth), action: Action::DelayMs(600_000) };
    Trouble { rules: vec![rule] }
}

fn ready(emulator: &Emulator) -> usize {
    lines_with(emulator, "message").iter().filter(|line| line["message"] == "ready").count()
}

#[tokio::test]
async fn after_a_kill_a_new_environment_answers() {
    let mut function = fraud_function(&[]);
    function.timeout = Duration::from_secs(2);
    let mut options = Options::new(function);
    options.trouble = lost_answer(2);
    let emulator = Emulator::start(options).await.unwrap();
    let event = good().to_string();
    let expected = invoke(&emulator, &event).await.unwrap();
    let (kind, message) = invoke(&emulator, &event).await.unwrap_err();
    assert_eq!(kind, "Sandbox.Timedout", "{message}");
    assert_eq!(invoke(&emulator, &event).await.unwrap(), expected);
    assert_eq!(ready(&emulator), 2);
}

fn times(entries: &[Entry], record: &str, fate: Fate) -> usize {
    entries.iter().filter(|entry| entry.record == record && entry.fate == fate).count()
}

#[tokio::test]
async fn a_batch_that_was_under_way_at_a_kill_comes_again_and_is_answered_once() {
    const MESSAGES: usize = 7;
    let Some(moto) = Moto::start() else { return };
    let url = moto.boto(&format!(
        "sqs = client('sqs')\n\
         result = sqs.create_queue(QueueName='orders', Attributes={{'VisibilityTimeout': '3'}})['QueueUrl']\n\
         for _ in range({MESSAGES}):\n    sqs.send_message(QueueUrl=result, MessageBody={:?})",
        good().to_string()
    ));
    let mut function = fraud_function(&[]);
    function.timeout = Duration::from_secs(2);
    let mut options = Options::new(function);
    let source = SqsSource {
        report_batch_item_failures: true,
        maximum_concurrency: 1,
        ..SqsSource::new(url.as_str().unwrap())
    };
    options.sources = vec![Source::Sqs(source)];
    options.aws = Some(moto.aws());
    options.trouble = lost_answer(1);
    let emulator = Emulator::start(options).await.unwrap();
    let all = |entries: &[Entry]| {
        entries.iter().filter(|entry| entry.fate == Fate::Answered).count() >= MESSAGES
    };
    let Some(entries) = emulator.ledger().wait_for(PATIENCE, all).await else {
        panic!("{:#?}\n{:#?}", emulator.ledger().entries(), emulator.log().lines());
    };
    let mut records: Vec<_> = entries.iter().map(|entry| entry.record.clone()).collect();
    records.sort_unstable();
    records.dedup();
    assert_eq!(records.len(), MESSAGES, "{entries:#?}");
    let killed: Vec<_> = entries.iter().filter(|entry| entry.fate == Fate::Failed).collect();
    assert!(!killed.is_empty(), "{entries:#?}");
    for entry in &killed {
        assert_eq!(entry.detail, "Sandbox.Timedout", "{entry:?}");
    }
    for record in &records {
        // Answered once, and delivered once more than it failed.
        assert_eq!(times(&entries, record, Fate::Answered), 1, "{entries:#?}");
        let failed = times(&entries, record, Fate::Failed);
        assert_eq!(times(&entries, record, Fate::Delivered), failed + 1, "{entries:#?}");
        assert_eq!(times(&entries, record, Fate::Retried), failed, "{entries:#?}");
    }
    // What was decided before the kill had been written down, and was decided alike again.
    logged(&emulator, "audit", MESSAGES + killed.len()).await;
    let decisions = decisions(&emulator);
    for decision in &decisions {
        assert_eq!(decision.outcome, decisions[0].outcome);
    }
    assert_eq!(ready(&emulator), 2);
    let lines = emulator.log().lines();
    assert!(lines.iter().any(|line| line.contains("Task timed out after 2.00 seconds")));
}

#[tokio::test]
async fn what_is_reached_in_time_is_answered_beside_what_is_not() {
    let emulator = emulated(fraud_function(&[])).await;
    // There is time for all of it, so that nothing is refused without need.
    let all = json!(vec![good(); 500]).to_string();
    let answers = invoke(&emulator, &all).await.unwrap();
    assert!(answers.as_array().unwrap().iter().all(|answer| answer["action"] == "allow"));
}
