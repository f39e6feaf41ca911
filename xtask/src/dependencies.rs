//! Licences, sources and known defects of everything that the project depends on.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run::run;
use crate::{root, say, tools};

/// Checks the dependencies against `deny.toml`.
pub(crate) fn check() -> Result<()> {
    let program = tools::cargo_deny()?;
    let deny = || {
        let mut deny = Command::new(&program);
        deny.current_dir(root()).args(["--log-level", "error", "check"]);
        deny
    };
    run(deny().args(["licenses", "bans", "sources"]))?;

    // The database of advisories is a repository, which a closed network does not reach.
    let output = deny().arg("advisories").output().context("can't start cargo-deny")?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    if message.contains("failed to fetch advisory database") {
        say("not checked: advisories (their database can't be fetched here)");
        return Ok(());
    }
    eprintln!("{message}");
    bail!("a dependency has an advisory");
}
