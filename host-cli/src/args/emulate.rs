//! The arguments of `emulate`.

use std::path::PathBuf;

use clap::Args;
use lambda_emulator::{Credentials, Door, Source};

/// Run a function package as AWS Lambda does, on this machine and offline
///
/// Kills at the time limit, freezes between invokes, gives back what was reported as failed, and
/// turns real HTTP into each event form. Addresses go to standard output, the function's log to
/// standard error. Ctrl-C ends everything.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli emulate bootstrap.zip --memory 256 --timeout 5
  host-cli emulate bootstrap.zip --door url=127.0.0.1:9000 --door alb=127.0.0.1:9001
  host-cli emulate target/release/bootstrap --event-source sqs:http://127.0.0.1:5000/1/q,report

With neither a door nor a source, Lambda's own API listens on 127.0.0.1:9001:
  curl -d @event.json http://127.0.0.1:9001/2015-03-31/functions/function/invocations")]
pub(crate) struct Emulate {
    /// The function package: a zip, or the bootstrap itself
    pub(crate) package: PathBuf,
    /// Memory in MB
    #[arg(long, default_value_t = 128)]
    pub(crate) memory: u32,
    /// Time limit of an invoke in seconds
    #[arg(long, default_value_t = 3.0)]
    pub(crate) timeout: f64,
    /// The function's name
    #[arg(long, default_value = "function")]
    pub(crate) name: String,
    /// What `_HANDLER` says
    #[arg(long, default_value = "bootstrap")]
    pub(crate) handler: String,
    /// An environment variable for the function, NAME=VALUE
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) environment: Vec<(String, String)>,
    /// The region that the function believes to be in
    #[arg(long, default_value = "us-east-1")]
    pub(crate) region: String,
    /// How many environments there may be
    #[arg(long, default_value_t = 10)]
    pub(crate) concurrency: usize,
    /// How many environments are initialised beforehand
    #[arg(long, default_value_t = 0)]
    pub(crate) provisioned: usize,
    /// Give the function only the processor share that its memory buys
    #[arg(long)]
    pub(crate) cpu_share: bool,
    /// What starts a bootstrap that this machine can't run, such as "qemu-aarch64 -L
    /// /usr/aarch64-linux-gnu"; words between spaces
    #[arg(long, value_name = "COMMAND", default_value = "", hide_default_value = true)]
    pub(crate) runner: String,
    /// An external extension to start beside the function
    #[arg(long = "extension", value_name = "PROGRAM")]
    pub(crate) extensions: Vec<PathBuf>,
    /// A listener: invoke, rest, http, url, url-streamed, alb or alb-multi, with =ADDRESS:PORT; for
    /// rest also ,BINARY-MEDIA-TYPE
    #[arg(long = "door", value_name = "KIND[=ADDRESS]")]
    pub(crate) doors: Vec<Door>,
    /// An event source, as in sqs:QUEUE-URL,batch=10,report or kinesis:STREAM,bisect
    #[arg(long = "event-source", value_name = "KIND:NAME[,SETTING]")]
    pub(crate) sources: Vec<Source>,
    /// Where the result of an asynchronous invoke goes: the ARN of a queue, topic or event bus
    #[arg(long, value_name = "ARN")]
    pub(crate) on_success: Option<String>,
    /// Where an asynchronous invoke goes that failed for good
    #[arg(long, value_name = "ARN")]
    pub(crate) on_failure: Option<String>,
    /// How often an asynchronous invoke is tried again
    #[arg(long, value_name = "TIMES", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=2))]
    pub(crate) retries: u32,
    /// The AWS-compatible endpoint of event sources and destinations
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000")]
    pub(crate) aws_endpoint: String,
    /// The access key for the endpoint and for the function, ID:SECRET
    #[arg(long, value_name = "ID:SECRET", default_value = "test:test", value_parser = credentials)]
    pub(crate) credentials: Credentials,
    /// Write the fate of every record to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) ledger: Option<PathBuf>,
    /// A file with trouble to make: a JSON list of rules
    #[arg(long, value_name = "FILE")]
    pub(crate) trouble: Option<PathBuf>,
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
