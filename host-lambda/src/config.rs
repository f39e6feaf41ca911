//! Where the function finds its parts. The only place that reads the environment.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::bail;

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
    /// # Errors
    /// If this is not Lambda.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        if env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
            bail!(
                "AWS_LAMBDA_RUNTIME_API is not set: this program is started by AWS Lambda; on a \
                 command line, use host-cli"
            );
        }
        let folder =
            env::var_os("LAMBDA_TASK_ROOT").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let path = |name: &str, default: &str| {
            env::var_os(name).map_or_else(|| folder.join(Path::new(default)), PathBuf::from)
        };
        Ok(Self {
            component: path("SAMEBITS_COMPONENT", "predictor.cwasm"),
            model: path("SAMEBITS_MODEL", "model"),
        })
    }
}
