//! The arguments of the commands for a store: `push`, `pull`, `promote`, `rollout`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use predictor_host::Target;

use model_store::{Place, Reference, Step, Which};

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
  host-cli push models/fraud/package s3://models/prod/fraud --sign release.pem --encrypt alias/models
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
    /// Encrypt the package here, before it is written, under a new data key that this key of AWS KMS wraps
    ///
    /// Who reads it needs kms:Decrypt, and has it in plain text in memory only. The key is an id, an ARN or
    /// an alias/NAME.
    #[arg(long, value_name = "KMS-KEY", conflicts_with = "bake")]
    pub(crate) encrypt: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// Take a package out of a store
///
/// What is encrypted there is decrypted, and lies in the folder in plain text.
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
/// Without --set, --shadow and --canary it shows. New versions have to answer their reference cases, as
/// with promote. A canary is a version whose share grows step by step; a host that sees it do worse than
/// the limits allow gives it nothing more. --canary none ends it for all hosts, and so does --set.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli rollout s3://models/prod/fraud@champion --trust release.pub.pem
  host-cli rollout s3://models/prod/fraud@champion --set 1.4.0=90 --set 1.5.0=10 --key release.pem
  host-cli rollout s3://models/prod/fraud@champion --shadow 1.5.0 --key release.pem
  host-cli rollout s3://models/prod/fraud@champion --shadow none --key release.pem
  host-cli rollout s3://models/prod/fraud@champion --canary 1.5.0 --steps 1%/1h,10%/4h,50%/1d,100% \\
    --score-shift 0.02 --key release.pem
  host-cli rollout s3://models/prod/fraud@champion --canary none --key release.pem")]
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
    pub(crate) canary: CanaryPlan,
    #[command(flatten)]
    pub(crate) with: SignWith,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

/// A version on trial.
#[derive(Args)]
pub(crate) struct CanaryPlan {
    /// A version whose share grows step by step, from now on; or none
    #[arg(long, value_name = "VERSION|none", requires = "key")]
    pub(crate) canary: Option<String>,
    /// Its shares and how long each lasts (s, m, h, d); the last lasts until the alias changes
    #[arg(
        long,
        value_name = "SHARE/TIME,…",
        requires = "canary",
        default_value = "1%/1h,5%/1h,25%/4h,100%"
    )]
    pub(crate) steps: Steps,
    /// A host compares after this many decisions of the canary, and of the others
    #[arg(long, value_name = "N", requires = "canary", default_value_t = 200)]
    pub(crate) decisions: u16,
    /// By how much its share of errors may exceed that of the others
    #[arg(long, value_name = "SHARE", requires = "canary", default_value_t = 0.01)]
    pub(crate) error_rate: f64,
    /// How many times as long as theirs the 95th percentile of its time may be [default: any]
    #[arg(long, value_name = "RATIO", requires = "canary")]
    pub(crate) latency_ratio: Option<f64>,
    /// How far its mean score may be from theirs [default: any]
    #[arg(long, value_name = "DIFFERENCE", requires = "canary")]
    pub(crate) score_shift: Option<f64>,
}

/// The steps of a canary, as `1%/1h,100%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Steps(pub(crate) Vec<Step>);

impl FromStr for Steps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let steps: Option<Vec<Step>> = text.split(',').map(step).collect();
        steps.map(Self).ok_or_else(|| {
            format!(
                "expected shares of at most one decimal and their times, as in 0.5%/30m,10%/1d,100%, \
                 found {text:?}"
            )
        })
    }
}

fn step(text: &str) -> Option<Step> {
    let (share, time) = match text.trim().split_once('/') {
        Some((share, time)) => (share, Some(time)),
        None => (text.trim(), None),
    };
    let (whole, tenth) = match share.strip_suffix('%')?.split_once('.') {
        Some((whole, tenth)) if tenth.len() == 1 => (whole, tenth.parse::<u16>().ok()?),
        Some(_) => return None,
        None => (share.strip_suffix('%')?, 0),
    };
    let permille = whole.parse::<u16>().ok()?.checked_mul(10)?.checked_add(tenth)?;
    let seconds = match time {
        None => None,
        Some(time) => {
            let (number, unit) = time.split_at_checked(time.len().checked_sub(1)?)?;
            let unit = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                "d" => 86_400,
                _ => return None,
            };
            Some(number.parse::<u32>().ok()?.checked_mul(unit)?)
        }
    };
    Some(Step { permille, seconds })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read() {
        let check = |text: &str, expected: Option<&[(u16, Option<u32>)]>| {
            let found = text.parse().ok().map(|Steps(steps)| steps);
            let step = |(permille, seconds): &(u16, Option<u32>)| Step {
                permille: *permille,
                seconds: *seconds,
            };
            assert_eq!(found, expected.map(|all| all.iter().map(step).collect()), "{text}");
        };
        check(
            "1%/30m,5%/2h, 25%/1d,100%",
            Some(&[(10, Some(1800)), (50, Some(7200)), (250, Some(86_400)), (1000, None)]),
        );
        check("0.5%/90s,100%", Some(&[(5, Some(90)), (1000, None)]));
        for text in ["", "1", "1%/", "1%/1", "1%/1w", "1%/h", "%/1h", "0.05%", "-1%", "1%/\u{e9}"] {
            check(text, None);
        }
    }
}
