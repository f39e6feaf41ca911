//! Builds, checks and packages the project. Run it as `cargo xtask COMMAND`.

mod component;
mod run;
mod toolchain;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, checks and packages the project")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the component into target/component/predictor.wasm
    Component,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Component => component::build().map(drop),
    }
}

/// The workspace's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Says what is going on, on standard error.
fn say(message: &str) {
    eprintln!("xtask: {message}");
}
