//! From what went wrong to a message on standard error and an exit code.

use std::io;
use std::process::ExitCode;

use model_store::StoreError;
use predictor_host::{Class, HostError};

/// An input that could not even be handed to the model.
#[derive(Debug)]
pub(crate) struct InputError(pub(crate) String);

/// A model that is not there.
#[derive(Debug)]
pub(crate) struct ModelError(pub(crate) String);

/// Exit code 1: nothing failed, but the answer is no.
pub(crate) const CHECK_FAILED: u8 = 1;

/// Prints the error and says how to end.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        // Whoever read our output has enough of it.
        return ExitCode::SUCCESS;
    }
    say(&message(error));
    ExitCode::from(class(error).exit_code())
}

/// The contexts and the error. What lies below an error of our own is part of its text already.
fn message(error: &anyhow::Error) -> String {
    let mut parts = Vec::new();
    for cause in error.chain() {
        parts.push(cause.to_string());
        if cause.is::<HostError>() || cause.is::<StoreError>() {
            break;
        }
    }
    parts.join(": ")
}

/// Prints one message.
pub(crate) fn say(message: &str) {
    let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
    anstream::eprintln!("{red}error:{red:#} {message}");
}

fn class(error: &anyhow::Error) -> Class {
    if let Some(error) = error.downcast_ref::<HostError>() {
        return error.class();
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return match error {
            StoreError::Aws(_)
            | StoreError::Io { .. }
            | StoreError::Kms { .. }
            | StoreError::KeyDenied { .. }
            | StoreError::KeyUnusable { .. } => Class::Internal,
            _ => Class::InvalidModel,
        };
    }
    if error.downcast_ref::<InputError>().is_some() {
        return Class::InvalidInput;
    }
    if error.downcast_ref::<ModelError>().is_some() {
        return Class::InvalidModel;
    }
    Class::Internal
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

impl std::fmt::Display for InputError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for ModelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InputError {}
impl std::error::Error for ModelError {}
