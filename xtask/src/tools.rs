//! Tools that the tests need and a new machine lacks. They go under `target/`, never into the
//! user's own folders.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{cargo, output, run};
use crate::{root, say};

const CARGO_DENY: &str = "0.20.2";
/// From PyPI: the runtime of Python functions, a client and a server of AWS's services, another
/// emulator of Lambda and another signer of models for a second opinion, the ONNX backend test suite, a
/// client of the Open Inference Protocol, a tester of servers with an OpenAPI document, and wasmtime's
/// bindings.
const PYTHON: [&str; 11] = [
    "awslambdaric==4.2.2",
    "boto3==1.44.5",
    "cargo-lambda==1.9.2",
    "model-signing==1.1.1",
    "moto[server]==5.2.5",
    "numpy==2.4.6",
    "onnx==1.23.0",
    // model-signing needs it and does not say so.
    "pyOpenSSL==26.4.0",
    "schemathesis==4.32.5",
    "tritonclient[http]==2.73.0",
    "wasmtime==50.0.1",
];

/// What the tests run beside Rust: V8 with the transpiled component, Python with what stands in for
/// AWS, and the cases of the ONNX backend test suite.
pub(crate) fn prepare() -> Result<()> {
    v8()?;
    python()?;
    onnx_suite()
}

/// The Node packages of `tests/v8`.
fn v8() -> Result<()> {
    let folder = root().join("tests/v8");
    let lock = folder.join("package-lock.json");
    let installed = folder.join("node_modules/.package-lock.json");
    let modified = |path: &PathBuf| path.metadata().and_then(|metadata| metadata.modified()).ok();
    if modified(&installed).is_some_and(|installed| Some(installed) >= modified(&lock)) {
        return Ok(());
    }
    if output(Command::new("npm").arg("--version")).is_none() {
        bail!("npm is missing: the tests run the component in V8; install Node.js 20 or later");
    }
    say("installing the Node packages of tests/v8");
    run(Command::new("npm").current_dir(folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// The Python packages, in an environment of their own.
fn python() -> Result<()> {
    let environment = root().join("target/tools/python");
    let installed = environment.join("installed.txt");
    let wanted = PYTHON.join("\n");
    if std::fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if output(Command::new("python3").arg("--version")).is_none() {
        bail!("python3 is missing: the tests run functions and AWS's services with it");
    }
    say("installing Python packages");
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run(Command::new(environment.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(PYTHON))?;
    Ok(std::fs::write(installed, wanted)?)
}

/// The cases of the ONNX backend test suite, written by a script that lies with their expectations.
fn onnx_suite() -> Result<()> {
    let suite = root().join("target/tools/onnx-suite");
    let script = root().join("tests/onnx-suite/generate.py");
    let (made_by, wanted) = (suite.join("generate.py"), std::fs::read(&script)?);
    if std::fs::read(&made_by).is_ok_and(|made_by| made_by == wanted) {
        return Ok(());
    }
    if suite.exists() {
        std::fs::remove_dir_all(&suite)?;
    }
    say("writing the cases of the ONNX backend test suite");
    let python = root().join("target/tools/python/bin/python");
    run(Command::new(python).arg(&script).arg(&suite))?;
    Ok(std::fs::write(made_by, wanted)?)
}

/// `cargo-deny`, built from its sources.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    let tools = root().join("target/tools");
    let program = tools.join("bin/cargo-deny");
    let version = output(Command::new(&program).arg("--version"));
    if !version.is_some_and(|version| version.contains(CARGO_DENY)) {
        say("building cargo-deny (about 4 minutes on two cores, once)");
        run(cargo(&[
            "install",
            "--quiet",
            "--locked",
            "--version",
            CARGO_DENY,
            "cargo-deny",
            "--root",
        ])
        .arg(&tools))?;
    }
    Ok(program)
}
