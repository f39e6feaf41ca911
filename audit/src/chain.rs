//! Seals decisions into lines, each with the hash of the one before it.

use std::io::Write;

use model_package::Digest;
use serde::Serialize;

use crate::Decision;

/// The format's name and major version.
pub const FORMAT: &str = "samebits-audit/1";

/// What comes before the first record of a chain.
const NOTHING: &[u8] = b"";

/// Between a record's text and its own hash, which is always its last key.
pub(crate) const SEAL: &str = ",\"hash\":\"";

/// The records of one process, in order.
#[derive(Debug)]
pub struct Chain {
    id: String,
    sequence: u64,
    previous: Digest,
}

/// A record without its hash.
#[derive(Serialize)]
struct Unsealed<'a, Input> {
    audit: &'static str,
    chain: &'a str,
    sequence: u64,
    previous: Digest,
    decision: &'a Decision<'a, Input>,
}

impl Chain {
    /// A chain that no other process has: its id must be random.
    #[must_use]
    pub fn new(id: String) -> Self {
        Self { id, sequence: 0, previous: first_previous() }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many records it has.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Adds the next line of the chain to those there are: one JSON object, and a line break.
    ///
    /// # Errors
    /// If the decision can't be written as JSON. The chain and the lines stay as they were.
    pub fn seal<Input: Serialize>(
        &mut self,
        decision: &Decision<'_, Input>,
        lines: &mut Vec<u8>,
    ) -> Result<(), serde_json::Error> {
        let begin = lines.len();
        let sealed = self.write(decision, lines);
        if sealed.is_err() {
            lines.truncate(begin);
        }
        sealed
    }

    fn write<Input: Serialize>(
        &mut self,
        decision: &Decision<'_, Input>,
        lines: &mut Vec<u8>,
    ) -> Result<(), serde_json::Error> {
        let begin = lines.len();
        let sequence = self.sequence + 1;
        let (chain, previous) = (self.id.as_str(), self.previous);
        let record = Unsealed { audit: FORMAT, chain, sequence, previous, decision };
        serde_json::to_writer(&mut *lines, &record)?;
        // The hash covers the text so far, without the brace that closes it.
        lines.pop();
        let hash = Digest::of(lines.get(begin..).unwrap_or_default());
        writeln!(lines, "{SEAL}{hash}\"}}").map_err(serde_json::Error::io)?;
        (self.sequence, self.previous) = (sequence, hash);
        Ok(())
    }
}

/// The `previous` of a chain's first record.
pub(crate) fn first_previous() -> Digest {
    Digest::of(NOTHING)
}
