//! The component on AWS Lambda.
//!
//! Init maps a baked model, or maps the compiled component and loads a package; an invoke is
//! answered from memory: HTTP in every form that Lambda's front doors have, or a direct invoke, which
//! is a JSON instance or an array of them.

mod answer;
mod config;
mod http;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use lambda_runtime::{LambdaEvent, run, service_fn};
use model_package::{Limits, store};
use predictor_api::{Api, Settings};
use predictor_host::{
    Background, Baked, Engine, HostError, Interruption, Policy, Predictor, PredictorComponent,
    Provenance,
};
use serde_json::value::RawValue;

use crate::answer::Failure;
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
    let settings = Settings::DEFAULT.with_cors(config.cors.clone());
    let base_path = config.base_path.clone();
    let predictor = Background::start(move || load(&config).map(Arc::new));
    // One invoke at a time is in flight, so one thread is enough, and starts faster.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Init has the whole processor and its own time, so it is there that the model gets ready.
    let predictor = predictor.wait().as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let provenance = Provenance::of(predictor);
    let api = Api::new(vec![Arc::clone(predictor)], None, settings)?;
    let handler = |event: LambdaEvent<Box<RawValue>>| {
        let event = event.payload.get();
        let answer = match http::answer(&api, &base_path, event, SystemTime::now()) {
            Some(answer) => answer.map_err(Failure::Answer),
            None => answer::invoke(predictor, &provenance, event),
        };
        async move { answer }
    };
    runtime.block_on(run(service_fn(handler))).map_err(|error| anyhow::anyhow!(error))
}

fn load(config: &Config) -> Result<Predictor, HostError> {
    if Baked::is_at(&config.model) {
        let policy = config.policy.unwrap_or(Policy::Fresh);
        return Predictor::baked(&Baked::open(&config.model)?, config.limits, policy);
    }
    let component = PredictorComponent::map(&Engine::new(Interruption::None)?, &config.component)?;
    let files = store::read(&config.model, &Limits::DEFAULT)?;
    let policy = config.policy.unwrap_or(Policy::REUSE);
    Predictor::load(&component, files, config.limits, policy)
}
