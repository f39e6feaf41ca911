//! `host-cli audit`: records of a function's log verified, and decided again.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use conformance::function::{
    audit_records, bad, decisions, emulated, fraud_function, good, invoke,
};
use conformance::{cache_folder, component, finished, program};
use decision_audit::{Chain, Decision, Outcome};
use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_emulator::Emulator;
use serde_json::{Value, json};
use tempfile::TempDir;

fn audit(arguments: &[&str], folder: &Path) -> Command {
    let _ = component();
    let mut command = Command::new(program("host-cli"));
    command.arg("audit").args(arguments).current_dir(folder);
    command.env("SAMEBITS_CACHE", cache_folder());
    command
}

/// What is printed to standard output, to standard error, and the exit code.
#[track_caller]
fn check(folder: &TempDir, arguments: &[&str], expected: &[&str], code: i32) -> String {
    let (out, error, found) = finished(&mut audit(arguments, folder.path()));
    for part in expected {
        assert!(out.contains(part) || error.contains(part), "{part}: {out}{error}");
    }
    assert_eq!(found, Some(code), "{out}{error}");
    out
}

/// A function that has decided on seven instances and refused one.
async fn function(variables: &[(&str, &str)]) -> Emulator {
    let emulator = emulated(fraud_function(variables)).await;
    invoke(&emulator, &json!([good(), bad(), good()]).to_string()).await.unwrap();
    for _ in 0..5 {
        invoke(&emulator, &good().to_string()).await.unwrap();
    }
    emulator
}

fn log(emulator: &Emulator) -> String {
    emulator.log().lines().join("\n") + "\n"
}

fn folder_with(name: &str, content: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(name), content).unwrap();
    folder
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_log_is_verified_and_decided_again_in_every_form_that_it_comes_in() {
    let emulator = function(&[]).await;
    let (printed, all) = (log(&emulator), audit_records(&emulator));
    let exported: String =
        printed.lines().map(|line| format!("2026-03-14T02:11:09.123Z {line}\n")).collect();
    let event = |line: &str| json!({"timestamp": 1, "message": format!("{line}\n")});
    let events: Vec<_> = printed.lines().map(event).collect();
    let asked = serde_json::to_string_pretty(&json!({"events": events})).unwrap();
    let subscribed = json!({"logGroup": "fraud", "logEvents": events}).to_string();
    let folder = TempDir::new().unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
    write("printed.log", printed.as_bytes());
    write("exported.gz", &packed(&exported));
    write("asked.json", asked.as_bytes());
    write("subscribed.json", subscribed.as_bytes());
    fs::create_dir_all(folder.path().join("copies/2026/03/14")).unwrap();
    for (index, part) in all.chunks(3).enumerate() {
        write(&format!("copies/2026/03/14/c-{index:012}.jsonl"), part.join("\n").as_bytes());
    }
    for path in ["printed.log", "exported.gz", "asked.json", "subscribed.json", "copies"] {
        let verified = ["8 records in one chain, as they were written", ": 1 to 8\n"];
        check(&folder, &["verify", path], &verified, 0);
        let again = [
            "8 records: 7 decided again with the same bits\n",
            "1 not decided again: the input was refused",
        ];
        check(&folder, &["replay", path], &again, 0);
    }
    let mut command = audit(&["verify", "--json", "-"], folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(asked.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["records"], &report["wrong"]), (&json!(8), &json!(0)));
    let last: Value = serde_json::from_str(&all[7]).unwrap();
    assert_eq!(report["chains"][0]["hash"], last["hash"]);
    assert_eq!(report["chains"][0]["chain"], last["chain"]);
}

#[tokio::test]
async fn what_was_changed_or_taken_out_is_told_with_its_place() {
    let emulator = function(&[]).await;
    let own = audit_records(&emulator);
    let all: Vec<_> = own.iter().map(String::as_str).collect();
    let changed = all[2].replace("\"action\":\"allow\"", "\"action\":\"block\"");
    let lines = [all[0], all[1], &changed, all[3], all[4], all[6], all[7]].join("\n");
    let folder = folder_with("log.jsonl", &lines);
    let expected = [
        "log.jsonl:3: record 3 of chain ",
        " was changed: its text has the hash sha256:",
        "log.jsonl:4: chain ",
        "log.jsonl:6: chain ",
        " goes from record 5 to 7; expected 6",
        "6 records in one chain, as they were written; 3 problems",
    ];
    check(&folder, &["verify", "log.jsonl"], &expected, 1);
    // What is sound is decided again all the same.
    check(
        &folder,
        &["replay", "log.jsonl"],
        &["6 records: 5 decided again with the same bits", "log.jsonl:3: "],
        1,
    );
    // A log may begin and end in the middle.
    let folder = folder_with("log.jsonl", &all[2..6].join("\n"));
    check(&folder, &["verify", "log.jsonl"], &[": 3 to 6, its beginning is not here"], 0);
}

