//! The component on AWS Lambda.
//!
//! Init maps a baked model, or maps the compiled component and loads a package; an invoke is
//! answered from memory, whichever event source it comes from. `docs/lambda.md` has the events,
//! answers, settings and metrics.

#[cfg(feature = "aws")]
mod alert;
mod answer;
mod audit;
mod batch;
#[cfg(feature = "aws")]
mod canary;
mod clock;
mod config;
#[cfg(feature = "aws")]
mod drift;
mod event;
#[cfg(feature = "aws")]
mod extension;
mod failure;
mod function;
mod http;
mod invocation;
mod loader;
mod log;
mod metrics;
mod model;
mod models;
#[cfg(feature = "aws")]
mod object;
#[cfg(feature = "aws")]
mod pause;
mod price;
mod privacy;
mod results;
#[cfg(feature = "aws")]
mod shadow;
#[cfg(feature = "aws")]
mod source;
mod trace;
mod watch;
mod work;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use lambda_runtime::{run, service_fn};
use predictor_host::{Background, keep_freed_memory};

#[cfg(feature = "aws")]
use crate::clock::Deadline;
use crate::config::{Config, ModelPlace};
use crate::function::Function;
use crate::loader::Loader;
use crate::model::Served;
use crate::models::{Models, Serving};

fn main() -> ExitCode {
    keep_freed_memory();
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
    let config = Arc::new(Config::from_environment()?);
    match &config.model {
        ModelPlace::Disk(path) => {
            let (loader, path) = (Loader::new(&config), path.clone());
            let predictor = Background::start(move || loader.load(&path).map(Arc::new));
            let runtime = runtime()?;
            // Init has the whole processor and its own time, so it is there that the model gets ready.
            let predictor =
                predictor.wait().as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
            let models = Models::new(Serving::one(Served::new(Arc::clone(predictor), &config)?));
            let function = Function::new(config, models, began)?;
            #[cfg(feature = "aws")]
            if function.config.works_after_answers() {
                return runtime.block_on(async {
                    let extension = register(&function.config).await;
                    serve_with_work_after(function, extension).await
                });
            }
            let handler = service_fn(|event| function.answer(event));
            runtime.block_on(run(handler)).map_err(|error| anyhow::anyhow!(error))
        }
        #[cfg(feature = "aws")]
        ModelPlace::Store(reference) => {
            let reference = reference.clone();
            runtime()?.block_on(serve_from_store(config, reference, began))
        }
    }
}

/// One invoke at a time is in flight, so one thread is enough, and starts faster.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

#[cfg(feature = "aws")]
async fn serve_from_store(
    config: Arc<Config>,
    reference: model_store::Reference,
    began: Instant,
) -> anyhow::Result<()> {
    use std::time::Duration;

    /// As long as a managed instance or a provisioned environment may take; on demand, Lambda itself
    /// ends init after ten seconds.
    const INIT: Duration = Duration::from_secs(120);

    let client = aws_call::Client::new(&config.aws).map_err(|error| anyhow::anyhow!(error))?;
    let client = Arc::new(client);
    let source = source::Source::of(&config, reference.clone(), &client)?;
    let serving = source.start(aws_call::Patience::lasting(INIT)).await;
    let serving = serving
        .map_err(|error| anyhow::anyhow!("the model {reference}: {} ({})", error, error.code()))?;
    let extension = register(&config).await;
    let mut function = Function::new(config, Models::new(serving), began)?;
    function.with_source(source);
    serve_with_work_after(function, extension).await
}

/// Without an extension, all that would be done after answers is left undone.
#[cfg(feature = "aws")]
async fn register(config: &Config) -> Option<extension::Extension> {
    match extension::Extension::register(&config.runtime_api).await {
        Ok(extension) => Some(extension),
        Err(reason) => {
            let message = "no work after answers: copies of audit records are sent and the model is \
                           looked for before them, a shadow does not run, and spans are not sent";
            let fields = [("detail", reason.into())];
            config.log().write(log::Level::Warn, None, message, fields);
            None
        }
    }
}

/// Answers, and does after each answer what there is to do.
#[cfg(feature = "aws")]
async fn serve_with_work_after(
    mut function: Function,
    extension: Option<extension::Extension>,
) -> anyhow::Result<()> {
    let (answered, last) = tokio::sync::watch::channel(String::new());
    match extension {
        Some(_) => function.with_work_after(answered),
        None => function.without_spans(),
    }
    let function = &function;
    let work = |until: u64| async move {
        let deadline = Deadline::new(Instant::now(), until, None);
        function.send_copies(deadline).await;
        function.after_answer(deadline).await;
        function.send_spans(deadline).await;
    };
    let after = async {
        match extension {
            Some(extension) => extension.run(last, work).await,
            None => std::future::pending().await,
        }
    };
    // Lambda sends the signal where there is an extension, and waits for a moment.
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let handler = service_fn(|event| function.answer(event));
    tokio::select! {
        ended = run(handler) => ended.map_err(|error| anyhow::anyhow!(error)),
        () = after => Ok(()),
        _ = term.recv() => {
            tokio::join!(function.send_last_copies(), function.send_last_spans());
            Ok(())
        }
    }
}
