//! The command line of the emulator: reads arguments, prints addresses, runs until Ctrl-C.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use lambda_emulator::{Aws, Credentials, Door, Emulator, Function, Options, Source, run};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a native function package as AWS Lambda does, without containers.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The function package: a zip, or the bootstrap itself.
    package: PathBuf,
    /// Memory in MB.
    #[arg(long, default_value_t = 128)]
    memory: u32,
    /// Time limit of an invoke in seconds.
    #[arg(long, default_value_t = 3.0)]
    timeout: f64,
    /// The function's name.
    #[arg(long, default_value = "function")]
    name: String,
    /// What `_HANDLER` says.
    #[arg(long, default_value = "bootstrap")]
    handler: String,
    /// An environment variable for the function, NAME=VALUE.
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    environment: Vec<(String, String)>,
    /// The region that the function believes to be in.
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// How many environments there may be.
    #[arg(long, default_value_t = 10)]
    concurrency: usize,
    /// How many environments are initialised beforehand.
    #[arg(long, default_value_t = 0)]
    provisioned: usize,
    /// Give the function only the processor share that its memory buys.
    #[arg(long)]
    cpu_share: bool,
    /// An external extension to start beside the function.
    #[arg(long = "extension", value_name = "PROGRAM")]
    extensions: Vec<PathBuf>,
    /// A listener: invoke, rest, http, url, url-streamed, alb or alb-multi, with =ADDRESS:PORT; for
    /// rest also ,BINARY-MEDIA-TYPE.
    #[arg(long = "door", value_name = "KIND[=ADDRESS]")]
    doors: Vec<Door>,
    /// An event source, as in sqs:QUEUE-URL,batch=10,report or kinesis:STREAM,bisect.
    #[arg(long = "event-source", value_name = "KIND:NAME[,SETTING]")]
    sources: Vec<Source>,
    /// The AWS-compatible endpoint of event sources and destinations.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000")]
    aws_endpoint: String,
    /// The access key for the endpoint and for the function, ID:SECRET.
    #[arg(long, value_name = "ID:SECRET", default_value = "test:test", value_parser = credentials)]
    credentials: Credentials,
    /// Write the fate of every record to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// A file with trouble to make: a JSON list of rules.
    #[arg(long, value_name = "FILE")]
    trouble: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("accepted: NAME=VALUE".to_owned()),
    }
}

fn credentials(text: &str) -> Result<Credentials, String> {
    let (id, secret) = text.split_once(':').ok_or_else(|| "accepted: ID:SECRET".to_owned())?;
    Ok(Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: None,
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .init();
    let options = options(Arguments::parse())?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can't wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("can't wait for SIGTERM")?;
    let end = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    run(options, announce, end).await.context("the emulator can't run the function")
}

fn announce(emulator: &Emulator) {
    tracing::info!("{}", emulator.limits());
    for (kind, address) in emulator.doors() {
        println!("{kind:?} http://{address}");
    }
}

fn options(arguments: Arguments) -> anyhow::Result<Options> {
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
    let mut options = Options::new(function);
    options.concurrency = arguments.concurrency;
    options.provisioned = arguments.provisioned;
    options.doors = arguments.doors;
    if options.doors.is_empty() && arguments.sources.is_empty() {
        options.doors = vec!["invoke=127.0.0.1:9001".parse()?];
    }
    options.sources = arguments.sources;
    options.aws =
        Some(Aws { endpoint: arguments.aws_endpoint, credentials: arguments.credentials });
    options.ledger = arguments.ledger;
    if let Some(path) = arguments.trouble {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("can't read {}", path.display()))?;
        options.trouble = serde_json::from_str(&text)
            .with_context(|| format!("{} is no list of trouble", path.display()))?;
    }
    Ok(options)
}
