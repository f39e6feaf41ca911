//! Records one after the other, each verified by itself and by the one before it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use decision_audit::{Sealed, Span, Verifier};
use serde::Serialize;

use super::source::{Place, each};
use crate::failure::InputError;

/// The most problems that are told one by one.
const TOLD: usize = 100;

/// What is wrong with a record.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) message: String,
}

/// Problems, of which the first are told one by one.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) count: u64,
    pub(super) first: Vec<Problem>,
}

impl Problems {
    pub(super) fn tell(&mut self, place: &Place, message: String) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(Problem { file: place.file.clone(), line: place.line, message });
        }
    }

    /// A line for each, and one for those that are not told.
    pub(super) fn text(&self) -> String {
        let told = self.first.iter();
        let mut text: String = told
            .map(|Problem { file, line, message }| format!("{file}:{line}: {message}\n"))
            .collect();
        let more = self.count - self.first.len() as u64;
        if more > 0 {
            text += &format!("and {more} more\n");
        }
        text
    }
}

/// What is known of the records so far.
#[derive(Default)]
pub(super) struct Records {
    verifier: Verifier,
    /// Those that are as they were written.
    pub(super) sound: u64,
    /// What is wrong with records, or with their places.
    pub(super) problems: Problems,
}

impl Records {
    /// Verifies all records in these files and hands over those that are as they were written.
    pub(super) fn of(paths: &[PathBuf], mut take: impl FnMut(&Place, Sealed)) -> Result<Self> {
        let mut records = Self::default();
        each(paths, |place, line| match Sealed::read(line) {
            Ok(record) => {
                records.sound += 1;
                if let Err(error) = records.verifier.follow(&record) {
                    records.problems.tell(place, error.to_string());
                }
                take(place, record);
            }
            Err(error) => records.problems.tell(place, error.to_string()),
        })?;
        if records.sound == 0 && records.problems.count == 0 {
            let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            let message = format!(
                "no audit record in {}; they are lines with {{\"audit\":\"samebits-audit/1\",…}}",
                names.join(", ")
            );
            return Err(InputError(message).into());
        }
        Ok(records)
    }

    /// What was seen, by chain.
    pub(super) fn chains(&self) -> &BTreeMap<String, Span> {
        self.verifier.chains()
    }
}
