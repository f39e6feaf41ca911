//! Gets the component ready: the engine, the cache of compiled code, and a word to people while
//! they wait.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use etcetera::BaseStrategy;
use indicatif::{ProgressBar, ProgressStyle};
use predictor_host::{Cache, Engine, Predictor, PredictorComponent, SandboxLimits};

use crate::args::Settings;
use crate::embedded;
use crate::model::Model;

/// The embedded component, compiled for this machine.
pub(crate) fn component(settings: &Settings) -> Result<PredictorComponent> {
    let engine = Engine::new()?;
    let cache = Cache::new(cache_folder(settings)?);
    let mut progress = None;
    let component =
        cache.load(&engine, embedded::component(), embedded::component_digest(), || {
            progress = Some(Progress::start());
        })?;
    if let Some(progress) = progress {
        progress.finish();
    }
    Ok(component)
}

/// A model, loaded into the embedded component.
pub(crate) fn load(settings: &Settings, model: &Model) -> Result<Predictor> {
    let component = component(settings)?;
    let predictor = Predictor::load(&component, model.files()?, limits(settings));
    predictor.with_context(|| format!("the model {model}"))
}

pub(crate) fn limits(settings: &Settings) -> SandboxLimits {
    SandboxLimits::DEFAULT.with_memory_bytes((settings.memory as usize) << 20)
}

fn cache_folder(settings: &Settings) -> Result<PathBuf> {
    if let Some(folder) = &settings.cache {
        return Ok(folder.clone());
    }
    let base = etcetera::choose_base_strategy()
        .context("no cache folder; name one with --cache or SAMEBITS_CACHE")?;
    Ok(base.cache_dir().join("samebits"))
}

/// Says that the component is being compiled, and afterwards how long it took.
struct Progress {
    began: Instant,
    spinner: ProgressBar,
}

impl Progress {
    fn start() -> Self {
        let message = "compiling the component for this machine (once; about ten seconds)";
        let spinner = ProgressBar::new_spinner().with_message(message);
        if spinner.is_hidden() {
            anstream::eprintln!("{message}");
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(Duration::from_millis(100));
        Self { began: Instant::now(), spinner }
    }

    fn finish(self) {
        self.spinner.finish_and_clear();
        let seconds = self.began.elapsed().as_secs_f64();
        anstream::eprintln!("compiled the component in {seconds:.1} s");
    }
}
