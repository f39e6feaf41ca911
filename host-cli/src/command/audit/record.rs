//! Records one after the other, each verified by itself and by the one before it.

use std::collections::BTreeMap;

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

/// What is known of the records so far.
#[derive(Default)]
pub(super) struct Records {
    verifier: Verifier,
    /// Those that are as they were written.
    pub(super) sound: u64,
    /// How many things are wrong.
    pub(super) wrong: u64,
    /// The first of them.
    pub(super) problems: Vec<Problem>,
}

impl Records {
    /// Verifies all records in these files and hands over those that are as they were written.
    pub(super) fn of(
        paths: &[std::path::PathBuf],
        mut take: impl FnMut(&Place, Sealed) -> Result<()>,
    ) -> Result<Self> {
        let mut records = Self::default();
        each(paths, |place, line| match Sealed::read(line) {
            Ok(record) => {
                records.sound += 1;
                if let Err(error) = records.verifier.follow(&record) {
                    records.tell(place, error.to_string());
                }
                take(place, record)
            }
            Err(error) => {
                records.tell(place, error.to_string());
                Ok(())
            }
        })?;
        if records.sound == 0 && records.wrong == 0 {
            let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            let message = format!(
                "no audit record in {}; they are lines with {{\"audit\":\"samebits-audit/1\",…}}",
                names.join(", ")
            );
            return Err(InputError(message).into());
        }
        Ok(records)
    }

    /// Notes a problem.
    fn tell(&mut self, place: &Place, message: String) {
        self.wrong += 1;
        if self.problems.len() < TOLD {
            self.problems.push(Problem { file: place.file.clone(), line: place.line, message });
        }
    }

    /// What was seen, by chain.
    pub(super) fn chains(&self) -> &BTreeMap<String, Span> {
        self.verifier.chains()
    }

    /// What is wrong, a line each.
    pub(super) fn problems(&self) -> String {
        let told = self.problems.iter();
        let mut text: String = told
            .map(|Problem { file, line, message }| format!("{file}:{line}: {message}\n"))
            .collect();
        let more = self.wrong - self.problems.len() as u64;
        if more > 0 {
            text += &format!("and {more} more\n");
        }
        text
    }
}
