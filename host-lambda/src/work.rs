//! What one invoke gathers on its way, and which versions of the model answer it.
//!
//! All instances of a request get one version. Records of a batch may get several, each its own: what is
//! counted is then counted for each version apart.

use std::sync::Arc;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::log::print;
use crate::metrics::Measured;
use crate::model::Served;
use crate::models::Serving;

/// As much as is written at once: half of what a pipe holds.
const MANY_BYTES: usize = 32 << 10;

/// What one invoke gathers on its way.
pub(crate) struct Work {
    pub(crate) invocation: Invocation,
    /// What may serve this invoke to its end, whatever comes meanwhile.
    pub(crate) serving: Arc<Serving>,
    /// The version that answers now.
    pub(crate) model: Arc<Served>,
    /// What was counted of it; of the first one, what belongs to the whole invoke, too.
    pub(crate) measured: Measured,
    /// Audit records.
    pub(crate) lines: Lines,
    /// Trace and span of each record that has its own.
    #[cfg(feature = "aws")]
    pub(crate) links: Vec<(String, String)>,
    /// The versions so far, in the order in which they came.
    versions: Vec<Arc<Served>>,
    /// What was counted of those that don't answer now.
    pub(crate) others: Vec<(Arc<Served>, Measured)>,
}

impl Work {
    pub(crate) fn new(invocation: Invocation, serving: Arc<Serving>, model: Arc<Served>) -> Self {
        Self {
            invocation,
            serving,
            versions: vec![Arc::clone(&model)],
            model,
            measured: Measured::default(),
            lines: Lines::default(),
            #[cfg(feature = "aws")]
            links: Vec::new(),
            others: Vec::new(),
        }
    }

    /// The version for a record with this key, by its place among those of this invoke.
    pub(crate) fn routed(&mut self, key: impl FnOnce() -> Vec<u8>) -> usize {
        let model = self.serving.chosen(key).unwrap_or_else(|| Arc::clone(&self.model));
        let known = self.versions.iter().position(|known| Arc::ptr_eq(known, &model));
        known.unwrap_or_else(|| {
            self.versions.push(model);
            self.versions.len() - 1
        })
    }

    /// Forgets which version was thought of first: the key was not known before its body was opened.
    pub(crate) fn begin_anew(&mut self) {
        self.versions.clear();
    }

    /// The version at a place; the one that answers now, if there is none.
    pub(crate) fn version(&self, place: usize) -> &Arc<Served> {
        self.versions.get(place).unwrap_or(&self.model)
    }

    /// How many versions there are.
    pub(crate) fn versions(&self) -> usize {
        self.versions.len()
    }

    /// Lets the version at a place answer from now on.
    pub(crate) fn turn_to(&mut self, place: usize) {
        let model = Arc::clone(self.version(place));
        if Arc::ptr_eq(&model, &self.model) {
            return;
        }
        let known = self.others.iter().position(|(other, _)| Arc::ptr_eq(other, &model));
        let measured = known.map(|at| self.others.swap_remove(at).1).unwrap_or_default();
        let before = std::mem::replace(&mut self.model, model);
        self.others.push((before, std::mem::replace(&mut self.measured, measured)));
    }

    /// Lets the first version stand for the invoke, with all that was counted so far.
    pub(crate) fn begin_with_first(&mut self) {
        if let Some(first) = self.versions.first() {
            self.model = Arc::clone(first);
        } else {
            self.versions.push(Arc::clone(&self.model));
        }
    }

    /// The versions that answered, each with what was counted of it.
    #[cfg(feature = "aws")]
    pub(crate) fn answered(&self) -> impl Iterator<Item = (&Arc<Served>, &Measured)> {
        let others = self.others.iter().map(|(model, measured)| (model, measured));
        std::iter::once((&self.model, &self.measured)).chain(others)
    }
}

/// Lines for the log, all written before the answer is given.
#[derive(Default)]
pub(crate) struct Lines(Vec<u8>);

impl Lines {
    /// Adds some, each with its end.
    pub(crate) fn add(&mut self, lines: &str) {
        self.0.extend_from_slice(lines.as_bytes());
    }

    /// Adds one, with its end, that is written to those so far. They go to the log, if they are many:
    /// whoever reads them does so while the next ones are made.
    pub(crate) fn write<E: ToString>(
        &mut self,
        line: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), Failure> {
        line(&mut self.0).map_err(|error| Failure::Audit(error.to_string()))?;
        if self.0.len() < MANY_BYTES { Ok(()) } else { self.flush() }
    }

    /// Hands those so far to the log.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        // A decision that is not written down is not given out.
        let printed = print(&self.0).map_err(|error| Failure::Audit(error.to_string()));
        self.0.clear();
        printed
    }
}
