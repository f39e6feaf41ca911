//! `serve`: models over HTTP/1.1, until a signal ends it.

use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use predictor_api::{Api, Cors};
use predictor_host::Predictor;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Serve, Settings};
use crate::embedded;
use crate::failure::InputError;
use crate::model::Model;
use crate::runtime;

mod connection;
mod files;
mod header_rules;
mod service;

use files::Files;
use service::Service;

pub(crate) fn run(settings: &Settings, arguments: &Serve) -> Result<ExitCode> {
    let api = api(settings, arguments)?;
    let files = arguments.folder.as_deref().map(Files::of).transpose()?;
    let workers = runtime::threads(settings);
    let service =
        Service::new(api, files, usize::from(arguments.concurrency), workers, arguments.quiet);
    let address = SocketAddr::new(arguments.host, arguments.port);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(workers + 4)
        .enable_all()
        .build()
        .context("can't start threads")?;
    runtime.block_on(until_interrupted(address, Arc::new(service)))?;
    Ok(ExitCode::SUCCESS)
}

/// The models, loaded.
fn api(settings: &Settings, arguments: &Serve) -> Result<Api> {
    let cors = Cors::parse(arguments.cors.iter().map(String::as_str));
    let cors = cors.map_err(|message| InputError(format!("--cors: {message}")))?;
    let models: Vec<_> = if arguments.models.is_empty() {
        embedded::model_names().map(|name| Model::Bundled(name.to_owned())).collect()
    } else {
        arguments.models.iter().map(|name| Model::of(settings, name)).collect::<Result<_>>()?
    };
    let predictors: Vec<Arc<Predictor>> = models
        .iter()
        .map(|model| runtime::load(settings, model).map(Arc::new))
        .collect::<Result<_>>()?;
    // Of those that somebody named, the first; of all bundled ones, none comes first.
    let first = predictors.first().filter(|_| !arguments.models.is_empty());
    let first = first.map(|predictor| predictor.description().name.clone());
    let default = arguments.default.clone().or(first);
    let limits = predictor_api::Settings::DEFAULT
        .with_body_bytes(usize::from(arguments.max_body) << 20)
        .with_cors(cors);
    let api = Api::new(predictors, default.as_deref(), limits);
    Ok(api.map_err(|error| InputError(error.to_string()))?)
}

async fn until_interrupted(address: SocketAddr, service: Arc<Service>) -> Result<()> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        InputError(format!("can't listen on {address}: {error}; choose another with --port"))
    })?;
    let bound = listener.local_addr().context("a listener has an address")?;
    let end = signals()?;
    println!("http://{bound}/");
    service.say(&format!("serving {}; Ctrl-C ends it", service.names()));
    connection::serve(listener, service, end).await;
    Ok(())
}

/// Ends with Ctrl-C, or as a service manager ends it.
fn signals() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("can't wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("can't wait for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
