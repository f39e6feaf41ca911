//! What Kinesis and DynamoDB streams share: one shard at a time in order, retries, bisecting, and
//! the failure destination.
//!
//! A batch that fails blocks its shard until it succeeds, is too old, or has used up its retries.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::batch_response::{Reporting, Verdict, verdict};
use super::{Feed, pause_after};
use crate::destination;
use crate::error::Error;
use crate::invocation::{epoch_milliseconds, timestamp};
use crate::ledger::Fate;
use crate::options::StreamSource;

/// Lambda looks four times a second.
const POLL: Duration = Duration::from_millis(250);
/// Waits between retries double from here to there.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LAST_BACKOFF: Duration = Duration::from_secs(60);

/// One record of a stream.
#[derive(Debug, Clone)]
pub(crate) struct StreamRecord {
    pub(crate) sequence_number: String,
    /// Milliseconds since the epoch.
    pub(crate) arrived_ms: u64,
    /// As the function sees it.
    pub(crate) event: Value,
}

/// Where a shard's records come from.
pub(crate) trait ShardReader: Send + 'static {
    /// The next records, at most `limit`; none where there are none yet. `Ok(None)` at the end of a
    /// closed shard.
    fn read(
        &mut self,
        limit: usize,
    ) -> impl Future<Output = Result<Option<Vec<StreamRecord>>, Error>> + Send;
}

/// A shard with the mapping that reads it.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) feed: Arc<Feed>,
    pub(crate) source: StreamSource,
    /// The name in the ledger.
    pub(crate) name: String,
    pub(crate) stream_arn: String,
    pub(crate) shard_id: String,
    /// `KinesisBatchInfo` or `DDBStreamBatchInfo`.
    pub(crate) batch_info_key: &'static str,
}

/// Records that are tried together.
#[derive(Debug)]
struct Batch {
    records: Vec<StreamRecord>,
    /// Attempts that count against the retry limit.
    attempts: u32,
}

