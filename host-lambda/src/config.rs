//! Where the function finds its parts, and what they may take. The only place that reads the
//! environment.

use std::env;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use predictor_api::Cors;
use predictor_host::{Policy, SandboxLimits};

/// What the environment says.
#[derive(Debug)]
pub(crate) struct Config {
    /// `SAMEBITS_COMPONENT`: the compiled component, with its record beside it; not needed for a
    /// baked model. By default `predictor.cwasm` in the function's folder.
    pub(crate) component: PathBuf,
    /// `SAMEBITS_MODEL`: a baked model, or a package (a folder or an archive). By default `model`
    /// in the function's folder.
    pub(crate) model: PathBuf,
    /// `SAMEBITS_SANDBOX`: `fresh`, `reuse` or `reuse:N`. By default fresh for a baked model.
    pub(crate) policy: Option<Policy>,
    /// `SAMEBITS_MEMORY` (MiB), `SAMEBITS_OPERATIONS`, `SAMEBITS_DEADLINE` (seconds) and
    /// `SAMEBITS_THREADS`.
    pub(crate) limits: SandboxLimits,
    /// `SAMEBITS_CORS`: origins whose pages may read answers, with commas between them, or `*`.
    pub(crate) cors: Cors,
    /// `SAMEBITS_BASE_PATH`: what a custom domain or a load balancer's rule puts before every path,
    /// such as `/ml`.
    pub(crate) base_path: String,
}

impl Config {
    /// # Errors
    /// If this is not Lambda, or a setting is not one.
    pub(crate) fn from_environment() -> Result<Self> {
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
        let default = SandboxLimits::DEFAULT;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let limits = default
            .with_operations(number("SAMEBITS_OPERATIONS")?)
            .with_threads(number("SAMEBITS_THREADS")?.unwrap_or(cores))
            .with_memory_bytes(match number::<u16>("SAMEBITS_MEMORY")? {
                Some(mebibytes) => usize::from(mebibytes) << 20,
                None => default.memory_bytes,
            })
            .with_deadline(match number("SAMEBITS_DEADLINE")? {
                Some(seconds) => Duration::from_secs(seconds),
                None => default.deadline,
            });
        Ok(Self {
            component: path("SAMEBITS_COMPONENT", "predictor.cwasm"),
            model: path("SAMEBITS_MODEL", "model"),
            policy: policy()?,
            limits,
            cors: cors()?,
            base_path: base_path()?,
        })
    }
}

/// A positive number, if the variable is set.
fn number<T: FromStr + PartialOrd + From<u8>>(name: &str) -> Result<Option<T>> {
    let Some(text) = text(name)? else { return Ok(None) };
    match text.parse() {
        Ok(number) if number >= T::from(1) => Ok(Some(number)),
        _ => bail!("{name} is {text:?}; expected a whole number of at least 1, within reason"),
    }
}

fn policy() -> Result<Option<Policy>> {
    let text = text("SAMEBITS_SANDBOX")?;
    let policy = text.map(|text| text.parse::<Policy>()).transpose();
    policy.map_err(|message| anyhow!("SAMEBITS_SANDBOX: {message}"))
}

fn cors() -> Result<Cors> {
    let text = text("SAMEBITS_CORS")?.unwrap_or_default();
    let origins = text.split(',').filter(|origin| !origin.trim().is_empty());
    Cors::parse(origins).map_err(|message| anyhow!("SAMEBITS_CORS: {message}"))
}

/// With a slash before it, and none behind it.
fn base_path() -> Result<String> {
    let text = text("SAMEBITS_BASE_PATH")?.unwrap_or_default();
    let path = text.trim_end_matches('/');
    if !path.is_empty() && !path.starts_with('/') {
        bail!("SAMEBITS_BASE_PATH is {text:?}; expected a path, as in /ml");
    }
    Ok(path.to_owned())
}

fn text(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => bail!("{name} is not UTF-8 text"),
    }
}
