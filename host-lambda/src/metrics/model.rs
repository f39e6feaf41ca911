//! Lines about a model rather than an invoke: it was changed, how its windows of decisions compare, how
//! its shadow does.

use serde_json::json;

use super::{Constants, Metrics, VALUES};

/// A line with one event of the model's life, such as `ModelChanged`.
pub(crate) fn counted(constants: &Constants, named: &decision_audit::Model, name: &str) -> String {
    let mut metrics = Metrics::default();
    metrics.put(name, "Count", 1.into());
    metrics.line(constants, named)
}

/// A line about a window of decisions.
pub(crate) fn compared(
    constants: &Constants,
    named: &decision_audit::Model,
    compared: &crate::drift::Compared,
) -> String {
    let mut metrics = Metrics::default();
    if let Some(index) = compared.index {
        metrics.put("ScoreDrift", "None", json!(index));
    }
    metrics.put("OutOfTrainingRangeShare", "None", json!(compared.outside));
    metrics.put("DriftDetected", "Count", usize::from(compared.is_drift).into());
    metrics.line(constants, named)
}

/// How a shadow compares with what was answered.
#[derive(Debug, Default)]
pub(crate) struct Shadowed {
    pub(crate) predictions: usize,
    /// With another label or action.
    pub(crate) disagreements: usize,
    pub(crate) errors: usize,
    /// Of scores, each at least zero.
    pub(crate) differences: Vec<f32>,
}

impl Shadowed {
    /// The line; `named` is the shadow, `answered` the version that answered.
    pub(crate) fn line(
        mut self,
        constants: &Constants,
        named: &decision_audit::Model,
        answered: Option<String>,
    ) -> String {
        let mut metrics = Metrics::default();
        metrics.put("ShadowPredictions", "Count", self.predictions.into());
        metrics.put("ShadowDisagreements", "Count", self.disagreements.into());
        metrics.put("ShadowErrors", "Count", self.errors.into());
        if !self.differences.is_empty() {
            self.differences.truncate(VALUES);
            metrics.put("ShadowScoreDifference", "None", self.differences.into());
        }
        metrics.values.insert("answered_by".into(), answered.into());
        metrics.line(constants, named)
    }
}
