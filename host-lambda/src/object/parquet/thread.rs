//! The thread that reads. It has no client: it asks for bytes, and waits for them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use model_package::FieldType;
use parquet::errors::{ParquetError, Result};
use predictor_host::HostError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Source, damaged, read, wrong};
use crate::object::rows::Row;

/// Rows that are decoded while others are predicted.
const AHEAD: usize = 2;

/// What the thread wants, or has.
pub(in crate::object) enum Step {
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
    fn read(&self, range: Range<u64>) -> Result<Bytes> {
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
            false => Err(damaged("fewer bytes than the object has came from S3")),
        }
    }
}

/// Starts to read; `end` is what the file of `size` bytes ends with.
pub(in crate::object) fn start(
    end: Bytes,
    size: u64,
    fields: BTreeMap<String, FieldType>,
    skipped: u64,
    memory: usize,
) -> (mpsc::Receiver<Step>, JoinHandle<std::result::Result<(), HostError>>) {
    let (steps, wanted) = mpsc::channel(AHEAD);
    let thread = tokio::task::spawn_blocking(move || {
        let rows = steps.clone();
        let source: Arc<dyn Source> = Arc::new(Asked { steps, end, size });
        let mut give = |ready| rows.blocking_send(Step::Rows(ready)).map_err(|_| gone());
        read(&source, size, &fields, skipped, memory, &mut give).map_err(wrong)
    });
    (wanted, thread)
}

/// Nobody waits for this error: who asked has one of its own.
fn gone() -> ParquetError {
    damaged("nobody reads it any more")
}
