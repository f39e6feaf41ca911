//! Which compiler builds the component.
//!
//! First choice is rustup's own target. Where rustup can fetch no target (a closed network), the
//! standard library is built from Debian's packaged Rust sources instead; those packages are
//! installed if they are missing and this process may install packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, output, run};
use crate::say;

/// The target: no operating system, no imports.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_PACKAGES: [&str; 5] =
    ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "/usr/bin/wasm-ld-22";

/// A way to compile for [`TARGET`].
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The toolchain of this workspace, with rustup's target.
    Rustup,
    /// Debian's compiler, which builds the standard library too.
    Debian,
}

impl Toolchain {
    /// Finds a way, installing what is missing.
    pub(crate) fn find() -> Result<Self> {
        if rustup_has_target() {
            return Ok(Self::Rustup);
        }
        say(&format!("adding the target {TARGET} with rustup"));
        let added = Command::new("rustup").args(["target", "add", TARGET]).output();
        if added.is_ok_and(|added| added.status.success()) {
            return Ok(Self::Rustup);
        }
        say("rustup can't fetch the target here; falling back to Debian's Rust packages");
        if !debian_is_complete() {
            install_debian()?;
        }
        Ok(Self::Debian)
    }

    /// `cargo build` for the target, without package, profile or flags.
    pub(crate) fn cargo_build(&self) -> Command {
        match self {
            Self::Rustup => cargo(&["build", "--target", TARGET]),
            Self::Debian => {
                let mut cargo = Command::new(DEBIAN_CARGO);
                cargo.args(["build", "--target", TARGET, "-Z", "build-std=std,panic_abort"]);
                // rustup's variables would lead this cargo back to the other toolchain.
                for name in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTUP_HOME", "RUSTC_WRAPPER"] {
                    cargo.env_remove(name);
                }
                let path = std::env::var("PATH").unwrap_or_default();
                cargo
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("PATH", format!("/usr/bin:{path}"))
                    .env("RUSTC", DEBIAN_RUSTC)
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER);
                cargo
            }
        }
    }

    /// The compiler's version, as it names itself.
    pub(crate) fn version(&self) -> Result<String> {
        let rustc = match self {
            Self::Rustup => "rustc",
            Self::Debian => DEBIAN_RUSTC,
        };
        let version = output(Command::new(rustc).arg("--version"));
        Ok(version.context("rustc does not answer")?.trim().to_owned())
    }

    /// Where the standard library's sources lie: their paths end up in panic messages.
    pub(crate) fn sysroot(&self) -> Result<PathBuf> {
        let rustc = match self {
            Self::Rustup => "rustc",
            Self::Debian => DEBIAN_RUSTC,
        };
        let sysroot = output(Command::new(rustc).args(["--print", "sysroot"]));
        Ok(sysroot.context("rustc does not answer")?.trim().into())
    }
}

fn rustup_has_target() -> bool {
    let installed = output(Command::new("rustup").args(["target", "list", "--installed"]));
    installed.is_some_and(|targets| targets.lines().any(|target| target == TARGET))
}

fn debian_is_complete() -> bool {
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/std");
    let sources_elsewhere = output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]))
        .map(|root| Path::new(root.trim()).join("lib/rustlib/src/rust/library/std"));
    [DEBIAN_CARGO, DEBIAN_RUSTC, DEBIAN_LINKER].iter().all(|tool| Path::new(tool).exists())
        && (sources.exists() || sources_elsewhere.is_some_and(|path| path.exists()))
}

fn install_debian() -> Result<()> {
    let wanted = DEBIAN_PACKAGES.join(" ");
    let may_install = output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0")
        && output(Command::new("apt-get").arg("--version")).is_some();
    if !may_install {
        bail!(
            "there is no compiler for {TARGET}: `rustup target add {TARGET}` failed, and Debian's \
             packages are missing; run `rustup target add {TARGET}` where the network allows it, \
             or as root `apt-get install {wanted}`"
        );
    }
    say(&format!("installing {wanted}"));
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(DEBIAN_PACKAGES))
}
