//! Runs a function package under the Lambda emulator on its model's reference cases.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Arch;
use crate::run::output;
use crate::{root, say};

/// Where Debian's cross libraries for arm64 lie, for qemu.
const LIBRARIES: [(&str, &str); 2] =
    [("x86_64", "/usr/x86_64-linux-gnu"), ("aarch64", "/usr/aarch64-linux-gnu")];

/// Ends with the emulator, which ends the function.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        drop(Command::new("kill").arg(id).status());
        drop(self.0.wait());
    }
}

/// Compares what the package answers with what the baked model's reference cases expect. Returns how many
/// there were, or none where this machine can't run it.
pub(super) fn prove(package: &Path, baked: &Path, arch: Arch) -> Result<Option<usize>> {
    let Some(runner) = runner(arch) else {
        say(&format!(
            "{} is not run: there is no qemu for {} here",
            package.display(),
            arch.name()
        ));
        return Ok(None);
    };
    let cases = std::fs::read(baked.join("package/reference-cases.json"))?;
    let cases: Value = serde_json::from_slice(&cases)?;
    let cases = cases.get("cases").and_then(Value::as_array).context("no reference cases")?;
    let mut emulator = Command::new(root().join("target/release/host-cli"));
    emulator.arg("emulate").arg(package).args(["--memory", "1769", "--timeout", "120"]);
    emulator.args(["--door", "invoke=127.0.0.1:0", "--runner", &runner]);
    let child = emulator.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut running = Running(child);
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().context("no output")?).read_line(&mut line)?;
    let address = line.trim().rsplit("//").next().unwrap_or_default().to_owned();
    ensure!(!address.is_empty(), "the emulator did not start");
    for case in cases {
        let (input, expected) = (case.get("input"), case.pointer("/expected/json"));
        let input = input.context("a case without an input")?.to_string();
        let mut found = invoke(&address, &input)?;
        if let Some(object) = found.as_object_mut() {
            object.remove("provenance");
        }
        let expected = expected.and_then(Value::as_str).context("a case is not sealed")?;
        let expected: Value = serde_json::from_str(expected)?;
        ensure!(found == expected, "{} answers {found}, expected {expected}", package.display());
    }
    Ok(Some(cases.len()))
}

/// What starts a program of this processor here: nothing, or qemu.
fn runner(arch: Arch) -> Option<String> {
    let processor = arch.target().split('-').next()?;
    if processor == std::env::consts::ARCH {
        return Some(String::new());
    }
    let qemu = format!("qemu-{processor}");
    output(Command::new(&qemu).arg("--version"))?;
    let (_, libraries) = LIBRARIES.iter().find(|(name, _)| *name == processor)?;
    Some(format!("{qemu} -L {libraries}"))
}

/// Posts an event to the emulator's door for direct invokes.
fn invoke(address: &str, event: &str) -> Result<Value> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /2015-03-31/functions/function/invocations HTTP/1.1\r\nHost: {address}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{event}",
        event.len()
    )?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").context("no HTTP response")?;
    if !head.starts_with("HTTP/1.1 200") || head.to_lowercase().contains("x-amz-function-error") {
        bail!("the function fails: {response}");
    }
    Ok(serde_json::from_str(body)?)
}
