//! The models that serve now: one, or several with a share of the requests each. They are changed all at
//! once; an invoke keeps the one that it began with.

use std::sync::{Arc, PoisonError, RwLock};

use crate::model::Served;

/// What serves at a time.
pub(crate) struct Serving {
    /// At least one, each with its weight.
    pub(crate) shares: Vec<(Arc<Served>, u32)>,
    /// What runs beside it, and answers nobody.
    #[cfg(feature = "aws")]
    pub(crate) shadow: Option<Arc<Served>>,
    /// What is on trial.
    #[cfg(feature = "aws")]
    pub(crate) trial: Option<Arc<crate::canary::Trial>>,
    /// The alias that says so, where one does.
    #[cfg(feature = "aws")]
    pub(crate) alias: Option<model_store::AliasDocument>,
}

/// What serves now.
pub(crate) struct Models(RwLock<Arc<Serving>>);

impl Serving {
    /// One model alone.
    pub(crate) fn one(model: Arc<Served>) -> Self {
        Self {
            shares: vec![(model, 1)],
            #[cfg(feature = "aws")]
            shadow: None,
            #[cfg(feature = "aws")]
            trial: None,
            #[cfg(feature = "aws")]
            alias: None,
        }
    }

    /// The model that a request gets; `key` is asked only where there are several.
    #[cfg(feature = "aws")]
    pub(crate) fn chosen(&self, key: impl FnOnce() -> Vec<u8>) -> Option<Arc<Served>> {
        let trial = self.trial.as_ref().filter(|trial| !trial.is_over());
        if let (None, [(model, _)]) = (trial, self.shares.as_slice()) {
            return Some(Arc::clone(model));
        }
        let key = key();
        if let Some(trial) = trial.filter(|trial| trial.gets(&key, model_store::now())) {
            return Some(Arc::clone(&trial.model));
        }
        let weights: Vec<_> = self.shares.iter().map(|(_, weight)| *weight).collect();
        let place = model_store::chosen(&weights, &key)?;
        self.shares.get(place).map(|(model, _)| Arc::clone(model))
    }

    /// The model that a request gets.
    #[cfg(not(feature = "aws"))]
    pub(crate) fn chosen(&self, _: impl FnOnce() -> Vec<u8>) -> Option<Arc<Served>> {
        self.shares.first().map(|(model, _)| Arc::clone(model))
    }
}

impl Models {
    pub(crate) fn new(serving: Serving) -> Self {
        Self(RwLock::new(Arc::new(serving)))
    }

    /// What serves now.
    pub(crate) fn now(&self) -> Arc<Serving> {
        // A panic while it was held left it whole.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets something else serve from now on.
    #[cfg(feature = "aws")]
    pub(crate) fn swap(&self, serving: Serving) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(serving);
    }
}
