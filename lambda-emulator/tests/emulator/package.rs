//! Packages that Lambda refuses, and functions that can't start: each with the words that help.

use std::fs;
use std::path::Path;

use lambda_emulator::{Emulator, Function, Invocation, Options, UNPACKED_BYTES, ZIP_BYTES};
use serde_json::json;

use crate::support::{PATIENCE, answer, example, fixture, invoke, script, start, zip};

async fn check_refused(function: Function, expected: &str) {
    let error = Emulator::start(Options::new(function)).await.unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

fn in_zip(folder: &Path, entries: &[(&str, u32, &[u8])]) -> Function {
    let path = folder.join("package.zip");
    zip(&path, entries);
    Function::new(path)
}

#[tokio::test]
async fn packages_that_cannot_run_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    check_refused(Function::new(folder.join("nothing")), "can't read the function package").await;
    let function = in_zip(folder, &[("app/bootstrap", 0o755, b"#!/bin/sh\n")]);
    check_refused(function, "no file `bootstrap` at its root (found: app/)").await;
    let function = in_zip(folder, &[("bootstrap", 0o644, b"#!/bin/sh\n")]);
    check_refused(function, "no run bit (mode 644); `chmod 755 bootstrap`").await;
    let function = in_zip(folder, &[("bootstrap", 0o755, b"MZ")]);
    check_refused(function, "a Windows program").await;
    let function = in_zip(folder, &[("bootstrap", 0o755, b"\0asm\x01\0\0\0")]);
    check_refused(function, "a WebAssembly module").await;
    let function = in_zip(folder, &[("bootstrap", 0o755, b"#!/no/such/python3 -u\n")]);
    check_refused(function, "needs /no/such/python3").await;
    let function = in_zip(folder, &[("../bootstrap", 0o755, b"#!/bin/sh\n")]);
    check_refused(function, "leads outside the function's folder").await;
    fs::write(folder.join("broken.zip"), b"PK\x03\x04 and no more").unwrap();
    check_refused(Function::new(folder.join("broken.zip")), "not a zip file").await;
}

#[tokio::test]
async fn another_processor_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut binary = fs::read(example("fixture")).unwrap();
    // e_machine: 183 is EM_AARCH64, 62 is EM_X86_64.
    let (other, name) =
        if cfg!(target_arch = "x86_64") { (183, "aarch64") } else { (62, "x86_64") };
    binary[18] = other;
    let function = in_zip(folder.path(), &[("bootstrap", 0o755, &binary)]);
    check_refused(function, &format!("`bootstrap` is built for {name}")).await;
}

#[tokio::test]
async fn packages_over_lambdas_limits_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = vec![0; usize::try_from(UNPACKED_BYTES).unwrap()];
    let function =
        in_zip(folder.path(), &[("bootstrap", 0o755, b"#!/bin/sh\n"), ("zeros", 0o644, &zeros)]);
    check_refused(function, "has more than 262144000 bytes").await;
    let path = folder.path().join("large.zip");
    let file = fs::File::create(&path).unwrap();
    file.set_len(ZIP_BYTES + 1).unwrap();
    check_refused(Function::new(path), "the zip has 52428801 bytes; Lambda accepts 52428800").await;
}

#[tokio::test]
async fn options_that_lambda_refuses_are_refused() {
    let check = async |change: fn(&mut Function), expected| {
        let mut function = fixture();
        change(&mut function);
        check_refused(function, expected).await;
    };
    check(|it| it.memory_mb = 127, "memory is 127 MB; accepted: 128 to 10240 MB").await;
    check(|it| it.timeout *= 100, "accepted: up to 900 s").await;
    check(
        |it| drop(it.environment.insert("AWS_REGION".to_owned(), "x".to_owned())),
        "names that Lambda doesn't reserve",
    )
    .await;
    check(|it| drop(it.environment.insert("A".to_owned(), "x".repeat(4096))), "4096 bytes in all")
        .await;
}

#[tokio::test]
async fn a_crash_in_init_is_tried_again_and_then_fails_the_invoke() {
    let folder = tempfile::tempdir().unwrap();
    let text = "#!/bin/sh\necho no model here >&2\nexit 3\n";
    let emulator = start(script(folder.path(), text)).await;
    let (kind, payload) = invoke(&emulator, &json!({})).await.unwrap_err();
    assert_eq!(kind, "Runtime.ExitError");
    assert!(payload["errorMessage"].as_str().unwrap().ends_with("exit status 3"));
    emulator.log().wait_for(PATIENCE, |line| line.starts_with("REPORT")).await.unwrap();
    let lines = emulator.log().lines();
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("no model here"), 2, "{lines:#?}");
    assert_eq!(count("Phase: init\tStatus: error\tError Type: Runtime.ExitError"), 1);
    assert_eq!(count("Phase: invoke\tStatus: error\tError Type: Runtime.ExitError"), 1);
    assert_eq!(count("ended (exit status 3) before it asked for work"), 2);
}

#[tokio::test]
async fn a_function_that_never_asks_for_work_is_told_how() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = start(script(folder.path(), "#!/bin/sh\nexec sleep 1000\n")).await;
    // Ten seconds of init, then the function's own limit of three.
    let reply = emulator.invoke(Invocation::new("{}")).await.unwrap();
    let (kind, _) = answer(reply).await.unwrap_err();
    assert_eq!(kind, "Sandbox.Timedout");
    let lines = emulator.log().lines();
    let said = lines.iter().any(|line| line.contains("did not ask for work in time"));
    assert!(said, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("Phase: init\tStatus: timeout")), "{lines:#?}");
}
