//! Where the function finds its parts. The only place that reads the environment.

use std::env;
use std::path::{Path, PathBuf};

/// Paths of component and model.
#[derive(Debug)]
pub(crate) struct Config {
    /// `SAMEBITS_COMPONENT`: the compiled component, with its record beside it. By default
    /// `predictor.cwasm` in the function's folder.
    pub(crate) component: PathBuf,
    /// `SAMEBITS_MODEL`: the model package, a folder or an archive. By default `model` in the
    /// function's folder.
    pub(crate) model: PathBuf,
}

impl Config {
    pub(crate) fn from_environment() -> Self {
        let folder =
            env::var_os("LAMBDA_TASK_ROOT").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let path = |name: &str, default: &str| {
            env::var_os(name).map_or_else(|| folder.join(Path::new(default)), PathBuf::from)
        };
        Self {
            component: path("SAMEBITS_COMPONENT", "predictor.cwasm"),
            model: path("SAMEBITS_MODEL", "model"),
        }
    }
}