/// The decisions of a log in a new chain that holds, each changed.
fn forged(emulator: &Emulator, change: impl Fn(&mut Decision<'static>)) -> String {
    let mut chain = Chain::new("00112233445566778899aabbccddeeff".into());
    let mut lines = Vec::new();
    for mut decision in decisions(emulator) {
        change(&mut decision);
        chain.seal(&decision, &mut lines).unwrap();
    }
    String::from_utf8(lines).unwrap()
}

#[tokio::test]
async fn a_chain_that_was_written_anew_is_told_by_what_it_says_was_decided() {
    let emulator = function(&[]).await;
    // Somebody who can write the whole log allows what was blocked, or says that another amount was paid.
    let allowed = forged(&emulator, |decision| {
        if let Outcome::Prediction(predicted) = &mut decision.outcome {
            predicted.action = Some("block".into());
        }
    });
    let folder = folder_with("log.jsonl", &allowed);
    check(&folder, &["verify", "log.jsonl"], &["as they were written, and none is missing"], 0);
    let expected = [
        "log.jsonl:1: fraud 1.0.0: action block, now allow",
        "0 decided again with the same bits, 7 with others",
    ];
    check(&folder, &["replay", "log.jsonl"], &expected, 1);
    let paid = forged(&emulator, |decision| {
        if let Some(input) = decision.input.as_mut() {
            input["amount"] = json!(98_765.4);
        }
    });
    let folder = folder_with("log.jsonl", &paid);
    let report = check(&folder, &["replay", "--json", "log.jsonl"], &[], 1);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["same"], &report["different"]), (&json!(0), &json!(7)), "{report:#}");
    assert!(report["differences"][0]["message"].as_str().unwrap().contains("score "));
}

#[tokio::test]
async fn what_can_not_be_decided_again_is_no_proof() {
    let emulator = function(&[("SAMEBITS_AUDIT", "decisions")]).await;
    let folder = folder_with("log.jsonl", &log(&emulator));
    check(&folder, &["verify", "log.jsonl"], &["8 records"], 0);
    let expected =
        ["7 not decided again: no input in the record", "nothing could be decided again"];
    check(&folder, &["replay", "log.jsonl"], &expected, 1);

    // A field that the model looks at is hidden: what comes of it says nothing.
    let emulator =
        function(&[("SAMEBITS_SENSITIVE", "mask,channel=drop,customer_country=mask")]).await;
    let folder = folder_with("log.jsonl", &log(&emulator));
    let expected = [
        "7 not decided again: a value that the model looks at is masked",
        "nothing could be decided",
    ];
    check(&folder, &["replay", "log.jsonl"], &expected, 1);

    let of_another = forged(&emulator, |decision| {
        decision.model.to_mut().package = model_package::Digest::of(b"another");
    });
    let folder = folder_with("log.jsonl", &of_another);
    let expected = ["7 not decided again: another package decided; name it with --model"];
    check(&folder, &["replay", "log.jsonl"], &expected, 1);
}

#[test]
fn what_holds_no_records_is_an_error() {
    let folder = folder_with("log.txt", "START RequestId: 1\nEND\n");
    check(&folder, &["verify", "log.txt"], &["error: no audit record in log.txt"], 3);
    check(&folder, &["verify", "nothing.txt"], &["error: there is no nothing.txt"], 3);
    check(&folder, &["replay", "--model", "nobody", "log.txt"], &["nobody"], 4);
    fs::write(folder.path().join("cut.gz"), &packed("{\"audit\":\"")[..12]).unwrap();
    check(&folder, &["verify", "cut.gz"], &["error: can't read cut.gz: "], 3);
    let wrong = "{\"audit\":\"samebits-audit/1\"}\n{\"audit\":\"samebits-audit/9\"}\n";
    let folder = folder_with("log.txt", wrong);
    let expected = [
        "log.txt:1: not an audit record: the document: missing field",
        "log.txt:2: expected the format samebits-audit/1, found \"samebits-audit/9\"",
        "0 records in 0 chains, as they were written; 2 problems",
    ];
    check(&folder, &["verify", "log.txt"], &expected, 1);
}
