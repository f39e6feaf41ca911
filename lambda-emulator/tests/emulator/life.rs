//! The life of an environment, on Rust's `lambda_runtime`.

use std::collections::BTreeSet;
use std::time::Duration;

use lambda_emulator::{
    Action, Emulator, Invocation, InvokeError, MemoryLimit, Options, Point, Rule, Trouble,
};
use serde_json::{Value, json};

use crate::support::{PATIENCE, answer, fixture, invoke, process_state, start, until};

#[tokio::test]
async fn a_function_sees_lambdas_environment_and_nothing_else() {
    let mut function = fixture();
    function.environment.insert("MINE".to_owned(), "1".to_owned());
    let emulator = start(function).await;
    let invocation = Invocation::new(r#"{"a": 1}"#);
    let id = invocation.request_id.clone();
    let seen = answer(emulator.invoke(invocation).await.unwrap()).await.unwrap();
    assert_eq!(seen["event"], json!({"a": 1}));
    assert_eq!(seen["request_id"], json!(id));
    assert_eq!(seen["arn"], "arn:aws:lambda:us-east-1:123456789012:function:function");
    assert!(seen["trace"].as_str().unwrap().starts_with("Root=1-"));
    // 20 s, less what has passed.
    let left = seen["left_ms"].as_i64().unwrap();
    assert!((1..=20_000).contains(&left), "{left} ms left");
    assert_eq!(seen["files"], json!(["bootstrap"]));
    let variables = seen["variables"].as_object().unwrap();
    let names: BTreeSet<&str> = variables.keys().map(String::as_str).collect();
    let expected = [
        "AWS_DEFAULT_REGION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_XRAY_CONTEXT_MISSING",
        "AWS_XRAY_DAEMON_ADDRESS",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "LANG",
        "LD_LIBRARY_PATH",
        "MINE",
        "PATH",
        "PWD",
        "TZ",
        "_AWS_XRAY_DAEMON_ADDRESS",
        "_AWS_XRAY_DAEMON_PORT",
        "_HANDLER",
        // Set by lambda_runtime itself, for the invoke.
        "_X_AMZN_TRACE_ID",
    ];
    assert_eq!(names, BTreeSet::from(expected));
    assert_eq!(variables["AWS_LAMBDA_INITIALIZATION_TYPE"], "on-demand");
    assert_eq!(variables["LAMBDA_TASK_ROOT"], seen["folder"]);
}

#[tokio::test]
async fn a_report_is_written_and_init_is_in_the_first_one_only() {
    let emulator = start(fixture()).await;
    for expected in [true, false] {
        let event = json!({"do": "print", "line": "hello from the function"}).to_string();
        let reply = emulator.invoke(Invocation::new(event)).await.unwrap();
        let id = reply.request_id.clone();
        let log = reply.finished.await.unwrap().log;
        let lines: Vec<&str> = log.lines().collect();
        let report = lines.last().unwrap();
        assert!(report.starts_with(&format!("REPORT RequestId: {id}\tDuration: ")), "{log}");
        assert!(report.contains("\tMemory Size: 128 MB\tMax Memory Used: "), "{log}");
        assert_eq!(report.contains("\tInit Duration: "), expected, "{log}");
        let position = |text: &str| lines.iter().position(|line| line.starts_with(text)).unwrap();
        assert!(position("START") < position("hello from"), "{log}");
        assert!(position("hello from") < position("END"), "{log}");
    }
    assert_eq!(emulator.environments(), 1);
}

#[tokio::test]
async fn between_invokes_the_process_is_frozen_and_its_clock_jumps() {
    let mut options = Options::new(fixture());
    options.trouble = Trouble {
        rules: vec![Rule { at: Point::Thaw, nth: Some(1), action: Action::DelayMs(400) }],
    };
    let emulator = Emulator::start(options).await.unwrap();
    let pid = invoke(&emulator, &json!({})).await.unwrap()["pid"].as_u64().unwrap();
    until("frozen", || process_state(pid) == Some('T')).await;
    let seen = invoke(&emulator, &json!({"do": "gap"})).await.unwrap();
    let again = invoke(&emulator, &json!({"do": "gap"})).await.unwrap();
    let gap = seen["longest_gap_ms"].as_u64().max(again["longest_gap_ms"].as_u64()).unwrap();
    assert!(gap >= 400, "the longest gap was {gap} ms");
}

#[tokio::test]
async fn a_timeout_kills_and_the_next_invoke_has_a_new_process() {
    let mut function = fixture();
    function.timeout = Duration::from_millis(1500);
    let emulator = start(function).await;
    let first = invoke(&emulator, &json!({})).await.unwrap()["pid"].as_u64().unwrap();
    let (kind, payload) =
        invoke(&emulator, &json!({"do": "sleep", "ms": 600_000})).await.unwrap_err();
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(
        payload["errorMessage"].as_str().unwrap().ends_with("Task timed out after 1.50 seconds")
    );
    until("killed", || process_state(first).is_none()).await;
    let second = invoke(&emulator, &json!({})).await.unwrap();
    assert_ne!(second["pid"].as_u64(), Some(first));
    assert_eq!(second["invokes"], 1);
    let report = emulator.log().wait_for(PATIENCE, |line| line.ends_with("Status: timeout")).await;
    assert!(report.unwrap().starts_with("REPORT RequestId: "));
}

async fn check_failure(event: Value, expected_type: &str, expected_text: &str, same_process: bool) {
    let emulator = start(fixture()).await;
    let first = invoke(&emulator, &json!({})).await.unwrap()["pid"].as_u64();
    let (kind, payload) = invoke(&emulator, &event).await.unwrap_err();
    assert_eq!(kind, expected_type);
    assert!(payload["errorMessage"].as_str().unwrap().contains(expected_text), "{payload}");
    let second = invoke(&emulator, &json!({})).await.unwrap()["pid"].as_u64();
    assert_eq!(first == second, same_process);
}

#[tokio::test]
async fn an_exit_resets_the_environment() {
    let event = json!({"do": "exit", "code": 7});
    check_failure(event, "Runtime.ExitError", "Runtime exited with error: exit status 7", false)
        .await;
    let event = json!({"do": "exit", "code": 0});
    check_failure(event, "Runtime.ExitError", "Runtime exited without providing a reason", false)
        .await;
}

#[tokio::test]
async fn an_error_of_the_function_keeps_the_process() {
    // The name that lambda_runtime gives to a boxed error.
    let kind =
        "&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>";
    check_failure(json!({"do": "fail"}), kind, "told to fail", true).await;
}

#[tokio::test]
async fn a_caught_panic_keeps_the_process() {
    // The name that lambda_runtime gives to a panic.
    let kind = "&alloc::boxed::Box<dyn core::any::Any + core::marker::Send>";
    check_failure(json!({"do": "panic"}), kind, "told to panic", true).await;
}

#[tokio::test]
async fn a_response_over_six_megabytes_is_refused() {
    let emulator = start(fixture()).await;
    let fits = json!({"do": "large", "bytes": lambda_emulator::PAYLOAD_BYTES - 2});
    invoke(&emulator, &fits).await.unwrap();
    let too_large = json!({"do": "large", "bytes": lambda_emulator::PAYLOAD_BYTES - 1});
    let (kind, _) = invoke(&emulator, &too_large).await.unwrap_err();
    assert_eq!(kind, "Function.ResponseSizeTooLarge");
}

async fn check_out_of_memory(limit: MemoryLimit) {
    let mut function = fixture();
    function.memory_limit = limit;
    let emulator = start(function).await;
    let fits = json!({"do": "allocate", "mb": 60});
    invoke(&emulator, &fits).await.unwrap();
    let too_large = json!({"do": "allocate", "mb": 2000});
    let (kind, _) = invoke(&emulator, &too_large).await.unwrap_err();
    assert_eq!(kind, "Runtime.OutOfMemory", "{}", emulator.limits());
    let report = emulator.log().wait_for(PATIENCE, |line| line.contains("Runtime.OutOfMemory"));
    assert!(report.await.unwrap().contains("Max Memory Used: 128 MB\t"));
    invoke(&emulator, &fits).await.unwrap();
}

#[tokio::test]
async fn too_much_memory_kills_however_it_is_enforced() {
    check_out_of_memory(MemoryLimit::Auto).await;
    check_out_of_memory(MemoryLimit::Poll).await;
}

#[tokio::test]
async fn environments_grow_with_concurrency_up_to_the_limit() {
    let mut options = Options::new(fixture());
    options.concurrency = 2;
    let emulator = Emulator::start(options).await.unwrap();
    let event = json!({"do": "sleep", "ms": 1500});
    let third = async {
        until("both are under way", || emulator.environments() == 2).await;
        emulator.invoke(Invocation::new("{}")).await
    };
    let (first, second, third) =
        tokio::join!(invoke(&emulator, &event), invoke(&emulator, &event), third);
    assert_ne!(first.unwrap()["pid"], second.unwrap()["pid"]);
    assert!(matches!(third, Err(InvokeError::Throttled { limit: 2 })), "{third:?}");
    assert_eq!(emulator.environments(), 2);
}

#[tokio::test]
async fn sequential_invokes_share_one_environment() {
    let emulator = start(fixture()).await;
    for _ in 0..100 {
        invoke(&emulator, &json!({})).await.unwrap();
    }
    assert_eq!(emulator.environments(), 1);
}

#[tokio::test]
async fn provisioned_environments_are_ready_before_the_first_invoke() {
    let mut options = Options::new(fixture());
    options.provisioned = 2;
    let emulator = Emulator::start(options).await.unwrap();
    assert_eq!(emulator.environments(), 2);
    let seen = invoke(&emulator, &json!({})).await.unwrap();
    let kind = &seen["variables"]["AWS_LAMBDA_INITIALIZATION_TYPE"];
    assert_eq!(kind, "provisioned-concurrency");
    let report = emulator.log().wait_for(PATIENCE, |line| line.starts_with("REPORT")).await;
    assert!(!report.unwrap().contains("Init Duration"));
    assert_eq!(emulator.environments(), 2);
}

#[tokio::test]
async fn one_environment_takes_several_invokes_where_the_function_allows_it() {
    let mut function = fixture();
    function.environment.insert("AWS_LAMBDA_MAX_CONCURRENCY".to_owned(), "4".to_owned());
    function.timeout = Duration::from_secs(3);
    let mut options = Options::new(function);
    options.concurrency = 1;
    let emulator = Emulator::start(options).await.unwrap();
    let event = json!({"do": "sleep", "ms": 500});
    let events = [&event, &event, &event, &event].map(|event| invoke(&emulator, event));
    let seen = futures_util::future::join_all(events).await;
    let pids: BTreeSet<String> =
        seen.iter().map(|answer| answer.as_ref().unwrap()["pid"].to_string()).collect();
    assert_eq!(pids.len(), 1);
    let most = invoke(&emulator, &event).await.unwrap();
    assert_eq!(most["most_in_flight"], 4);
    // A timeout fails its own invoke; the process goes on.
    let (kind, _) = invoke(&emulator, &json!({"do": "sleep", "ms": 4000})).await.unwrap_err();
    assert_eq!(kind, "Sandbox.Timedout");
    assert_eq!(invoke(&emulator, &json!({})).await.unwrap()["pid"], most["pid"]);
}

#[tokio::test]
async fn nothing_is_left_behind() {
    for graceful in [true, false] {
        let emulator = start(fixture()).await;
        let seen = invoke(&emulator, &json!({"do": "child"})).await.unwrap();
        let pids = ["pid", "child"].map(|name| seen[name].as_u64().unwrap());
        assert!(pids.iter().all(|pid| process_state(*pid).is_some()));
        if graceful {
            emulator.shut_down().await;
        } else {
            drop(emulator);
        }
        until("all gone", || pids.iter().all(|pid| process_state(*pid).is_none())).await;
    }
}

#[tokio::test]
async fn a_registered_extension_gets_a_term_signal_and_time() {
    let mut function = fixture();
    function.environment.insert("GRACEFUL".to_owned(), "1".to_owned());
    let emulator = start(function).await;
    invoke(&emulator, &json!({})).await.unwrap();
    let log = emulator.log_handle();
    emulator.shut_down().await;
    assert!(log.lines().iter().any(|line| line == "the fixture was asked to end"));
}

async fn check_kill(at: Point, expected: &str) {
    let mut options = Options::new(fixture());
    options.trouble = Trouble { rules: vec![Rule { at, nth: Some(2), action: Action::Kill }] };
    let emulator = Emulator::start(options).await.unwrap();
    let first = invoke(&emulator, &json!({"do": "sleep", "ms": 100})).await.unwrap();
    let second = invoke(&emulator, &json!({"do": "sleep", "ms": 100})).await;
    match expected {
        "answered" => assert_eq!(second.unwrap()["pid"], first["pid"]),
        expected => assert_eq!(second.unwrap_err().0, expected),
    }
    let third = invoke(&emulator, &json!({"do": "sleep", "ms": 1})).await.unwrap();
    assert_ne!(third["pid"], first["pid"]);
}

#[tokio::test]
async fn scripted_kills_strike_where_they_should() {
    check_kill(Point::Delivered, "Runtime.ExitError").await;
    check_kill(Point::Response, "Runtime.ExitError").await;
    check_kill(Point::Answered, "answered").await;
}

#[tokio::test]
async fn an_error_of_the_runtime_api_costs_the_invoke_or_the_process() {
    let check = async |at, expected: &str| {
        let mut function = fixture();
        function.timeout = Duration::from_secs(2);
        let mut options = Options::new(function);
        options.trouble =
            Trouble { rules: vec![Rule { at, nth: Some(2), action: Action::Status(500) }] };
        let emulator = Emulator::start(options).await.unwrap();
        let first = invoke(&emulator, &json!({})).await.unwrap();
        let second = invoke(&emulator, &json!({})).await;
        let second = second.map_or_else(|(kind, _)| kind, |_| "answered".to_owned());
        assert_eq!(second, expected, "{at:?}");
        let third = invoke(&emulator, &json!({})).await.unwrap();
        assert_ne!(third["pid"], first["pid"]);
    };
    // An answer that is not accepted is none; the function goes on and the time runs out.
    check(Point::Response, "Sandbox.Timedout").await;
    // lambda_runtime ends when it can't get work, and the next invoke starts it anew.
    check(Point::Next, "answered").await;
}

#[tokio::test]
async fn a_slow_next_delays_the_event() {
    let mut options = Options::new(fixture());
    options.trouble = Trouble {
        rules: vec![Rule { at: Point::Next, nth: Some(1), action: Action::DelayMs(300) }],
    };
    let emulator = Emulator::start(options).await.unwrap();
    let reply = emulator.invoke(Invocation::new("{}")).await.unwrap();
    let log = reply.finished.await.unwrap();
    assert!(log.report.init.unwrap() >= Duration::from_millis(300), "{log:?}");
}

#[tokio::test]
async fn the_processor_share_is_applied_or_said_not_to_be() {
    let mut function = fixture();
    function.cpu_share = true;
    let emulator = start(function).await;
    invoke(&emulator, &json!({})).await.unwrap();
    let limits = emulator.limits();
    let said = limits.contains("0.072 of one, control group") || limits.contains("not applied");
    assert!(said, "{limits}");
}
