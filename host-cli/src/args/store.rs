//! The arguments of the commands for a store: `push`, `pull`, `promote`, `rollout`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use predictor_host::Target;

use model_store::{Place, Reference, Which};

use super::Settings;

/// Put a package into a store in S3, so that hosts can take it from there
///
/// Data come first and the version's pointer last, so a push that was stopped is seen by nobody; the
/// next one goes on with what is missing. A version never changes. Keys of AWS are read from
/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli push models/fraud/package s3://models/prod/fraud --sign release.pem
  host-cli push models/fraud/package s3://models/prod/fraud --dry-run
  host-cli push fraud s3://models/prod/fraud --sign release.pem \\
    --bake x86_64-unknown-linux-gnu --bake aarch64-unknown-linux-gnu")]
pub(crate) struct Push {
    /// A bundled model's name, or the path of a package (folder, archive or .onnx file)
    #[arg(value_name = "NAME|PATH")]
    pub(crate) model: String,
    /// Where to: s3://BUCKET/PREFIX/MODEL
    #[arg(value_name = "PLACE")]
    pub(crate) place: Place,
    /// Sign the package with this key (PEM) on its way
    #[arg(long, value_name = "FILE")]
    pub(crate) sign: Option<PathBuf>,
    /// The signer's certificate (PEM), followed by those that lead to a root
    #[arg(long, value_name = "FILE", requires = "sign")]
    pub(crate) certificate: Vec<PathBuf>,
    /// Push a package that nobody signed; hosts refuse it unless their policy accepts that
    #[arg(long, conflicts_with = "sign")]
    pub(crate) unsigned: bool,
    /// Bake it for this target, too; may be given more than once
    #[arg(long, value_name = "TRIPLE", requires = "sign")]
    pub(crate) bake: Vec<Target>,
    /// Encrypt with this key of AWS KMS; empty for the account's own [default: as the bucket says]
    #[arg(long, value_name = "KEY")]
    pub(crate) kms: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Take a package out of a store
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli pull s3://models/prod/fraud@champion --trust release.pub.pem
  host-cli pull s3://models/prod/fraud@1.4.0 --trust release.pub.pem --output fraud")]
pub(crate) struct Pull {
    /// Which: s3://BUCKET/PREFIX/MODEL@ALIAS, @VERSION or @sha256:…
    #[arg(value_name = "MODEL")]
    pub(crate) model: Reference,
    /// The folder to write [default: MODEL-VERSION]
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Whose signature an alias gets.
#[derive(Args)]
pub(crate) struct SignWith {
    /// The private key (PEM) that signs the alias
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The signer's certificate (PEM), followed by those that lead to a root
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Vec<PathBuf>,
    /// How many days the alias holds; hosts refuse it after that
    #[arg(
        long, value_name = "DAYS", default_value_t = 90,
        value_parser = clap::value_parser!(u16).range(1..=3660)
    )]
    pub(crate) days: u16,
    /// Encrypt with this key of AWS KMS; empty for the account's own [default: as the bucket says]
    #[arg(long, value_name = "KEY")]
    pub(crate) kms: Option<String>,
    /// Tell hosts through this bus of EventBridge
    #[arg(long, value_name = "NAME")]
    pub(crate) bus: Option<String>,
}

/// Let an alias name another version, after its reference cases gave the exact bits
///
/// The package is read back from S3, verified, and answers its reference cases in the component; so
/// does the baked one for this machine, if there is one. Only then the alias moves.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli promote s3://models/prod/fraud@1.4.0 champion --key release.pem
  host-cli promote s3://models/prod/fraud@challenger champion --key release.pem --bus default")]
pub(crate) struct Promote {
    /// Which: s3://BUCKET/PREFIX/MODEL@VERSION, @sha256:… or another @ALIAS
    #[arg(value_name = "MODEL")]
    pub(crate) model: Reference,
    /// The alias
    #[arg(value_name = "ALIAS", value_parser = alias)]
    pub(crate) alias: String,
    #[command(flatten)]
    pub(crate) with: SignWith,
    /// Check everything, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Show or change which versions an alias stands for, and their shares of the requests
///
/// Without --set and --shadow it shows. New versions have to answer their reference cases, as with
/// promote.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli rollout s3://models/prod/fraud@champion --trust release.pub.pem
  host-cli rollout s3://models/prod/fraud@champion --set 1.4.0=90 --set 1.5.0=10 --key release.pem
  host-cli rollout s3://models/prod/fraud@champion --shadow 1.5.0 --key release.pem
  host-cli rollout s3://models/prod/fraud@champion --shadow none --key release.pem")]
pub(crate) struct Rollout {
    /// The alias: s3://BUCKET/PREFIX/MODEL@ALIAS
    #[arg(value_name = "ALIAS")]
    pub(crate) alias: Reference,
    /// A version and its weight; may be given more than once, and replaces what was there
    #[arg(long, value_name = "VERSION=WEIGHT", requires = "key")]
    pub(crate) set: Vec<Weight>,
    /// A version that runs beside the others and answers nobody, or none
    #[arg(long, value_name = "VERSION|none", requires = "key")]
    pub(crate) shadow: Option<String>,
    #[command(flatten)]
    pub(crate) with: SignWith,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// A version and its weight.
#[derive(Clone, Debug)]
pub(crate) struct Weight {
    pub(crate) version: String,
    pub(crate) weight: u32,
}

impl FromStr for Weight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=');
        let version = parts.and_then(|(version, _)| match version.parse() {
            Ok(Which::Version(version)) => Some(version),
            _ => None,
        });
        match (version, parts.and_then(|(_, weight)| weight.parse().ok())) {
            (Some(version), Some(weight)) => Ok(Self { version, weight }),
            _ => Err(format!("expected a version and a weight, as in 1.4.0=90, found {text:?}")),
        }
    }
}

fn alias(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(Which::Alias(alias)) => Ok(alias),
        _ => Err("expected a name that begins with a letter, such as champion".into()),
    }
}
