//! The fate of every record: one line of JSON for each thing that happens to it, so that a test can
//! say "exactly once, or reported".

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;

use crate::error::Error;
use crate::invocation::timestamp;

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// Given to the function.
    Delivered,
    /// The function succeeded with it, and its source will not give it again.
    Answered,
    /// The function failed with it, or reported it.
    Failed,
    /// It will come again.
    Retried,
    /// Its source moved it to the dead-letter queue.
    DeadLettered,
    /// It, or a note about it, went to a destination.
    SentToDestination,
    /// Retries or age are used up, and there was no destination.
    Discarded,
    /// Given up, and its batch is tried again in halves.
    Bisected,
    /// No environment was free.
    Throttled,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, in UTC.
    pub time: String,
    /// As in `sqs:orders`.
    pub source: String,
    /// Message id, sequence number, event id or request id.
    pub record: String,
    /// What happened.
    pub fate: Fate,
    /// The invoke in which it happened.
    pub request_id: String,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// In words, where there is more to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// All entries of a run.
#[derive(Debug, Default)]
pub struct Ledger {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    file: Option<File>,
}

impl Ledger {
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let file = match path {
            Some(path) => Some(
                File::create(path)
                    .map_err(Error::system(format!("can't write the ledger {}", path.display())))?,
            ),
            None => None,
        };
        let inner = Mutex::new(Inner { entries: Vec::new(), file });
        Ok(Self { inner, changed: Notify::new() })
    }

    pub(crate) fn record(
        &self,
        source: &str,
        record: &str,
        fate: Fate,
        request_id: &str,
        attempt: u32,
        detail: impl Into<String>,
    ) {
        let entry = Entry {
            time: timestamp(),
            source: source.to_owned(),
            record: record.to_owned(),
            fate,
            request_id: request_id.to_owned(),
            attempt,
            detail: detail.into(),
        };
        let mut inner = self.lock();
        if let Some(file) = &mut inner.file {
            let line = serde_json::to_string(&entry).unwrap_or_default();
            if let Err(error) = writeln!(file, "{line}") {
                tracing::warn!(%error, "the ledger can't be written any more");
                inner.file = None;
            }
        }
        inner.entries.push(entry);
        drop(inner);
        self.changed.notify_waiters();
    }

    /// The entries so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Waits until the entries satisfy `wanted`, at most `limit`; returns them all, or none where
    /// the time ran out.
    pub async fn wait_for(
        &self,
        limit: Duration,
        wanted: impl Fn(&[Entry]) -> bool,
    ) -> Option<Vec<Entry>> {
        let search = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let entries = self.entries();
                if wanted(&entries) {
                    return entries;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, search).await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
