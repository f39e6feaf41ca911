//! Metrics of one invoke, in CloudWatch's Embedded Metric Format: one line of the log, which
//! CloudWatch turns into metrics. Nothing is sent anywhere.
//!
//! Source: Amazon CloudWatch user guide, "Specification: Embedded metric format". Request ids are
//! properties, never dimensions.

#[cfg(feature = "aws")]
mod model;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use predictor_host::Outcome;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::event::Source;
use crate::trace::span::{Phase, STRETCHES, Stretch};

#[cfg(feature = "aws")]
pub(crate) use self::model::{Shadowed, compared, counted};

/// The most values that a metric may have in one line.
const VALUES: usize = 100;
/// The most scores that a distribution is made of: the first of an invoke.
const SCORES: usize = 100_000;
/// The most actions that are counted by name.
const ACTIONS: usize = 20;

/// What is counted and measured in one invoke.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Where the request came from.
    pub(crate) source: Option<Source>,
    /// How many records it had.
    pub(crate) records: usize,
    /// How many of them were reported as failed.
    pub(crate) failed: usize,
    /// How long the oldest record waited.
    pub(crate) waited: Option<Duration>,
    /// What was told about HTTP, for the span.
    pub(crate) http: Option<Http>,
    /// Spans that were dropped since this was told last.
    pub(crate) spans_dropped: usize,
    /// Audit records without a copy, since this was told last.
    pub(crate) uncopied: usize,
    /// Reading the event and its records.
    preprocess: Duration,
    /// In the model.
    inference: Duration,
    /// Delivering results, audit records.
    postprocess: Duration,
    stretches: Vec<Stretch>,
    instances: usize,
    predictions: usize,
    out_of_range: usize,
    scores: Vec<f32>,
    actions: BTreeMap<String, usize>,
    errors: BTreeMap<&'static str, usize>,
}

/// A request and its answer.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "no spans are exported"))]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
}

/// What does not change from invoke to invoke.
#[derive(Debug)]
pub(crate) struct Constants {
    pub(crate) namespace: String,
    pub(crate) service: String,
    pub(crate) function: String,
}

/// What is known at the end.
#[derive(Debug)]
pub(crate) struct Totals<'a> {
    pub(crate) request: &'a str,
    pub(crate) trace: Option<&'a str>,
    pub(crate) duration: Duration,
    /// How long init took, if this was the first invoke.
    pub(crate) cold: Option<Duration>,
    /// In US dollars.
    pub(crate) cost: f64,
    /// Predictions of other versions.
    pub(crate) elsewhere: usize,
}

