//! The function under the emulator, and what it wrote to its log.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use decision_audit::{Decision, Verifier};
use lambda_emulator::{Answer, Door, DoorKind, Emulator, Function, Invocation, Options};
use serde_json::{Value, json};

use crate::{baked, cache_folder, component, finished, program, root};

/// No wait is longer; the machine may be slow and shared.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A function package in a folder: the binary and the baked fraud model.
///
/// # Panics
/// If the folder can't be written.
pub fn lay_out_baked(folder: &Path) {
    fs::copy(program("bootstrap"), folder.join("bootstrap")).expect("a copy");
    fs::create_dir(folder.join("model")).expect("a folder");
    for entry in fs::read_dir(baked().folder()).expect("the baked model") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let name = path.file_name().expect("a name");
            fs::copy(&path, folder.join("model").join(name)).expect("a copy");
        }
    }
}

/// Writes the compiled component and its record, as the function maps them, into a folder.
///
/// # Panics
/// If `host-cli component` fails.
pub fn compile_component(folder: &Path) {
    let _ = component();
    let mut command = Command::new(program("host-cli"));
    command.args(["component", "--compile"]).arg(folder.join("predictor.cwasm"));
    command.env("SAMEBITS_CACHE", cache_folder());
    let (_, error, code) = finished(&mut command);
    assert_eq!(code, Some(0), "{error}");
}

/// An instance that the fraud model predicts.
///
/// # Panics
/// If the example is missing.
#[must_use]
pub fn good() -> Value {
    let path = root().join("models/fraud/examples/ordinary.json");
    serde_json::from_slice(&fs::read(path).expect("the example")).expect("JSON")
}

/// An instance that the fraud model refuses: its amount is a text.
///
/// # Panics
/// As [`good`].
#[must_use]
pub fn bad() -> Value {
    let mut instance = good();
    instance["amount"] = "42.80".into();
    instance
}

/// The function as it would be created, with the fraud model and these variables. Its package is the
/// binary alone: the model lies outside of it, so that no test waits for a zip.
#[must_use]
pub fn fraud_function(variables: &[(&str, &str)]) -> Function {
    let mut function = Function::new(program("bootstrap"));
    function.name = "fraud".into();
    function.memory_mb = 512;
    function.timeout = Duration::from_secs(20);
    let model = baked().folder().display().to_string();
    function.environment.insert("SAMEBITS_MODEL".into(), model);
    for (name, value) in variables {
        function.environment.insert((*name).into(), (*value).into());
    }
    function
}

/// The emulator with this function, and nothing else.
///
/// # Panics
/// If it can't start.
pub async fn emulated(function: Function) -> Emulator {
    Emulator::start(Options::new(function)).await.expect("an emulator")
}

/// The emulator with this function behind its URL, and that URL without a path.
///
/// # Panics
/// If it can't start.
pub async fn behind_url(function: Function) -> (Emulator, String) {
    let mut options = Options::new(function);
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    options.doors = vec![Door { kind: DoorKind::FunctionUrl, address }];
    let emulator = Emulator::start(options).await.expect("an emulator");
    let (_, address) = emulator.doors().first().expect("a door");
    let base = format!("http://{address}");
    (emulator, base)
}

/// An invoke's answer, or the type and message of its error, once all that it wrote is in the log.
///
/// # Errors
/// What the function failed with.
///
/// # Panics
/// If the emulator is gone.
pub async fn invoke(emulator: &Emulator, event: &str) -> Result<Value, (String, String)> {
    let reply = emulator.invoke(Invocation::new(event.to_owned())).await.expect("a reply");
    reply.finished.await.expect("an invoke that ends");
    match reply.answer {
        Answer::Payload(payload) => Ok(serde_json::from_slice(&payload).expect("JSON")),
        Answer::Error(error) => {
            let text = String::from_utf8_lossy(&error.payload).into_owned();
            Err((error.error_type, text))
        }
        Answer::Stream(_) => panic!("the function does not stream"),
    }
}

/// The function's lines that are JSON objects with this key.
#[must_use]
pub fn lines_with(emulator: &Emulator, key: &str) -> Vec<Value> {
    let lines = emulator.log().lines();
    let objects = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    objects.filter(|line| line.get(key).is_some()).collect()
}

/// Waits until the log has so many lines with this key, where a poller invokes: what a function has
/// written reaches the log through a pipe, a moment after the answer.
///
/// # Panics
/// If they don't come within [`PATIENCE`].
pub async fn logged(emulator: &Emulator, key: &str, count: usize) {
    let began = Instant::now();
    loop {
        let found = lines_with(emulator, key).len();
        if found >= count {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{found} of {count} lines with {key}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The event of a standard queue with these bodies, from `m0` on.
#[must_use]
pub fn sqs_event(bodies: &[Value]) -> String {
    let records = bodies.iter().enumerate().map(|(index, body)| {
        json!({
            "messageId": format!("m{index}"), "body": body.to_string(), "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders"
        })
    });
    json!({"Records": records.collect::<Vec<_>>()}).to_string()
}

/// The audit records in the log, as they were written.
#[must_use]
pub fn audit_records(emulator: &Emulator) -> Vec<String> {
    let lines = emulator.log().lines();
    lines.into_iter().filter(|line| line.starts_with("{\"audit\":")).collect()
}

/// The decisions in the log, their chains verified.
///
/// # Panics
/// If a chain is broken.
#[must_use]
pub fn decisions(emulator: &Emulator) -> Vec<Decision<'static>> {
    let mut verifier = Verifier::default();
    let lines = audit_records(emulator);
    lines.iter().map(|line| verifier.line(line).expect("a good chain").decision).collect()
}
