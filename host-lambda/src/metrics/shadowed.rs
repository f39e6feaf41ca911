//! Metrics of the shadow, in lines of their own.

use super::{Constants, Metrics, VALUES};

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