impl Measured {
    /// Counts what instances got.
    pub(crate) fn outcomes<'a>(&mut self, outcomes: impl IntoIterator<Item = &'a Outcome>) {
        for outcome in outcomes {
            self.instances += 1;
            match outcome {
                Ok(prediction) => {
                    self.predictions += 1;
                    self.out_of_range += usize::from(!prediction.warnings.is_empty());
                    if self.scores.len() < SCORES {
                        self.scores.extend(prediction.score);
                    }
                    if let Some(action) = &prediction.action {
                        let known = self.actions.len() < ACTIONS;
                        match self.actions.get_mut(action) {
                            Some(count) => *count += 1,
                            None if known => drop(self.actions.insert(action.clone(), 1)),
                            None => {}
                        }
                    }
                }
                Err(error) => self.error(error.class().name()),
            }
        }
    }

    /// Adds the time that a phase took until now.
    pub(crate) fn took(&mut self, phase: Phase, from: Instant) {
        self.took_between(phase, from, Instant::now());
    }

    /// Adds the time that a phase took.
    pub(crate) fn took_between(&mut self, phase: Phase, from: Instant, to: Instant) {
        let sum = match phase {
            Phase::Preprocess => &mut self.preprocess,
            Phase::Inference => &mut self.inference,
            Phase::Postprocess => &mut self.postprocess,
        };
        *sum += to.saturating_duration_since(from);
        let room = self.stretches.len() < STRETCHES;
        match self.stretches.last_mut() {
            // One after the other is one.
            Some(last) if last.phase == phase => last.to = to,
            _ if room => self.stretches.push(Stretch { phase, from, to }),
            _ => {}
        }
    }

    /// When it was in which phase.
    #[cfg(feature = "aws")]
    pub(crate) fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// How many instances it had.
    #[cfg(feature = "aws")]
    pub(crate) fn instances(&self) -> usize {
        self.instances
    }

    /// Scores, predictions, and inputs outside the training ranges.
    #[cfg(feature = "aws")]
    pub(crate) fn decided(&self) -> (&[f32], usize, usize) {
        (&self.scores, self.predictions, self.out_of_range)
    }

    /// Counts an error of a kind.
    pub(crate) fn error(&mut self, kind: &'static str) {
        *self.errors.entry(kind).or_default() += 1;
    }

    /// What alerts are raised on; `severe` is the action that they count.
    #[cfg(feature = "aws")]
    pub(crate) fn counts(&self, severe: Option<&str>) -> crate::alert::Counts {
        let severe = severe.and_then(|action| self.actions.get(action));
        crate::alert::Counts {
            severe: severe.copied().unwrap_or_default(),
            out_of_range: self.out_of_range,
            errors: self.errors.values().sum(),
        }
    }

    /// How many predictions were counted so far.
    pub(crate) fn predictions(&self) -> usize {
        self.predictions
    }

    /// Whether no error was counted so far.
    pub(crate) fn is_without_errors(&self) -> bool {
        self.errors.is_empty()
    }

    /// What belongs to the instances of one version.
    fn counts_into(&mut self, metrics: &mut Metrics) {
        metrics.put("BatchSize", "Count", self.instances.into());
        metrics.put("Predictions", "Count", self.predictions.into());
        metrics.put("OutOfTrainingRange", "Count", self.out_of_range.into());
        metrics.put("Errors", "Count", self.errors.values().sum::<usize>().into());
        for (kind, count) in &self.errors {
            metrics.put(&format!("Errors.{kind}"), "Count", (*count).into());
        }
        for (action, count) in &self.actions {
            metrics.put(&format!("Action.{action}"), "Count", (*count).into());
        }
        if !self.scores.is_empty() {
            metrics.put("Score", "None", self.distribution().into());
        }
    }

    /// The line of a version that answered some records of an invoke, beside the invoke's own.
    pub(crate) fn part(
        &mut self,
        constants: &Constants,
        named: &decision_audit::Model,
        request: &str,
    ) -> String {
        let mut metrics = Metrics::default();
        let inference = self.inference.as_secs_f64() * 1000.0;
        metrics.put("InferenceTime", "Milliseconds", json!(inference));
        self.counts_into(&mut metrics);
        metrics.values.insert("requestId".into(), request.into());
        metrics.line(constants, named)
    }

    /// The line.
    pub(crate) fn line(
        &mut self,
        constants: &Constants,
        named: &decision_audit::Model,
        totals: &Totals<'_>,
    ) -> String {
        let mut metrics = Metrics::default();
        let milliseconds = |duration: Duration| json!(duration.as_secs_f64() * 1000.0);
        metrics.put("Duration", "Milliseconds", milliseconds(totals.duration));
        metrics.put("PreprocessTime", "Milliseconds", milliseconds(self.preprocess));
        metrics.put("InferenceTime", "Milliseconds", milliseconds(self.inference));
        metrics.put("PostprocessTime", "Milliseconds", milliseconds(self.postprocess));
        if let Some(waited) = self.waited {
            metrics.put("QueueTime", "Milliseconds", milliseconds(waited));
        }
        self.counts_into(&mut metrics);
        if self.records > 0 {
            metrics.put("Records", "Count", self.records.into());
            metrics.put("RecordsFailed", "Count", self.failed.into());
        }
        if self.spans_dropped > 0 {
            metrics.put("SpansDropped", "Count", self.spans_dropped.into());
        }
        if self.uncopied > 0 {
            metrics.put("AuditUncopied", "Count", self.uncopied.into());
        }
        metrics.put("EstimatedCost", "None", json!(totals.cost));
        let predictions = self.predictions + totals.elsewhere;
        if predictions > 0 {
            let each = totals.cost / predictions as f64;
            metrics.put("EstimatedCostPerPrediction", "None", json!(each));
        }
        if let Some(bytes) = resident_bytes() {
            metrics.put("MemoryUsed", "Megabytes", json!(bytes as f64 / 1e6));
        }
        let Constants { namespace, service, function } = constants;
        let mut directives = vec![json!({
            "Namespace": namespace,
            "Dimensions": [["service", "model", "model_version"]],
            "Metrics": metrics.names,
        })];
        let mut line = metrics.values;
        if let Some(init) = totals.cold {
            // As Powertools for AWS Lambda has it.
            directives.push(json!({
                "Namespace": namespace,
                "Dimensions": [["function_name", "service"]],
                "Metrics": [
                    {"Name": "ColdStart", "Unit": "Count"},
                    {"Name": "InitTime", "Unit": "Milliseconds"},
                ],
            }));
            line.insert("ColdStart".into(), 1.into());
            line.insert("InitTime".into(), milliseconds(init));
        }
        for (name, value) in [
            ("service", service.as_str()),
            ("function_name", function),
            ("model", &named.name),
            ("model_version", &named.version),
            ("requestId", totals.request),
        ] {
            line.insert(name.into(), value.into());
        }
        line.insert("source".into(), self.source.map_or("none", Source::name).into());
        if let Some(trace) = totals.trace {
            line.insert("traceId".into(), trace.into());
        }
        let aws =
            json!({"Timestamp": clock::epoch_milliseconds(), "CloudWatchMetrics": directives});
        line.insert("_aws".into(), aws);
        Value::Object(line).to_string() + "\n"
    }

    /// At most a hundred scores: where there are more, evenly spaced ones among the sorted, so that
    /// percentiles stay what they are.
    fn distribution(&mut self) -> Vec<f32> {
        let scores = &mut self.scores;
        if scores.len() <= VALUES {
            return std::mem::take(scores);
        }
        scores.sort_unstable_by(f32::total_cmp);
        let last = scores.len() - 1;
        let places = (0..VALUES).map(|place| place * last / (VALUES - 1));
        places.filter_map(|place| scores.get(place).copied()).collect()
    }
}

#[derive(Default)]
struct Metrics {
    names: Vec<Value>,
    values: Map<String, Value>,
}

impl Metrics {
    fn put(&mut self, name: &str, unit: &str, value: Value) {
        self.names.push(json!({"Name": name, "Unit": unit}));
        self.values.insert(name.to_owned(), value);
    }

    /// The line of a model, beside that of an invoke.
    fn line(self, constants: &Constants, named: &decision_audit::Model) -> String {
        let directive = json!({
            "Namespace": constants.namespace,
            "Dimensions": [["service", "model", "model_version"]],
            "Metrics": self.names,
        });
        let mut line = self.values;
        line.insert("service".into(), constants.service.as_str().into());
        line.insert("model".into(), named.name.as_str().into());
        line.insert("model_version".into(), named.version.as_str().into());
        let aws =
            json!({"Timestamp": clock::epoch_milliseconds(), "CloudWatchMetrics": [directive]});
        line.insert("_aws".into(), aws);
        Value::Object(line).to_string() + "\n"
    }
}

/// How much memory this process has now, where the system says.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
