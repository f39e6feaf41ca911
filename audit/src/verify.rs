//! Verifies lines: each by its own hash, and each chain by its links.

use std::collections::BTreeMap;

use model_package::{Digest, strict_json};
use serde::Deserialize;

use crate::Decision;
use crate::chain::{FORMAT, SEAL, first_previous};

/// Chains in one verification: environments of a function, over the time that is looked at.
const CHAINS: usize = 1_000_000;
/// Bytes of one line; log services cut what is longer.
const LINE_BYTES: usize = 1 << 20;

/// A line as it is written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The format's name and version.
    pub audit: String,
    /// Which chain.
    pub chain: String,
    /// The place in the chain, from 1.
    pub sequence: u64,
    /// The hash of the record before it.
    pub previous: Digest,
    /// What was decided.
    pub decision: Decision<'static>,
    /// The hash of the text before this key.
    pub hash: Digest,
}

/// What was seen of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first record seen. Larger than 1 where the log begins later than the chain.
    pub first: u64,
    /// The last record seen. That none came after it is not proved by the chain.
    pub last: u64,
    /// The last record's hash.
    pub hash: Digest,
}

/// Why a line is not a good record, or does not follow what came before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// It is longer than a record can be.
    #[error("the line has {found} bytes, at most {limit} are read")]
    TooLong {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// It is no record.
    #[error("not an audit record: {message}")]
    NotARecord {
        /// What is wrong.
        message: String,
    },
    /// It is of another format.
    #[error("expected the format {FORMAT}, found {found:?}")]
    Format {
        /// Its format.
        found: String,
    },
    /// Its text was changed.
    #[error("record {sequence} of chain {chain} was changed: its text has the hash {found}")]
    Changed {
        /// The chain.
        chain: String,
        /// The place.
        sequence: u64,
        /// The hash of its text.
        found: Digest,
    },
    /// Records are missing, doubled or out of order.
    #[error("chain {chain} goes from record {last} to {found}; expected {}", last + 1)]
    Gap {
        /// The chain.
        chain: String,
        /// The record before.
        last: u64,
        /// The record found.
        found: u64,
    },
    /// It follows another record than the one before it.
    #[error("record {sequence} of chain {chain} does not follow the record before it")]
    Unlinked {
        /// The chain.
        chain: String,
        /// The place.
        sequence: u64,
    },
    /// More chains than can be kept in mind.
    #[error("more than {limit} chains; verify a shorter time")]
    TooManyChains {
        /// The limit.
        limit: usize,
    },
}

/// Reads the lines of any number of chains, each chain's in order.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    chains: BTreeMap<String, Span>,
}

impl Verifier {
    /// Takes the next line.
    ///
    /// # Errors
    /// Says what is wrong with the line by itself, or with its place. What was seen before still stands,
    /// and verification can go on: the lines after a changed or missing one are compared with what they
    /// themselves say.
    pub fn line(&mut self, line: &str) -> Result<Sealed, Broken> {
        let record = Sealed::read(line)?;
        self.follow(&record)?;
        Ok(record)
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// Says what is wrong with its place.
    pub fn follow(&mut self, record: &Sealed) -> Result<(), Broken> {
        let (chain, sequence) = (&record.chain, record.sequence);
        let known = self.chains.get(chain).cloned();
        if known.is_none() && self.chains.len() >= CHAINS {
            return Err(Broken::TooManyChains { limit: CHAINS });
        }
        let first = known.as_ref().map_or(sequence, |span| span.first);
        let span = Span { first, last: sequence, hash: record.hash };
        self.chains.insert(chain.clone(), span);
        match known {
            Some(known) if known.last.checked_add(1) != Some(sequence) => {
                Err(Broken::Gap { chain: chain.clone(), last: known.last, found: sequence })
            }
            Some(known) if known.hash != record.previous => {
                Err(Broken::Unlinked { chain: chain.clone(), sequence })
            }
            None if sequence == 1 && record.previous != first_previous() => {
                Err(Broken::Unlinked { chain: chain.clone(), sequence })
            }
            _ => Ok(()),
        }
    }

    /// What was seen, by chain.
    #[must_use]
    pub fn chains(&self) -> &BTreeMap<String, Span> {
        &self.chains
    }
}

impl Sealed {
    /// Reads a line and checks its own hash. Its place is for a [`Verifier`] to check.
    ///
    /// # Errors
    /// Says what is wrong with the line by itself.
    pub fn read(line: &str) -> Result<Self, Broken> {
        let line = line.trim();
        if line.len() > LINE_BYTES {
            return Err(Broken::TooLong { found: line.len(), limit: LINE_BYTES });
        }
        let wrong =
            |error: strict_json::JsonError| Broken::NotARecord { message: error.to_string() };
        let value = strict_json::value(line.as_bytes()).map_err(wrong)?;
        if let Some(found) = value.get("audit").and_then(|format| format.as_str())
            && found != FORMAT
        {
            return Err(Broken::Format { found: found.chars().take(80).collect() });
        }
        let record: Self = strict_json::from_value(value).map_err(wrong)?;
        let (text, _) = line.rsplit_once(SEAL).ok_or_else(|| Broken::NotARecord {
            message: "its last key is not hash, as it is written".into(),
        })?;
        let found = Digest::of(text.as_bytes());
        // The seal is compared as text, so that nothing can stand between it and the end.
        if found != record.hash || line.strip_prefix(text) != Some(&format!("{SEAL}{found}\"}}")) {
            return Err(Broken::Changed { chain: record.chain, sequence: record.sequence, found });
        }
        Ok(record)
    }
}
