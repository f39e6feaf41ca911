//! Rows that are predicted and written together, so that memory does not grow with the object.

use std::sync::Arc;

use predictor_host::{Class, HostError, Instance, Outcome};

use super::manifest::{self, Manifest};
use super::results::Results;
use super::rows::{self, Row};
use crate::event::Source;
use crate::failure::refused;
use crate::function::{Answered, Function, Work};

/// Instances of one part.
const PART_ROWS: usize = 5_000;
/// Bytes of instances of one part.
const PART_BYTES: usize = 8 << 20;

/// The parts of an object's results, and the rows of the one that has begun.
pub(super) struct Parts<'a> {
    function: &'a Function,
    results: &'a Results<'a>,
    manifest: &'a mut Manifest,
    rows: Vec<Row>,
    bytes: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn new(
        function: &'a Function,
        results: &'a Results<'a>,
        manifest: &'a mut Manifest,
    ) -> Self {
        Self { function, results, manifest, rows: Vec::new(), bytes: 0 }
    }

    /// How many rows an earlier try has done.
    pub(super) fn skipped(&self) -> u64 {
        self.manifest.rows()
    }

    /// Adds a row; predicts and writes the part that it fills.
    pub(super) async fn add(&mut self, work: &mut Work, row: Row) -> Result<(), HostError> {
        self.bytes += row.bytes();
        self.rows.push(row);
        if self.rows.len() >= PART_ROWS || self.bytes >= PART_BYTES {
            self.write(work).await?;
        }
        Ok(())
    }

    /// Predicts and writes the last part.
    pub(super) async fn finish(&mut self, work: &mut Work) -> Result<(), HostError> {
        if self.rows.is_empty() { Ok(()) } else { self.write(work).await }
    }

    async fn write(&mut self, work: &mut Work) -> Result<(), HostError> {
        self.bytes = 0;
        let (lines, instances): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.rows).into_iter().map(Row::into_parts).unzip();
        let good: Vec<Instance> =
            instances.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
        let predicted: Option<Vec<Outcome>> =
            self.function.predict(work, &good).await.into_iter().collect();
        let Some(predicted) = predicted else { return Err(predictor_api::out_of_time()) };
        let mut predicted = predicted.into_iter();
        let outcomes: Vec<Outcome> = instances
            .into_iter()
            .filter_map(|instance| match instance {
                Ok(_) => predicted.next(),
                Err(error) => Some(Err(error)),
            })
            .collect();
        let text = manifest::part(&lines, &outcomes);
        let name = format!("part-{:05}.jsonl", self.manifest.parts());
        let patience = work.invocation.deadline.for_work();
        self.results.write(&name, "application/x-ndjson", text.clone(), patience).await?;
        work.measured.outcomes(&outcomes);
        let record = self.manifest.record();
        let decided = good.iter().zip(outcomes.iter().filter(|it| !is_unread(it)));
        let model = Arc::clone(&work.model);
        let answered = [Answered { model, record: Some(&record), decided }];
        self.function
            .audit(work, Source::S3, &answered)
            // Memory does not grow with the object.
            .and_then(|()| work.lines.flush())
            .map_err(|failure| refused(Class::Internal, "audit", failure.to_string()))?;
        self.function.send_many_copies(work.invocation.deadline).await;
        self.manifest.add(&lines, &outcomes, &text);
        Ok(())
    }
}

/// Whether an outcome is of a row that never became an instance.
fn is_unread(outcome: &Outcome) -> bool {
    outcome.as_ref().is_err_and(|error| error.code() == rows::UNREAD)
}
