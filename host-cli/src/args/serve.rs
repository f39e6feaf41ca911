//! The arguments of `serve`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::Settings;

/// Serve models over HTTP, until Ctrl-C
///
/// Answers POST /predict and /models/NAME/predict (JSON, text, pictures, forms), the Open Inference
/// Protocol under /v2, and GET /health/live, /health/ready, /metadata, /models and /openapi.json.
/// Without a model, all bundled ones. The URL goes to standard output, a line a request to standard
/// error.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli serve
  host-cli serve fraud --port 9000
  host-cli serve ./fraud-1.0.0.baked ./package --default fraud
  curl http://127.0.0.1:8080/models/fraud/predict -H 'content-type: application/json' -d @instance.json
  curl http://127.0.0.1:8080/models/digits/predict -F file=@drawing.png")]
pub(crate) struct Serve {
    /// Bundled models' names, or paths of packages (folder or archive) or baked models
    #[arg(value_name = "NAME|PATH")]
    pub(crate) models: Vec<String>,
    /// The port; 0 for any that is free
    #[arg(
        short,
        long,
        env = "SAMEBITS_PORT",
        hide_env_values = true,
        value_name = "PORT",
        default_value_t = 8080
    )]
    pub(crate) port: u16,
    /// The address to listen on; 0.0.0.0 for every network
    #[arg(
        long,
        env = "SAMEBITS_HOST",
        hide_env_values = true,
        value_name = "ADDRESS",
        default_value = "127.0.0.1"
    )]
    pub(crate) host: IpAddr,
    /// The model of /predict [default: the first one named]
    #[arg(long, value_name = "NAME")]
    pub(crate) default: Option<String>,
    /// An origin whose pages may read answers, or *; may be given more than once [default: none]
    #[arg(
        long,
        env = "SAMEBITS_CORS",
        hide_env_values = true,
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub(crate) cors: Vec<String>,
    /// The largest body, in MiB
    #[arg(
        long, env = "SAMEBITS_MAX_BODY", hide_env_values = true, value_name = "MIB", default_value_t = 32,
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    pub(crate) max_body: u16,
    /// Requests that are worked on or wait at the same time; more are told to come again
    #[arg(
        long, env = "SAMEBITS_CONCURRENCY", hide_env_values = true, value_name = "N", default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..=4096)
    )]
    pub(crate) concurrency: u16,
    /// A folder of files to serve beside the models, such as a built page
    #[arg(long = "static", value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Log no requests
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}
