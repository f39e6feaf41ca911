//! Builds, checks and packages the project. Run it as `cargo xtask COMMAND`.

mod component;
mod dependencies;
mod function;
mod programs;
mod run;
mod schema;
mod sizes;
mod test;
mod toolchain;
mod tools;
mod web;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, checks and packages the project")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set everything up and predict the bundled fraud example
    Demo,
    /// Build what is missing and run every test and check
    Test,
    /// Install what the tests run beside Rust, under target/tools
    Tools,
    /// Build the component into target/component/predictor.wasm
    Component,
    /// Build the component and the programs into target/release
    Build,
    /// Build the demo page into target/web/site and the npm package in web/package
    Web {
        /// Show this model package, too; one with a bundled model's name takes its place
        #[arg(long)]
        package: Vec<PathBuf>,
        /// Publish this with the page: a public key, root certificates or a trust policy, by which
        /// the page checks the signatures of its packages
        #[arg(long)]
        trust: Option<PathBuf>,
    },
    /// Build the zips for AWS Lambda into target/functions: the program and a baked model
    Function {
        /// A model: a name, a package's folder or an archive
        #[arg(default_value = "fraud")]
        model: String,
        /// For this processor only
        #[arg(long)]
        arch: Vec<function::Arch>,
        /// Leave out the clients of AWS's services
        #[arg(long)]
        without_aws: bool,
    },
    /// Write the component's answers into a package's reference cases
    Seal {
        /// The package's folder, such as models/fraud/package
        package: PathBuf,
    },
    /// Say what the component's code is made of, by crate
    Sizes,
    /// Write the JSON Schemas in docs/ from the Rust types
    Schema {
        /// Only check that they are up to date
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let began = Instant::now();
    match perform(Arguments::parse().command) {
        Ok(()) => {
            say(&format!("done in {}", run::minutes(began.elapsed())));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Demo => programs::demo(),
        Command::Test => test::all(),
        Command::Tools => tools::prepare(),
        Command::Component => component::build().map(drop),
        Command::Build => programs::build(),
        Command::Web { package, trust } => web::build(&package, trust.as_deref()),
        Command::Function { model, arch, without_aws } => {
            function::build(&model, &arch, without_aws)
        }
        Command::Sizes => sizes::report(),
        Command::Seal { package } => programs::seal(&package),
        Command::Schema { check: false } => schema::write(),
        Command::Schema { check: true } => schema::check(),
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
