//! The arguments of `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Settings;

/// Verify audit records, and decide again what they decided
#[derive(Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    Verify(AuditVerify),
    Replay(AuditReplay),
}

/// Check that audit records are as they were written, and that none is missing between two
///
/// Reads the log of a function as it was printed, as CloudWatch exports it, as `aws logs` prints it,
/// or copies of audit records; whatever else is in it is passed over. Records of one process are a
/// chain, which has to come in its order; those of several processes may be mixed.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli audit verify function.log
  aws logs filter-log-events --log-group-name /aws/lambda/fraud | host-cli audit verify -
  aws s3 sync s3://audit/fraud copies && host-cli audit verify copies")]
pub(crate) struct AuditVerify {
    /// Files, also with gzip, folders with them, or - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Decide again what audit records say was decided, and compare every bit
///
/// Verifies the records, too. Those with an input are decided again by the model whose package they
/// name. An input whose sensitive values are masked, hashed or dropped is tried as it is: most models
/// do not look at what identifies somebody.
#[derive(Args)]
#[command(after_help = "\
Examples:
  host-cli audit replay function.log
  host-cli audit replay --model ./fraud-1.0.0 --model ./fraud-1.1.0 copies")]
pub(crate) struct AuditReplay {
    /// Files, also with gzip, folders with them, or - for standard input
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    /// A model that decided: a bundled one's name, or the path of a package or baked model; may be
    /// given more than once [default: the bundled ones]
    #[arg(short, long, value_name = "NAME|PATH")]
    pub(crate) model: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}
