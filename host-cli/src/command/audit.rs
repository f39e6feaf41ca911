//! `audit`: whether audit records are as they were written, and whether they would be decided so again.

mod record;
mod replay;
mod source;
mod verify;

use std::process::ExitCode;

use anyhow::Result;

use crate::args::{Audit, AuditCommand};

pub(crate) fn run(arguments: &Audit) -> Result<ExitCode> {
    match &arguments.command {
        AuditCommand::Verify(arguments) => verify::run(arguments),
        AuditCommand::Replay(arguments) => replay::run(&arguments.settings, arguments),
    }
}