impl Shard {
    pub(crate) async fn poll(self, mut reader: impl ShardReader) {
        loop {
            match self.gather(&mut reader).await {
                None => return,
                Some(records) if records.is_empty() => tokio::time::sleep(POLL).await,
                Some(records) => {
                    if self.process(records).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Reads until the batch is full or its window is over; none at the shard's end.
    async fn gather(&self, reader: &mut impl ShardReader) -> Option<Vec<StreamRecord>> {
        let mut records = Vec::new();
        let mut end = None;
        loop {
            match reader.read(self.source.batch_size - records.len()).await {
                Ok(Some(more)) => records.extend(more),
                Ok(None) if records.is_empty() => return None,
                Ok(None) => return Some(records),
                Err(error) => pause_after(&error, &self.name).await,
            }
            if records.is_empty() || records.len() >= self.source.batch_size {
                return Some(records);
            }
            let end = *end.get_or_insert_with(|| Instant::now() + self.source.batching_window);
            if Instant::now() >= end {
                return Some(records);
            }
            tokio::time::sleep_until(end.min(Instant::now() + POLL)).await;
        }
    }

    /// Tries the records until all have met their fate; none when the emulator shuts down.
    async fn process(&self, records: Vec<StreamRecord>) -> Option<()> {
        // The next batch is the last of the list.
        let mut left = vec![Batch { records, attempts: 0 }];
        while let Some(mut batch) = left.pop() {
            self.discard_old(&mut batch).await;
            if batch.records.is_empty() {
                continue;
            }
            batch.attempts += 1;
            let event: Vec<&Value> = batch.records.iter().map(|record| &record.event).collect();
            let event = json!({"Records": event});
            let delivered = |request_id: &str| {
                self.note(&batch.records, Fate::Delivered, request_id, batch.attempts, "")
            };
            let result = self.feed.invoke(&event, delivered).await?;
            let reporting = if self.source.report_batch_item_failures {
                Reporting::Items
            } else {
                Reporting::None
            };
            let known: Vec<&str> =
                batch.records.iter().map(|record| record.sequence_number.as_str()).collect();
            let outcome = match &result.answer {
                Ok(answer) => verdict(answer, &known, reporting),
                Err(error) => Verdict::All(error.error_type.clone()),
            };
            let request_id = &result.request_id;
            match outcome {
                Verdict::Success => {
                    self.note(&batch.records, Fate::Answered, request_id, batch.attempts, "");
                }
                Verdict::Some(failed) => {
                    // The lowest reported number is the checkpoint; all from there on come again.
                    let first = known.iter().position(|id| failed.iter().any(|it| it == id));
                    let rest = batch.records.split_off(first.unwrap_or(0));
                    self.note(&batch.records, Fate::Answered, request_id, batch.attempts, "");
                    self.note(
                        &rest,
                        Fate::Failed,
                        request_id,
                        batch.attempts,
                        "from the checkpoint on",
                    );
                    let batch = Batch { records: rest, attempts: batch.attempts };
                    self.retry(batch, request_id, &mut left).await;
                }
                Verdict::All(reason) => {
                    self.note(&batch.records, Fate::Failed, request_id, batch.attempts, &reason);
                    if self.source.bisect && batch.records.len() > 1 {
                        self.bisect(batch, request_id, &mut left);
                    } else {
                        self.retry(batch, request_id, &mut left).await;
                    }
                }
            }
        }
        Some(())
    }

    /// Halves a batch; this does not count as a retry.
    fn bisect(&self, mut batch: Batch, request_id: &str, left: &mut Vec<Batch>) {
        self.note(&batch.records, Fate::Bisected, request_id, batch.attempts, "");
        let attempts = batch.attempts.saturating_sub(1);
        let second = batch.records.split_off(batch.records.len().div_ceil(2));
        left.push(Batch { records: second, attempts });
        left.push(Batch { records: batch.records, attempts });
    }

    async fn retry(&self, batch: Batch, request_id: &str, left: &mut Vec<Batch>) {
        if self.source.maximum_retries.is_some_and(|most| batch.attempts > most) {
            self.give_up(&batch, "RetryAttemptsExhausted", request_id).await;
            return;
        }
        self.note(&batch.records, Fate::Retried, request_id, batch.attempts, "");
        let doubled =
            FIRST_BACKOFF * 2_u32.saturating_pow(batch.attempts.saturating_sub(1).min(16));
        tokio::time::sleep(doubled.min(LAST_BACKOFF)).await;
        left.push(batch);
    }

    async fn discard_old(&self, batch: &mut Batch) {
        let Some(age) = self.source.maximum_age else { return };
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let oldest = epoch_milliseconds().saturating_sub(age);
        let (old, young): (Vec<_>, Vec<_>) = std::mem::take(&mut batch.records)
            .into_iter()
            .partition(|record| record.arrived_ms < oldest);
        batch.records = young;
        if !old.is_empty() {
            let old = Batch { records: old, attempts: batch.attempts };
            self.give_up(&old, "RecordAgeExceeded", "").await;
        }
    }

    async fn give_up(&self, batch: &Batch, condition: &str, request_id: &str) {
        let Some(arn) = &self.source.on_failure else {
            self.note(&batch.records, Fate::Discarded, request_id, batch.attempts, condition);
            return;
        };
        let message = self.failure_message(batch, condition, request_id);
        let sent = destination::send(&self.feed.aws, arn, &message, &[]).await;
        let (fate, detail) = match sent {
            Ok(()) => (Fate::SentToDestination, format!("{condition}: {arn}")),
            Err(error) => (Fate::Discarded, error.to_string()),
        };
        self.note(&batch.records, fate, request_id, batch.attempts, &detail);
    }

    /// The record that a failure destination gets: where the batch is, not what is in it.
    fn failure_message(&self, batch: &Batch, condition: &str, request_id: &str) -> Value {
        let moment = |record: Option<&StreamRecord>| {
            let milliseconds = record.map_or(0, |record| record.arrived_ms);
            let since = Duration::from_millis(milliseconds);
            crate::invocation::timestamp_of(std::time::UNIX_EPOCH + since)
        };
        let number = |record: Option<&StreamRecord>| record.map(|it| it.sequence_number.clone());
        let (first, last) = (batch.records.first(), batch.records.last());
        json!({
            "requestContext": {
                "requestId": request_id,
                "functionArn": self.feed.function.arn(),
                "condition": condition,
                "approximateInvokeCount": batch.attempts,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": timestamp(),
            self.batch_info_key: {
                "shardId": self.shard_id,
                "startSequenceNumber": number(first),
                "endSequenceNumber": number(last),
                "approximateArrivalOfFirstRecord": moment(first),
                "approximateArrivalOfLastRecord": moment(last),
                "batchSize": batch.records.len(),
                "streamArn": self.stream_arn,
            },
        })
    }

    fn note(
        &self,
        records: &[StreamRecord],
        fate: Fate,
        request_id: &str,
        attempt: u32,
        detail: &str,
    ) {
        for record in records {
            let id = &record.sequence_number;
            self.feed.ledger.record(&self.name, id, fate, request_id, attempt, detail);
        }
    }
}

/// Refuses what `CreateEventSourceMapping` refuses.
pub(crate) fn check(source: &StreamSource) -> Result<(), Error> {
    if source.batch_size == 0 || source.batch_size > 10_000 {
        return Err(Error::Option {
            option: "batch size",
            found: source.batch_size.to_string(),
            accepted: "1 to 10000".to_owned(),
        });
    }
    Ok(())
}
