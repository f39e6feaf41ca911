//! The test command: everything that must hold before a change goes in.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::run::{cargo, minutes, run};
use crate::{component, dependencies, say, schema, tools, web};

/// What a step is called, and what it does.
type Step = (&'static str, fn() -> Result<()>);

/// Runs every step in turn; the quick ones that need no build come first.
pub(crate) fn all() -> Result<()> {
    let steps: [Step; 10] = [
        ("formatting", || run(cargo(&["fmt", "--all", "--check"]))),
        ("JSON Schemas", schema::check),
        ("component", || component::build().map(drop)),
        ("tools", tools::prepare),
        ("page", || web::build(&[], None)),
        ("tests", tests),
        ("clippy", || {
            let clippy = ["clippy", "--release", "--workspace", "--all-targets", "--quiet"];
            run(cargo(&clippy).args(["--", "-D", "warnings"]))
        }),
        ("web-support", web::check),
        ("documentation", || {
            let doc = ["doc", "--release", "--workspace", "--no-deps", "--quiet"];
            run(cargo(&doc).env("RUSTDOCFLAGS", "-D warnings"))
        }),
        ("dependencies", dependencies::check),
    ];
    for (name, step) in steps {
        say(&format!("── {name}"));
        let began = Instant::now();
        step().with_context(|| name.to_owned())?;
        say(&format!("{name}: good ({})", minutes(began.elapsed())));
    }
    Ok(())
}

fn tests() -> Result<()> {
    say("building the programs and their tests (about 12 minutes on two cores the first time)");
    run(cargo(&["build", "--release", "--workspace", "--all-targets", "--quiet"]))?;
    run(cargo(&["test", "--release", "--workspace"]))
}
