//! `host-cli emulate`: it answers, and however it ends, it leaves no process behind.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use conformance::{finished, program};
use serde_json::Value;

/// The emulator with its own fixture as the function, and the address of its door.
fn started() -> (Child, String) {
    // Without `nohup`, the hang-up that the kernel sends to an orphaned group would do the work of
    // the emulator's watchdog.
    let mut child = Command::new("nohup")
        .arg(program("host-cli"))
        .arg("emulate")
        .arg(program("examples/fixture"))
        .args(["--door", "invoke", "--timeout", "20"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("Invoke http://").unwrap().to_owned();
    (child, address)
}

fn invoke(address: &str, event: &str) -> Value {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = event.len();
    let request = format!(
        "POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: {address}\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{event}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The state letter of a process, as in `T` for stopped; none when it is gone.
fn state(id: u64) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let state = stat.rsplit_once(')')?.1.trim_start().chars().next()?;
    (state != 'Z').then_some(state)
}

/// The control groups in a process's membership that the emulator made; none where it can make
/// none.
fn control_groups(membership: &str) -> Vec<PathBuf> {
    let parts = membership.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    parts
        .filter(|(_, path)| path.contains("lambda-emulator-"))
        // Version 2 has no controllers here and is mounted at the top.
        .map(|(controllers, path)| {
            Path::new("/sys/fs/cgroup").join(controllers).join(path.trim_start_matches('/'))
        })
        .collect()
}

fn check_end(signal: &str, code: Option<i32>) {
    let (mut child, address) = started();
    let seen = invoke(&address, r#"{"do": "child"}"#);
    let ids = ["pid", "child"].map(|name| seen[name].as_u64().unwrap());
    until("frozen", || ids.iter().all(|id| state(*id) == Some('T')));
    let process = format!("/proc/{}", ids[0]);
    let folder = std::fs::read_link(format!("{process}/cwd")).unwrap();
    let groups = control_groups(&std::fs::read_to_string(format!("{process}/cgroup")).unwrap());
    let sent = finished(Command::new("kill").args(["-s", signal, &child.id().to_string()]));
    assert_eq!(sent.2, Some(0));
    assert_eq!(child.wait().unwrap().code(), code);
    until("all gone", || ids.iter().all(|id| state(*id).is_none()));
    until("the function's folder is removed", || !folder.exists());
    until("the control groups are removed", || groups.iter().all(|group| !group.exists()));
}

#[test]
fn control_c_leaves_no_process_behind() {
    check_end("INT", Some(0));
}

#[test]
fn a_killed_emulator_leaves_no_process_behind() {
    check_end("KILL", None);
}

#[test]
fn a_package_that_cannot_run_is_said_in_one_line() {
    let (out, error, code) =
        finished(Command::new(program("host-cli")).args(["emulate", "/no/such/package"]));
    assert_eq!((out.as_str(), code), ("", Some(3)));
    let expected = "error: can't read the function package /no/such/package";
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}
