//! `emulate`: a function package under the Lambda emulator, until Ctrl-C.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use lambda_emulator::{Aws, Emulator, Function, Options};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Emulate;
use crate::failure::InputError;

pub(crate) fn run(arguments: Emulate) -> Result<ExitCode> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .init();
    let options = options(arguments)?;
    let runtime = tokio::runtime::Runtime::new().context("can't start threads")?;
    runtime.block_on(until_interrupted(options))?;
    Ok(ExitCode::SUCCESS)
}

async fn until_interrupted(options: Options) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("can't wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("can't wait for SIGTERM")?;
    let end = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    // What can go wrong is what the caller gave: the package, the addresses, the endpoint.
    let started = lambda_emulator::run(options, announce, end).await;
    started.map_err(|error| InputError(format!("{:#}", anyhow::Error::new(error))).into())
}

fn announce(emulator: &Emulator) {
    tracing::info!("{}", emulator.limits());
    for (kind, address) in emulator.doors() {
        println!("{kind:?} http://{address}");
    }
}

/// Prints lines of the function's log in one write: whoever reads along would be woken for each. What could
/// steer a terminal is escaped.
fn print(lines: &[String]) {
    let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        let steers = |character: char| character.is_control() && character != '\t';
        // Looked at to its end, which takes vectors of bytes at once.
        let is_odd = |byte: u8| !byte.is_ascii() | steers(byte.into());
        if !line.bytes().fold(false, |found, byte| found | is_odd(byte)) {
            text += line;
        } else {
            for character in line.chars() {
                if steers(character) {
                    text.extend(character.escape_default());
                } else {
                    text.push(character);
                }
            }
        }
        text.push('\n');
    }
    // Who has closed standard error does not want them.
    std::io::stderr().write_all(text.as_bytes()).ok();
}

fn options(arguments: Emulate) -> Result<Options> {
    let mut function = Function::new(arguments.package);
    function.name = arguments.name;
    function.handler = arguments.handler;
    function.memory_mb = arguments.memory;
    function.timeout = Duration::try_from_secs_f64(arguments.timeout)
        .context("--timeout is no number of seconds")?;
    function.environment = arguments.environment.into_iter().collect();
    function.credentials = Some(arguments.credentials.clone());
    function.region = arguments.region;
    function.extensions = arguments.extensions;
    function.cpu_share = arguments.cpu_share;
    function.runner = arguments.runner.split_whitespace().map(str::to_owned).collect();
    let mut options = Options::new(function);
    options.concurrency = arguments.concurrency;
    options.provisioned = arguments.provisioned;
    options.doors = arguments.doors;
    if options.doors.is_empty() && arguments.sources.is_empty() {
        options.doors = vec!["invoke=127.0.0.1:9001".parse()?];
    }
    options.sources = arguments.sources;
    options.asynchronous.on_success = arguments.on_success;
    options.asynchronous.on_failure = arguments.on_failure;
    options.asynchronous.maximum_retries = arguments.retries;
    options.aws =
        Some(Aws { endpoint: arguments.aws_endpoint, credentials: arguments.credentials });
    options.ledger = arguments.ledger;
    options.print = Some(print);
    if let Some(path) = arguments.trouble {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("can't read {}", path.display()))?;
        options.trouble = serde_json::from_str(&text)
            .with_context(|| format!("{} is no list of trouble", path.display()))?;
    }
    Ok(options)
}
