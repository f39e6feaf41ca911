//! The component on the command line.
//!
//! Data go to standard output, everything else to standard error. [`args`] says what was asked,
//! a file in [`command`] does it, and [`failure`] turns what went wrong into a message and an exit
//! code.

mod args;
mod command;
mod element;
mod embedded;
mod failure;
mod json_text;
mod model;
mod onnx;
mod progress;
mod remote;
mod runtime;
mod trust;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Predict(arguments) => command::predict::run(&arguments.settings, &arguments),
        Command::Serve(arguments) => command::serve::run(&arguments.settings, &arguments),
        Command::Inspect(arguments) => command::inspect::run(&arguments.settings, &arguments),
        Command::Models(arguments) => command::models::run(&arguments),
        Command::Check(arguments) => command::check::run(&arguments.settings, &arguments),
        Command::Verify(arguments) => command::verify::run(&arguments.settings, &arguments),
        Command::Package(arguments) => command::package::run(&arguments.settings, &arguments),
        Command::Ensemble(arguments) => command::ensemble::run(&arguments.settings, &arguments),
        Command::Seal(arguments) => command::seal::run(&arguments.settings, &arguments),
        Command::Sign(arguments) => command::sign::run(&arguments),
        Command::Push(arguments) => command::push::run(&arguments.settings, &arguments),
        Command::Pull(arguments) => command::pull::run(&arguments.settings, &arguments),
        Command::Promote(arguments) => command::promote::run(&arguments.settings, &arguments),
        Command::Rollout(arguments) => command::rollout::run(&arguments.settings, &arguments),
        Command::Audit(arguments) => command::audit::run(&arguments),
        Command::Bake(arguments) => command::bake::run(&arguments.settings, &arguments),
        Command::Component(arguments) => command::component::run(&arguments.settings, &arguments),
        Command::Bench(arguments) => command::bench::run(&arguments.settings, &arguments),
        Command::Emulate(arguments) => command::emulate::run(*arguments),
        Command::Completions(arguments) => command::completions::run(&arguments),
    };
    done.unwrap_or_else(|error| failure::report(&error))
}
