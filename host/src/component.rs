//! A component that is ready to be instantiated.

use std::path::Path;

use model_package::Digest;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::bindings::PredictorIndices;
use crate::sandbox::State;
use crate::{Engine, HostError, compiled};

/// A compiled component, checked to have the exports of the interface and no imports.
#[derive(Clone)]
pub struct PredictorComponent {
    pub(crate) engine: Engine,
    pub(crate) pre: InstancePre<State>,
    pub(crate) exports: PredictorIndices,
    digest: Digest,
    names: Names,
}

/// What a component asks for and offers, as the names of its interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Empty, or the component is refused.
    pub imports: Vec<String>,
    /// Such as `samebits:predictor/model@0.1.0`.
    pub exports: Vec<String>,
}

impl PredictorComponent {
    /// Maps a compiled file.
    ///
    /// # Errors
    /// If the file is damaged, was compiled by another version or with other settings, or is not a
    /// predictor.
    pub fn map(engine: &Engine, path: &Path) -> Result<Self, HostError> {
        let (component, digest) = compiled::map(engine, path)?;
        Self::new(engine, &component, digest)
    }

    /// The digest of the component's bytes, before compilation.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What the component imports and exports.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn new(
        engine: &Engine,
        component: &Component,
        digest: Digest,
    ) -> Result<Self, HostError> {
        let refused = |message: String| HostError::Engine { message };
        let kind = component.component_type();
        let names = Names {
            imports: kind.imports(&engine.wasmtime).map(|(name, _)| name.to_owned()).collect(),
            exports: kind.exports(&engine.wasmtime).map(|(name, _)| name.to_owned()).collect(),
        };
        if !names.imports.is_empty() {
            let found = names.imports.join(", ");
            return Err(refused(format!(
                "the component imports {found}; a predictor imports nothing"
            )));
        }
        // An empty linker: there is nothing that an instance could be given.
        let pre = Linker::new(&engine.wasmtime).instantiate_pre(component);
        let parts = pre.and_then(|pre| PredictorIndices::new(&pre).map(|exports| (pre, exports)));
        let (pre, exports) = parts
            .map_err(|error| refused(format!("the component is not a predictor: {error:#}")))?;
        Ok(Self { engine: engine.clone(), pre, exports, digest, names })
    }
}

impl std::fmt::Debug for PredictorComponent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PredictorComponent").field("digest", &self.digest).finish_non_exhaustive()
    }
}
