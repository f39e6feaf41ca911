//! The demo page and the npm package in `web/`: the Rust beside the component, its bindings, and what
//! Node makes of the rest.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{cargo, output, run};
use crate::toolchain::{TARGET, Toolchain};
use crate::{component, root, say};

/// Builds the page into `target/web/site` and the package into `web/package/dist`.
pub(crate) fn build(packages: &[PathBuf], trust: Option<&Path>) -> Result<()> {
    if !root().join("target/component/predictor.wasm").is_file() {
        component::build()?;
    }
    install()?;
    support()?;
    say("building the page (compressing the component takes a minute, once)");
    let mut node = Command::new("node");
    node.current_dir(root().join("web")).arg("build/main.mjs");
    for package in packages {
        node.arg("--package").arg(std::path::absolute(package)?);
    }
    if let Some(trust) = trust {
        node.arg("--trust").arg(std::path::absolute(trust)?);
    }
    run(&mut node)
}

/// The Node packages of `web`, as its lock file has them.
fn install() -> Result<()> {
    let folder = root().join("web");
    let (lock, installed) = ("package-lock.json", "node_modules/.package-lock.json");
    let modified = |path: &str| folder.join(path).metadata().and_then(|it| it.modified()).ok();
    if modified(installed).is_some_and(|installed| Some(installed) >= modified(lock)) {
        return Ok(());
    }
    if output(Command::new("npm").arg("--version")).is_none() {
        bail!("npm is missing: the page is built with it; install Node.js 20 or later");
    }
    say("installing the Node packages of web");
    run(Command::new("npm").current_dir(&folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// `web-support` and its JavaScript bindings, into `target/web/bindings`.
fn support() -> Result<()> {
    let toolchain = Toolchain::find()?;
    say("building web-support (about 2 minutes on two cores the first time)");
    let folder = root().join("web/support");
    let target = root().join("target/web/support");
    let mut build = toolchain.cargo_build();
    run(build.current_dir(&folder).args(["--release", "--quiet", "--target-dir"]).arg(&target))?;
    let module = target.join(TARGET).join("release/web_support.wasm");
    let mut bindgen = in_folder(&folder, &["run", "--quiet", "--package", "web-bindgen"]);
    bindgen.arg("--target-dir").arg(&target).arg("--").arg(module);
    run(bindgen.arg(root().join("target/web/bindings")))
}

/// Tests and lints of the workspace in `web/support`, which cargo does not see from the root.
pub(crate) fn check() -> Result<()> {
    let folder = root().join("web/support");
    let target = root().join("target/web/support");
    run(in_folder(&folder, &["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--target-dir"];
    run(in_folder(&folder, &clippy).arg(&target).args(["--", "-D", "warnings"]))?;
    run(in_folder(&folder, &["test", "--workspace", "--quiet", "--target-dir"]).arg(&target))
}

fn in_folder(folder: &Path, arguments: &[&str]) -> Command {
    let mut cargo = cargo(arguments);
    cargo.current_dir(folder);
    cargo
}
