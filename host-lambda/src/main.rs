//! The component on AWS Lambda.
//!
//! Init maps a baked model, or maps the compiled component and loads a package; an invoke is
//! answered from memory, whichever event source it comes from. `docs/lambda.md` has the events,
//! answers, settings and metrics.

#[cfg(feature = "aws")]
mod alert;
mod answer;
mod audit;
#[cfg(feature = "aws")]
mod aws;
mod batch;
mod clock;
mod config;
mod event;
mod failure;
mod function;
mod http;
mod invocation;
mod log;
mod metrics;
#[cfg(feature = "aws")]
mod object;
mod price;
mod privacy;
mod results;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use lambda_runtime::{run, service_fn};
use model_package::{Limits, store};
use predictor_host::{
    Background, Baked, Engine, HostError, Interruption, Policy, Predictor, PredictorComponent,
};

use crate::config::Config;
use crate::function::Function;

fn main() -> ExitCode {
    match serve(Instant::now()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The text of an error of ours has that of what lies below it.
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(began: Instant) -> anyhow::Result<()> {
    let config = Config::from_environment()?;
    let parts = Parts::of(&config);
    let predictor = Background::start(move || parts.load().map(Arc::new));
    // One invoke at a time is in flight, so one thread is enough, and starts faster.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Init has the whole processor and its own time, so it is there that the model gets ready.
    let predictor = predictor.wait().as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let function = Function::new(config, predictor, began)?;
    let handler = service_fn(|event| function.answer(event));
    runtime.block_on(run(handler)).map_err(|error| anyhow::anyhow!(error))
}

/// What a predictor is made of.
struct Parts {
    component: std::path::PathBuf,
    model: std::path::PathBuf,
    limits: predictor_host::SandboxLimits,
    policy: Option<Policy>,
}

impl Parts {
    fn of(config: &Config) -> Self {
        Self {
            component: config.component.clone(),
            model: config.model.clone(),
            limits: config.limits,
            policy: config.policy,
        }
    }

    fn load(&self) -> Result<Predictor, HostError> {
        if Baked::is_at(&self.model) {
            let policy = self.policy.unwrap_or(Policy::Fresh);
            return Predictor::baked(&Baked::open(&self.model)?, self.limits, policy);
        }
        let engine = Engine::new(Interruption::None)?;
        let component = PredictorComponent::map(&engine, &self.component)?;
        let files = store::read(&self.model, &Limits::DEFAULT)?;
        let policy = self.policy.unwrap_or(Policy::REUSE);
        Predictor::load(&component, files, self.limits, policy)
    }
}
