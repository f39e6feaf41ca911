//! The component on AWS Lambda.
//!
//! Init maps the compiled component and loads the model; an invoke is answered from memory. What is
//! asked of it today is a direct invoke: a JSON instance, or an array of them.

mod answer;
mod config;

use std::process::ExitCode;
use std::sync::Mutex;

use lambda_runtime::{LambdaEvent, run, service_fn};
use model_package::{Limits, store};
use predictor_host::{Engine, HostError, Predictor, PredictorComponent, Provenance, SandboxLimits};
use serde_json::value::RawValue;

use crate::config::Config;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The text of an error of ours has that of what lies below it.
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> anyhow::Result<()> {
    let config = Config::from_environment()?;
    let predictor = load(&config)?;
    let provenance = Provenance::of(&predictor);
    let predictor = Mutex::new(predictor);
    // One invoke at a time is in flight, so one thread is enough, and starts faster.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let handler = |event: LambdaEvent<Box<RawValue>>| {
        let answer = answer::invoke(&predictor, &provenance, event.payload.get());
        async move { answer }
    };
    runtime.block_on(run(service_fn(handler))).map_err(|error| anyhow::anyhow!(error))
}

fn load(config: &Config) -> Result<Predictor, HostError> {
    let component = PredictorComponent::map(&Engine::new()?, &config.component)?;
    let files = store::read(&config.model, &Limits::DEFAULT)?;
    Predictor::load(&component, files, SandboxLimits::DEFAULT)
}
