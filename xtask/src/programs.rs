//! The native programs: building them, and using them on the project's own models.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::run::{cargo, run};
use crate::{component, root, say};

/// Builds component and programs.
pub(crate) fn build() -> Result<()> {
    component::build()?;
    say("building the programs (about 12 minutes on two cores the first time)");
    // The whole workspace, and its tests: cargo then picks the same features for every crate as
    // when the tests are built, and nothing is compiled twice.
    run(cargo(&["build", "--release", "--workspace", "--all-targets"]))
}

/// The main job: the fraud example, through the component.
pub(crate) fn demo() -> Result<()> {
    build()?;
    let example = Path::new("models/fraud/examples/suspicious.json");
    let mut host_cli = Command::new(root().join("target/release/host-cli"));
    host_cli.current_dir(root()).arg("predict").arg(example);
    say(&format!("target/release/host-cli predict {}", example.display()));
    run(&mut host_cli)
}

/// Writes the component's answers into a package.
pub(crate) fn seal(package: &Path) -> Result<()> {
    build()?;
    run(Command::new(root().join("target/release/host-cli")).arg("seal").arg(package))?;
    say("the program carries the package with it: building it again");
    build()
}
