//! The function that the emulator's tests run: does what the event says, on Rust's `lambda_runtime`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lambda_runtime::{Error, LambdaEvent, run_concurrent, service_fn};
use serde_json::{Value, json};

/// The longest time, in milliseconds, between two turns of a thread that wants one every
/// millisecond: how long the process was frozen.
static LONGEST_GAP_MS: AtomicU64 = AtomicU64::new(0);
static INVOKES: AtomicU64 = AtomicU64::new(0);
static IN_FLIGHT: AtomicU64 = AtomicU64::new(0);
static MOST_IN_FLIGHT: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let setting = |name: &str| std::env::var(name).unwrap_or_default();
    println!("the fixture starts");
    if let Ok(code) = setting("INIT_EXIT").parse() {
        std::process::exit(code);
    }
    if let Ok(milliseconds) = setting("INIT_SLEEP_MS").parse() {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
    if !setting("GRACEFUL").is_empty() {
        lambda_runtime::spawn_graceful_shutdown_handler(|| async {
            println!("the fixture was asked to end");
        })
        .await;
    }
    std::thread::spawn(|| {
        let mut last = Instant::now();
        loop {
            std::thread::sleep(Duration::from_millis(1));
            let gap = u64::try_from(last.elapsed().as_millis()).unwrap_or(u64::MAX);
            LONGEST_GAP_MS.fetch_max(gap, Ordering::Relaxed);
            last = Instant::now();
        }
    });
    run_concurrent(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let flying = IN_FLIGHT.fetch_add(1, Ordering::Relaxed) + 1;
    MOST_IN_FLIGHT.fetch_max(flying, Ordering::Relaxed);
    let result = act(event).await;
    IN_FLIGHT.fetch_sub(1, Ordering::Relaxed);
    result
}

async fn act(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (event, context) = event.into_parts();
    let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or(0);
    let invokes = INVOKES.fetch_add(1, Ordering::Relaxed) + 1;
    match event.get("do").and_then(Value::as_str).unwrap_or("echo") {
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(number("ms"))).await;
            Ok(json!({"slept": number("ms"), "pid": std::process::id(),
                "most_in_flight": MOST_IN_FLIGHT.load(Ordering::Relaxed)}))
        }
        "exit" => std::process::exit(i32::try_from(number("code")).unwrap_or(1)),
        "fail" => Err("the fixture was told to fail".into()),
        "panic" => panic(),
        "print" => {
            println!("{}", event.get("line").and_then(Value::as_str).unwrap_or_default());
            Ok(Value::Null)
        }
        "allocate" => {
            let bytes = usize::try_from(number("mb")).unwrap_or(0) * 1024 * 1024;
            let mut memory = vec![0_u8; bytes];
            for byte in memory.iter_mut().step_by(4096) {
                *byte = 1;
            }
            let sum: u64 = memory.iter().map(|byte| u64::from(*byte)).sum();
            Ok(json!({"touched": sum}))
        }
        "large" => Ok(Value::String("x".repeat(usize::try_from(number("bytes")).unwrap_or(0)))),
        "gap" => Ok(json!({"longest_gap_ms": LONGEST_GAP_MS.load(Ordering::Relaxed)})),
        "child" => {
            let child = std::process::Command::new("/bin/sleep").arg("1000").spawn()?;
            Ok(json!({"pid": std::process::id(), "child": child.id()}))
        }
        "answer" => Ok(event.get("answer").cloned().unwrap_or_default()),
        _ => {
            let variables: Value = std::env::vars().map(|(k, v)| (k, Value::String(v))).collect();
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            let folder = std::env::current_dir()?;
            Ok(json!({
                "event": event,
                "invokes": invokes,
                "pid": std::process::id(),
                "request_id": context.request_id,
                "left_ms": i128::from(context.deadline) - i128::try_from(now.as_millis())?,
                "arn": context.invoked_function_arn,
                "trace": context.xray_trace_id,
                "client_context": context.client_context.is_some(),
                "folder": folder,
                "files": files(&folder)?,
                "variables": variables,
            }))
        }
    }
}

#[expect(clippy::panic, reason = "the fixture does what it is told")]
fn panic() -> Result<Value, Error> {
    panic!("the fixture was told to panic")
}

fn files(folder: &std::path::Path) -> Result<Vec<String>, Error> {
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder)?.collect();
    Ok(entries?.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}
