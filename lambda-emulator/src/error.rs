//! What can go wrong before a function answers, in words for the person who started the emulator.
//!
//! A function's own failures are no errors of the emulator: they are an [`Answer`](crate::Answer).

use std::path::PathBuf;

/// Why the emulator could not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The function package can't be used.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// An option has a value that Lambda refuses.
    #[error("{option} is {found}; accepted: {accepted}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What was given.
        found: String,
        /// What Lambda accepts.
        accepted: String,
    },
    /// A listener's address can't be taken.
    #[error(
        "can't listen on {address} for {purpose}: {source}; choose another port, or port 0 for a free one (`ss -ltnp` shows who has it)"
    )]
    Listen {
        /// The address asked for.
        address: String,
        /// What it was wanted for.
        purpose: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The AWS-compatible endpoint doesn't answer.
    #[error(
        "no AWS-compatible endpoint answers at {endpoint}: {reason}; start one, for example `pip install 'moto[server]' && moto_server -p 5000`, or give its address"
    )]
    Endpoint {
        /// The endpoint's address.
        endpoint: String,
        /// Why the request failed.
        reason: String,
    },
    /// The AWS-compatible endpoint refused a call.
    #[error("{service} answered {status} to {action}: {message}")]
    Service {
        /// The service, as in `sqs`.
        service: &'static str,
        /// The API's action.
        action: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of its answer.
        message: String,
    },
    /// A process could not be started, or a file not be written.
    #[error("{what}: {source}")]
    System {
        /// What the emulator was doing.
        what: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl Error {
    /// Wraps what the operating system said with what was being done.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }
}

/// Why a function package can't be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// The file can't be read.
    #[error("can't read the function package {path}: {source}")]
    Read {
        /// The package.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The zip is damaged, or is none.
    #[error("{path} is not a zip file that can be unpacked: {reason}")]
    Zip {
        /// The package.
        path: PathBuf,
        /// What the zip reader said.
        reason: String,
    },
    /// An entry would be written outside the folder.
    #[error("the zip's entry {entry:?} leads outside the function's folder; remove it")]
    Escape {
        /// The entry's name.
        entry: String,
    },
    /// The zip is larger than a direct upload may be.
    #[error(
        "the zip has {found} bytes; Lambda accepts {accepted} in a direct upload: strip the binary, or leave the model to S3"
    )]
    ZipTooLarge {
        /// Bytes of the file.
        found: u64,
        /// Bytes that Lambda accepts.
        accepted: u64,
    },
    /// The unpacked files are larger than Lambda takes.
    #[error(
        "unpacked, the package has more than {accepted} bytes, which is all that Lambda accepts, layers included"
    )]
    UnpackedTooLarge {
        /// Bytes that Lambda accepts.
        accepted: u64,
    },
    /// There is nothing to run.
    #[error(
        "the package has no file `bootstrap` at its root (found: {found}); name the binary `bootstrap` and zip it without a folder around it"
    )]
    NoBootstrap {
        /// What the root holds.
        found: String,
    },
    /// The file may not be executed.
    #[error("`bootstrap` has no run bit (mode {mode:o}); `chmod 755 bootstrap` before zipping it")]
    NotExecutable {
        /// Its permission bits.
        mode: u32,
    },
    /// The binary is for another processor.
    #[error(
        "`bootstrap` is built for {found}, this machine runs {accepted}; build it with `--target {accepted}-unknown-linux-gnu` or -musl"
    )]
    Architecture {
        /// What its ELF header says.
        found: String,
        /// This machine.
        accepted: String,
    },
    /// Neither a Linux program nor a script.
    #[error(
        "`bootstrap` is neither an ELF program for Linux nor a script that starts with `#!` (it is {found})"
    )]
    NotAProgram {
        /// What its first bytes look like.
        found: String,
    },
    /// The script's or program's interpreter is not on this machine.
    #[error("`bootstrap` needs {interpreter}, which this machine doesn't have")]
    NoInterpreter {
        /// The path that the `#!` line or the ELF header names.
        interpreter: String,
    },
}
