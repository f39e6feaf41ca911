//! The program itself: however it ends, it leaves no process behind.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http::Request;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{example, process_state, program, send, until};

/// Starts the program with the fixture and returns the address of its door.
fn started() -> (Child, String) {
    let mut child = Command::new(program())
        .arg(example("fixture"))
        .args(["--door", "invoke", "--timeout", "20"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("Invoke ").unwrap().to_owned();
    (child, address)
}

/// The control groups in a process's membership that the emulator made; none where it can make
/// none.
fn emulator_groups(membership: &str) -> Vec<PathBuf> {
    membership
        .lines()
        .filter_map(|line| line.split_once(':')?.1.split_once(':'))
        .filter(|(_, path)| path.contains("lambda-emulator-"))
        .map(|(controllers, path)| {
            // Version 2 has no controllers here and is mounted at the top.
            Path::new("/sys/fs/cgroup").join(controllers).join(path.trim_start_matches('/'))
        })
        .collect()
}

async fn check_end(signal: Signal, code: Option<i32>) {
    let (mut child, address) = started();
    let uri = format!("{address}/2015-03-31/functions/function/invocations");
    let request = Request::post(uri).body(Bytes::from_static(br#"{"do": "child"}"#)).unwrap();
    let seen: Value = serde_json::from_slice(send(request).await.unwrap().body()).unwrap();
    let pids = ["pid", "child"].map(|name| seen[name].as_u64().unwrap());
    until("frozen", || pids.iter().all(|pid| process_state(*pid) == Some('T'))).await;
    let proc = format!("/proc/{}", pids[0]);
    let seen_folder = std::fs::read_link(format!("{proc}/cwd")).unwrap();
    let groups = emulator_groups(&std::fs::read_to_string(format!("{proc}/cgroup")).unwrap());
    kill_process(Pid::from_child(&child), signal).unwrap();
    assert_eq!(child.wait().unwrap().code(), code);
    until("all gone", || pids.iter().all(|pid| process_state(*pid).is_none())).await;
    let task = seen_folder;
    until("the function's folder is removed", || !task.exists()).await;
    until("the control groups are removed", || groups.iter().all(|group| !group.exists())).await;
}

#[tokio::test]
async fn control_c_leaves_no_process_behind() {
    check_end(Signal::INT, Some(0)).await;
}

#[tokio::test]
async fn a_killed_emulator_leaves_no_process_behind() {
    check_end(Signal::KILL, None).await;
}

#[tokio::test]
async fn a_package_that_cannot_run_is_said_in_one_line() {
    let output = Command::new(program()).arg("/no/such/package").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("can't read the function package /no/such/package"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
