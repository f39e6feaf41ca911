//! Makes predictors of what lies on disk, once it is trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model_package::store::{self, Contents};
use model_package::{Digest, Limits};
use model_signing::TrustPolicy;
use predictor_host::{
    Baked, Engine, HostError, Interruption, Policy, Predictor, PredictorComponent, SandboxLimits,
    check_package,
};

use crate::config::Config;

/// What every predictor is made with.
#[derive(Clone)]
pub(crate) struct Loader {
    component: PathBuf,
    limits: SandboxLimits,
    policy: Option<Policy>,
    pub(crate) trust: Option<Arc<TrustPolicy>>,
}

impl Loader {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            component: config.component.clone(),
            limits: config.limits,
            policy: config.policy,
            trust: config.trust.clone(),
        }
    }

    /// The baked model or the package at a path.
    pub(crate) fn load(&self, model: &Path) -> Result<Predictor, HostError> {
        if Baked::is_at(model) {
            return self.baked(&Baked::open(model)?);
        }
        self.package(&self.component()?, model)
    }

    /// The compiled component of the function.
    pub(crate) fn component(&self) -> Result<PredictorComponent, HostError> {
        PredictorComponent::map(&Engine::new(Interruption::None)?, &self.component)
    }

    /// A baked model. With a trust policy, its code is mapped only if somebody trusted signed it.
    pub(crate) fn baked(&self, baked: &Baked) -> Result<Predictor, HostError> {
        if let Some(trust) = &self.trust {
            baked.check_trust(trust, None)?;
        }
        Predictor::baked(baked, self.limits, self.policy.unwrap_or(Policy::Fresh))
    }

    /// A package. With a trust policy, nothing in it is parsed unless somebody trusted signed it.
    pub(crate) fn package(
        &self,
        component: &PredictorComponent,
        path: &Path,
    ) -> Result<Predictor, HostError> {
        self.contents(component, store::read_contents(path, &Limits::DEFAULT)?)
    }

    /// The same for one that was read.
    pub(crate) fn contents(
        &self,
        component: &PredictorComponent,
        contents: Contents,
    ) -> Result<Predictor, HostError> {
        if let Some(trust) = &self.trust {
            check_package(trust, &contents)?;
        }
        let policy = self.policy.unwrap_or(Policy::REUSE);
        Predictor::load(component, contents.files, self.limits, policy)
    }
}

/// Whether a predictor is of this package.
#[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "only models of a store have one"))]
pub(crate) fn is_of(predictor: &Predictor, package: &Digest) -> bool {
    predictor.description().package == package.to_string()
}
