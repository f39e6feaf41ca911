//! A model that serves, and all that follows from it: what answers, what may be seen of inputs, how it is
//! named in records and metrics. One is made in init; where models come from a store, more follow,
//! each made whole before it serves.

use std::sync::Arc;
use std::time::Duration;

use decision_audit::Model;
use model_package::{Digest, Modality};
use predictor_api::{Api, Settings};
use predictor_host::{Predictor, Provenance};

use crate::config::{Config, Wrong};
use crate::privacy::Privacy;

/// What a small function does in a second, in operations of a model: 128 MB buy a fourteenth of a
/// processor.
const OPERATIONS_A_SECOND: u64 = 50_000_000;
/// What is begun at once, in operations, where an instance has fewer.
const OPERATIONS_AT_ONCE: u64 = 40_000_000;

/// A model that serves.
pub(crate) struct Served {
    pub(crate) predictor: Arc<Predictor>,
    pub(crate) provenance: Provenance,
    pub(crate) privacy: Privacy,
    pub(crate) modality: Modality,
    /// The names of the model's fields.
    pub(crate) fields: Vec<String>,
    /// The types of the model's fields.
    #[cfg(feature = "aws")]
    pub(crate) field_types: std::collections::BTreeMap<String, model_package::FieldType>,
    /// What answers HTTP.
    pub(crate) api: Api,
    /// What audit records call it.
    pub(crate) named: Model,
    /// The action of the manifest's first rule, whose threshold is the highest.
    #[cfg(feature = "aws")]
    pub(crate) severe: Option<String>,
    /// What is known of its decisions in this process, where drift is looked for.
    #[cfg(feature = "aws")]
    pub(crate) drift: Option<crate::drift::Drift>,
}

impl Served {
    /// Whether a prediction that is begun now surely ends within this time. Where that is not known,
    /// or what comes before the graph may be the longer part, it does not.
    pub(crate) fn is_quick(&self, left: Duration) -> bool {
        let Some(operations) = self.predictor.description().operations else { return false };
        let seconds = operations.max(OPERATIONS_AT_ONCE) / OPERATIONS_A_SECOND;
        self.modality == Modality::Tabular && Duration::from_secs(seconds + 1) <= left
    }

    /// # Errors
    /// If settings don't fit the model.
    pub(crate) fn new(predictor: Arc<Predictor>, config: &Config) -> Result<Arc<Self>, Wrong> {
        let wrong = |error: String| Wrong::one(error);
        let manifest = predictor.manifest().map_err(|error| wrong(error.to_string()))?;
        let wishes = config.sensitive.clone();
        let privacy = Privacy::new(&manifest, wishes, config.key.clone()).map_err(Wrong::all)?;
        let settings = Settings::DEFAULT.with_cors(config.cors.clone());
        let api = Api::new(vec![Arc::clone(&predictor)], None, settings);
        let description = predictor.description();
        let package = description.package.parse::<Digest>();
        let named = Model {
            name: description.name.clone(),
            version: description.version.clone(),
            package: package.map_err(|error| wrong(error.to_string()))?,
            component: predictor.component().digest(),
        };
        let fields = &manifest.input.fields;
        Ok(Arc::new(Self {
            provenance: Provenance::of(&predictor),
            privacy,
            modality: manifest.task.modality(),
            fields: fields.iter().map(|field| field.name.clone()).collect(),
            #[cfg(feature = "aws")]
            field_types: fields.iter().map(|field| (field.name.clone(), field.kind)).collect(),
            api: api.map_err(|error| wrong(error.to_string()))?,
            named,
            #[cfg(feature = "aws")]
            severe: manifest
                .decision
                .as_ref()
                .and_then(|decision| decision.rules.first())
                .map(|rule| rule.action.clone()),
            #[cfg(feature = "aws")]
            drift: config.drift.map(|thresholds| {
                let training = manifest.training.as_ref();
                crate::drift::Drift::new(thresholds, training.and_then(|it| it.score_deciles))
            }),
            predictor,
        }))
    }
}
