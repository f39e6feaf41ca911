//! Gets the component ready: the engine, the cache of compiled code, the limits.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use etcetera::BaseStrategy;
use model_package::PackageFile;
use predictor_host::{
    Baked, Cache, Engine, Interruption, Policy, Predictor, PredictorComponent, SandboxLimits,
};

use crate::args::Settings;
use crate::embedded;
use crate::model::Model;
use crate::progress::Progress;
use crate::trust::Trust;

/// The embedded component, compiled for this machine.
pub(crate) fn component(
    settings: &Settings,
    interruption: Interruption,
) -> Result<PredictorComponent> {
    let engine = Engine::new(interruption)?;
    let mut progress = None;
    let component = cache(settings)?.load(
        &engine,
        embedded::component(),
        embedded::component_digest(),
        || {
            progress = Some(Progress::start(
                "compiling the component for this machine (once; about ten seconds)",
            ));
        },
    )?;
    if let Some(progress) = progress {
        progress.finish("compiled the component");
    }
    Ok(component)
}

/// A model that is trusted and ready to answer: loaded into the embedded component, or baked.
pub(crate) fn load(settings: &Settings, model: &Model) -> Result<Predictor> {
    let trust = Trust::from_settings(settings)?;
    let loaded = match model {
        Model::Baked(baked) => trust.check_baked(baked).and_then(|_| load_baked(settings, baked)),
        Model::Bundled(_) | Model::Package(_) | Model::Remote(_) => {
            trust.files(model).and_then(|(files, _)| load_files(settings, files))
        }
    };
    loaded.with_context(|| format!("the model {model}"))
}

/// A baked model, mapped.
pub(crate) fn load_baked(settings: &Settings, baked: &Baked) -> Result<Predictor> {
    let policy = settings.sandbox.unwrap_or(Policy::Fresh);
    Ok(Predictor::baked(baked, limits(settings), policy)?)
}

/// The files of a package, loaded into the embedded component.
pub(crate) fn load_files(settings: &Settings, files: Vec<PackageFile>) -> Result<Predictor> {
    Components::new(settings)?.load(files)
}

/// The embedded component for any number of models: as it is, and with code that can be stopped.
pub(crate) struct Components<'a> {
    settings: &'a Settings,
    plain: PredictorComponent,
    /// Made when the first model wants it.
    interruptible: Mutex<Option<PredictorComponent>>,
}

impl<'a> Components<'a> {
    pub(crate) fn new(settings: &'a Settings) -> Result<Self> {
        let plain = component(settings, Interruption::None)?;
        Ok(Self { settings, plain, interruptible: Mutex::new(None) })
    }

    /// The digest of the component's bytes.
    pub(crate) fn digest(&self) -> String {
        self.plain.digest().to_string()
    }

    /// Loads the files of a package into a sandbox.
    pub(crate) fn load(&self, files: Vec<PackageFile>) -> Result<Predictor> {
        let policy = self.settings.sandbox.unwrap_or(Policy::REUSE);
        let predictor = Predictor::load(&self.plain, files, limits(self.settings), policy)?;
        if predictor.description().operations.is_some() {
            return Ok(predictor);
        }
        // Its work is not known before a call, so a deadline has to bound it.
        Ok(predictor.moved_to(&self.interruptible()?)?)
    }

    fn interruptible(&self) -> Result<PredictorComponent> {
        let mut made = self.interruptible.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(component) = &*made {
            return Ok(component.clone());
        }
        let component = component(self.settings, Interruption::Deadline)?;
        Ok(made.insert(component).clone())
    }
}

/// Threads that work at the same time: as set, or one a core.
pub(crate) fn threads(settings: &Settings) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    settings.threads.map_or_else(cores, usize::from)
}

pub(crate) fn limits(settings: &Settings) -> SandboxLimits {
    SandboxLimits::DEFAULT
        .with_memory_bytes((settings.memory as usize) << 20)
        .with_operations(settings.operations)
        .with_deadline(Duration::from_secs(settings.deadline))
        .with_threads(threads(settings))
}

/// Compiled components.
pub(crate) fn cache(settings: &Settings) -> Result<Cache> {
    Ok(Cache::new(cache_folder(settings)?))
}

pub(crate) fn cache_folder(settings: &Settings) -> Result<PathBuf> {
    if let Some(folder) = &settings.cache {
        return Ok(folder.clone());
    }
    let base = etcetera::choose_base_strategy()
        .context("no cache folder; name one with --cache or SAMEBITS_CACHE")?;
    Ok(base.cache_dir().join("samebits"))
}
