//! The thread that reads a Parquet file. It has no client: it asks for bytes, and waits for them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use model_package::FieldType;
use parquet_rows::{Error, RowError, Source, read};
use predictor_host::{Class, HostError, Instance};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::rows::{Row, not_text, too_long};
use crate::failure::refused;

/// The bytes at the end that are read first. Most descriptions are shorter.
pub(super) const END: u64 = 64 << 10;
/// Rows that are decoded while others are predicted.
const AHEAD: usize = 2;

/// What the thread wants, or has.
pub(super) enum Step {
    /// Bytes of the file, which are awaited.
    Wanted(Range<u64>, oneshot::Sender<Bytes>),
    /// Rows.
    Rows(Vec<Row>),
}

/// Bytes that somebody else reads.
struct Asked {
    steps: mpsc::Sender<Step>,
    /// The end of the file, which was read before.
    end: Bytes,
    size: u64,
}

impl Source for Asked {
    fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let known = self.size.saturating_sub(self.end.len() as u64);
        if let Some(from) = range.start.checked_sub(known)
            && range.end <= self.size
        {
            return Ok(self.end.slice(from as usize..(range.end - known) as usize));
        }
        let (asked, answered) = oneshot::channel();
        let length = range.end.saturating_sub(range.start);
        self.steps.blocking_send(Step::Wanted(range, asked)).map_err(|_| gone())?;
        let bytes = answered.blocking_recv().map_err(|_| gone())?;
        match bytes.len() as u64 == length {
            true => Ok(bytes),
            false => Err(Error::Damaged("fewer bytes than the object has came from S3".into())),
        }
    }
}

/// Starts to read; `end` is what the file of `size` bytes ends with.
pub(super) fn start(
    end: Bytes,
    size: u64,
    fields: BTreeMap<String, FieldType>,
    skipped: u64,
    memory: usize,
) -> (mpsc::Receiver<Step>, JoinHandle<Result<(), HostError>>) {
    let (steps, wanted) = mpsc::channel(AHEAD);
    let thread = tokio::task::spawn_blocking(move || {
        let rows = steps.clone();
        let source: Arc<dyn Source> = Arc::new(Asked { steps, end, size });
        let mut give = |ready: Vec<parquet_rows::Row>| {
            let ready = ready.into_iter().map(row).collect();
            rows.blocking_send(Step::Rows(ready)).map_err(|_| gone())
        };
        let read = read(&source, size, &fields, skipped, memory, &mut give);
        read.map_err(|error| wrong(&error))
    });
    (wanted, thread)
}

/// Nobody waits for this error: who asked has one of its own.
fn gone() -> Error {
    Error::Damaged("nobody reads it any more".into())
}

fn row(row: parquet_rows::Row) -> Row {
    let parquet_rows::Row { line, text } = row;
    match text {
        Ok(text) => Row::new(line, Instance::Json(text)),
        Err(RowError::TooLong { limit }) => Row::unread(line, too_long(limit)),
        Err(_) => Row::unread(line, not_text()),
    }
}

fn wrong(error: &Error) -> HostError {
    let class = match error {
        Error::Unsupported(_) => Class::UnsupportedInput,
        Error::TooLarge(_) => Class::TooLarge,
        _ => Class::InvalidInput,
    };
    refused(class, error.code(), error.to_string())
}
