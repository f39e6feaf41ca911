//! Tools that the tests need and a new machine lacks. They go under `target/`, never into the
//! user's own folders.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{cargo, output, run};
use crate::{root, say};

const CARGO_DENY: &str = "0.20.2";
const CARGO_LAMBDA: &str = "1.9.2";

/// What the tests run beside Rust: V8 with the transpiled component, and an emulator of Lambda.
pub(crate) fn prepare() -> Result<()> {
    v8()?;
    cargo_lambda()
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

/// `cargo-lambda`, in a Python environment of its own.
fn cargo_lambda() -> Result<()> {
    let environment = root().join("target/tools/python");
    let program = environment.join("bin/cargo-lambda");
    let version = output(Command::new(&program).args(["lambda", "--version"]));
    if version.is_some_and(|version| version.contains(CARGO_LAMBDA)) {
        return Ok(());
    }
    if output(Command::new("python3").arg("--version")).is_none() {
        bail!("python3 is missing: the tests run the function under cargo-lambda, from PyPI");
    }
    say("installing cargo-lambda");
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    run(Command::new(environment.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .arg(format!("cargo-lambda=={CARGO_LAMBDA}")))
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
