//! Copies of audit records outside the log: in a bucket, or through a delivery stream. They are sent
//! after answers and at the end of the environment. The log has every record before its answer is
//! given, so what can't be sent waits, and what there is no room for is counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_call::{AwsError, Client, FIREHOSE, Patience, PutRequest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use decision_audit::Chain;
use serde_json::{Value, json};

use super::CopyPlace;
use crate::clock;
use crate::pause::Pause;

/// Bytes of one object, or of one record of a stream, which takes 1,000 KiB.
const PIECE_BYTES: usize = 512 << 10;
/// Bytes that wait at most: more than the records of any one event have.
const WAITING_BYTES: usize = 16 << 20;
/// So many are sent in the middle of an invoke.
const MANY_BYTES: usize = WAITING_BYTES / 4;
/// The longest that one sending takes, so that an answer does not wait for more, where there is no time after
/// answers.
const LONGEST: Duration = Duration::from_secs(5);

/// What sends copies.
pub(crate) struct Copies {
    place: CopyPlace,
    client: Arc<Client>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Each is complete: it has the same lines however often it is tried.
    waiting: VecDeque<Piece>,
    /// What the next lines are added to.
    begun: Option<(String, Vec<u8>)>,
    bytes: usize,
    /// Records that there was no room for, since this was asked last.
    left_out: usize,
    pause: Pause,
}

/// Lines that are sent together.
#[derive(Clone)]
struct Piece {
    /// The day, the chain, and the place of the first line in it, so that names are in the chain's order.
    name: String,
    lines: Bytes,
}

impl Copies {
    pub(crate) fn new(place: CopyPlace, client: Arc<Client>) -> Self {
        Self { place, client, state: Mutex::default() }
    }

    /// Lets the line of the chain's last record wait.
    pub(crate) fn add(&self, chain: &Chain, line: &[u8]) {
        let mut state = self.state();
        if line.len() > PIECE_BYTES || state.bytes + line.len() > WAITING_BYTES {
            state.left_out += 1;
            return;
        }
        if state.begun.as_ref().is_some_and(|(_, lines)| lines.len() + line.len() > PIECE_BYTES) {
            state.complete();
        }
        state.bytes += line.len();
        let (_, lines) = state.begun.get_or_insert_with(|| {
            let day = clock::now().chars().take("2026-03-14".len()).collect::<String>();
            let name = format!("{}/{}-{:012}", day.replace('-', "/"), chain.id(), chain.sequence());
            (name, Vec::new())
        });
        lines.extend_from_slice(line);
    }

    /// How many records there was no room for since this was asked last.
    pub(crate) fn take_left_out(&self) -> usize {
        std::mem::take(&mut self.state().left_out)
    }

    /// Whether so many wait that they should not wait for the end of the invoke.
    pub(crate) fn are_many(&self) -> bool {
        self.state().bytes >= MANY_BYTES
    }

    /// Sends what waits, unless a place that failed is left in peace for now, or no time is left.
    ///
    /// # Errors
    /// Why the place did not take them; they wait on.
    pub(crate) async fn send(&self, left: Duration) -> Result<(), AwsError> {
        if self.state().pause.holds() || left.is_zero() {
            return Ok(());
        }
        self.send_last(Patience::lasting(left.min(LONGEST))).await
    }

    /// Sends what waits, whether or not the place failed before: there may be no other time.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn send_last(&self, patience: Patience) -> Result<(), AwsError> {
        loop {
            let first = {
                let mut state = self.state();
                if state.waiting.is_empty() {
                    state.complete();
                }
                state.waiting.front().cloned()
            };
            let Some(piece) = first else { return Ok(()) };
            // It waits until it is taken, so that one that is given up half-way is not lost.
            let sent = self.put(&piece, patience).await;
            let mut state = self.state();
            if let Err(error) = sent {
                state.pause.begin();
                return Err(error);
            }
            state.pause.end();
            state.waiting.pop_front();
            state.bytes -= piece.lines.len();
        }
    }

    async fn put(&self, piece: &Piece, patience: Patience) -> Result<(), AwsError> {
        match &self.place {
            CopyPlace::Firehose(stream) => {
                let data = BASE64_STANDARD.encode(&piece.lines);
                let call = json!({"DeliveryStreamName": stream, "Record": {"Data": data}});
                let answer = self.client.json(FIREHOSE, "PutRecord", &call, patience).await?;
                match answer.get("RecordId").is_some_and(Value::is_string) {
                    true => Ok(()),
                    false => Err(AwsError::Unreachable {
                        service: FIREHOSE.name,
                        action: "PutRecord".into(),
                        reason: "the answer does not say what became of the record".into(),
                    }),
                }
            }
            CopyPlace::S3 { bucket, prefix } => {
                let put = PutRequest {
                    bucket,
                    key: &format!("{prefix}{}.jsonl", piece.name),
                    content_type: "application/x-ndjson",
                    body: &piece.lines,
                    sha256: None,
                    kms_key: None,
                };
                // One that is there already was written when its answer was lost.
                self.client.put_new_object(&put, patience).await.map(drop)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held left it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets what was begun wait as it is.
    fn complete(&mut self) {
        let begun = self.begun.take();
        self.waiting.extend(begun.map(|(name, lines)| Piece { name, lines: lines.into() }));
    }
}
