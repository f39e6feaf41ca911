//! An execution environment: initialised once, invoked many times, frozen in between, reset after a
//! timeout or a crash.
//!
//! Source for the phases: "Understanding the Lambda execution environment lifecycle"; for several
//! invokes at once: "Understanding the Lambda Managed Instances execution environment".

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;

use crate::exchange::Work;
use crate::extensions_api::invoke_event;
use crate::failure::Failure;
use crate::instance::{Context, Instance, Tail, add_to_tail};
use crate::invocation::{
    Answer, Finished, Invocation, epoch_milliseconds, timeout_text, timestamp,
};
use crate::report::{InvokeStatus, Report, init_line};
use crate::trouble::Point;
use crate::variables::InitializationType;

/// The init limit on demand.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// The init limit of provisioned environments and managed instances, if the function's own time
/// limit is not longer.
const INIT_LIMIT_BEFOREHAND: Duration = Duration::from_secs(130);

#[derive(Debug)]
pub(crate) struct Environment {
    context: Arc<Context>,
    kind: InitializationType,
    log_stream: String,
    /// None before the first initialisation and after a reset.
    instance: tokio::sync::Mutex<Option<Arc<Instance>>>,
    initialised_before: AtomicBool,
    tail: Tail,
}

/// An instance that is ready for an invoke.
struct Ready {
    instance: Arc<Instance>,
    /// The cold start's duration, for the report.
    init: Option<Duration>,
    /// From here the invoke's time runs.
    start: Instant,
}

/// How the wait for an invoke ended.
enum End {
    Rest { failure: Option<String> },
    Failed(Failure),
}

impl Environment {
    pub(crate) fn new(context: &Arc<Context>, kind: InitializationType) -> Self {
        let date = timestamp().get(..10).unwrap_or_default().replace('-', "/");
        let log_stream = format!("{date}/[$LATEST]{}", uuid::Uuid::new_v4().simple());
        Self {
            context: Arc::clone(context),
            kind,
            log_stream,
            instance: tokio::sync::Mutex::new(None),
            initialised_before: AtomicBool::new(false),
            tail: Tail::default(),
        }
    }

    /// Initialises beforehand, as provisioned concurrency does.
    pub(crate) async fn provision(&self) -> Result<(), String> {
        let mut slot = self.instance.lock().await;
        self.initialised_before.store(true, Ordering::Relaxed);
        match self.start(self.init_limit(), "init").await {
            Ok((instance, duration)) => {
                let milliseconds = crate::report::milliseconds(duration);
                tracing::info!(milliseconds, "an environment is provisioned");
                if !self.context.function.is_multi_concurrent() {
                    instance.freeze();
                }
                *slot = Some(instance);
                Ok(())
            }
            Err((failure, _)) => Err(failure.advice(&self.context.function, self.init_limit())),
        }
    }

    /// Runs one invoke until the environment is at rest again, and returns its log. The answer is
    /// sent as soon as there is one; then `answered` is called.
    pub(crate) async fn invoke(
        &self,
        invocation: Arc<Invocation>,
        answer: oneshot::Sender<Answer>,
        answered: impl FnOnce(),
    ) -> Finished {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let ready = match self.prepare(&invocation.request_id).await {
            Ok(ready) => ready,
            Err((failure, start)) => {
                let error = failure.function_error(&invocation.request_id, &self.context.function);
                let status = failure.status(&self.context.function);
                // A caller that is gone needs no answer.
                answer.send(Answer::Error(error)).ok();
                answered();
                self.start_line(&invocation);
                let report = self.finish(&invocation, start, None, 0, status, None);
                return Finished { log: self.take_tail(), report };
            }
        };
        self.start_line(&invocation);
        let report = if self.context.function.is_multi_concurrent() {
            self.run_shared(&invocation, ready, answer, answered).await
        } else {
            self.run_alone(&invocation, ready, answer, answered).await
        };
        Finished { log: self.take_tail(), report }
    }

    /// Ends the environment.
    pub(crate) async fn shut_down(&self) {
        if let Some(instance) = self.instance.lock().await.take() {
            instance.shut_down("spindown").await;
        }
    }

    async fn run_alone(
        &self,
        invocation: &Arc<Invocation>,
        ready: Ready,
        answer: oneshot::Sender<Answer>,
        answered: impl FnOnce(),
    ) -> Report {
        let Ready { instance, init, start } = ready;
        instance.thaw();
        let end = start + self.context.function.timeout;
        self.push(&instance, invocation, start, answer);
        let wait = async {
            let failure = instance.exchange.answered(&invocation.request_id).await;
            answered();
            match instance.exchange.at_rest().await {
                Ok(()) => End::Rest { failure },
                Err(error) => End::Failed(Failure::Reported(error)),
            }
        };
        let end = tokio::select! {
            biased;
            end = wait => end,
            failure = instance.failed() => End::Failed(failure),
            () = tokio::time::sleep_until(end.into()) => End::Failed(Failure::Timeout),
        };
        let peak = instance.peak_bytes();
        match end {
            End::Rest { failure } => {
                // The report is about the time up to here, not about reading what was logged.
                let duration = start.elapsed();
                instance.freeze();
                instance.drain_output().await;
                let telemetry = Some((&*instance, failure.is_some()));
                self.report(invocation, duration, init, peak, InvokeStatus::Success, telemetry)
            }
            End::Failed(failure) => {
                self.reset(&instance, invocation, &failure).await;
                let status = failure.status(&self.context.function);
                let peak = failure.peak_bytes(peak, &self.context.function);
                self.finish(invocation, start, init, peak, status, Some(&*instance))
            }
        }
    }

    async fn run_shared(
        &self,
        invocation: &Arc<Invocation>,
        ready: Ready,
        answer: oneshot::Sender<Answer>,
        answered: impl FnOnce(),
    ) -> Report {
        let Ready { instance, init, start } = ready;
        self.push(&instance, invocation, start, answer);
        let end = tokio::select! {
            biased;
            failure = instance.exchange.answered(&invocation.request_id) => End::Rest { failure },
            failure = instance.failed() => End::Failed(failure),
            () = tokio::time::sleep_until((start + self.context.function.timeout).into()) => {
                End::Failed(Failure::Timeout)
            }
        };
        answered();
        let peak = instance.peak_bytes();
        match end {
            End::Rest { failure } => {
                let telemetry = Some((&*instance, failure.is_some()));
                self.report(
                    invocation,
                    start.elapsed(),
                    init,
                    peak,
                    InvokeStatus::Success,
                    telemetry,
                )
            }
            End::Failed(failure) => {
                if matches!(failure, Failure::Timeout) {
                    // The environment goes on: AWS does not enforce the limit here.
                    self.give_up(&instance, invocation, &failure);
                } else {
                    self.reset(&instance, invocation, &failure).await;
                }
                let status = failure.status(&self.context.function);
                let peak = failure.peak_bytes(peak, &self.context.function);
                self.finish(invocation, start, init, peak, status, Some(&*instance))
            }
        }
    }

    fn push(
        &self,
        instance: &Instance,
        invocation: &Arc<Invocation>,
        start: Instant,
        answer: oneshot::Sender<Answer>,
    ) {
        let left = self.context.function.timeout.saturating_sub(start.elapsed());
        let deadline_ms = epoch_milliseconds() + u64::try_from(left.as_millis()).unwrap_or(0);
        let Invocation { request_id, trace_id, .. } = &**invocation;
        let arn = self.context.function.arn();
        let event = invoke_event(request_id, deadline_ms, &arn, trace_id);
        let tracing = json!({"type": "X-Amzn-Trace-Id", "value": trace_id});
        instance.telemetry.platform(
            "platform.start",
            json!({"requestId": request_id, "version": "$LATEST", "tracing": tracing}),
        );
        let work = Work { invocation: Arc::clone(invocation), deadline_ms };
        instance.exchange.push(work, answer, &event);
    }

    /// Finds the living instance or starts one: within the init limit the first time, within the
    /// function's own time limit after a failed init or a reset.
    async fn prepare(&self, request_id: &str) -> Result<Ready, (Failure, Instant)> {
        let mut slot = self.instance.lock().await;
        if let Some(instance) = slot.as_ref().filter(|instance| !instance.has_ended()) {
            let instance = Arc::clone(instance);
            self.context.trouble.pass_and_wait(Point::Thaw).await;
            return Ok(Ready { instance, init: None, start: Instant::now() });
        }
        *slot = None;
        if !self.initialised_before.swap(true, Ordering::Relaxed) {
            match self.start(self.init_limit(), "init").await {
                Ok((instance, duration)) => {
                    *slot = Some(Arc::clone(&instance));
                    return Ok(Ready { instance, init: Some(duration), start: Instant::now() });
                }
                Err((failure, duration)) => self.init_failed(&failure, duration, "init"),
            }
        }
        let start = Instant::now();
        match self.start(self.context.function.timeout, "invoke").await {
            Ok((instance, _)) => {
                *slot = Some(Arc::clone(&instance));
                Ok(Ready { instance, init: None, start })
            }
            Err((failure, duration)) => {
                tracing::debug!(request_id, "an invoke fails because its init failed");
                self.init_failed(&failure, duration, "invoke");
                Err((failure, start))
            }
        }
    }

    async fn start(
        &self,
        limit: Duration,
        phase: &str,
    ) -> Result<(Arc<Instance>, Duration), (Failure, Duration)> {
        let begin = Instant::now();
        self.write("INIT_START Runtime Version: provided:al2023 (lambda-emulator)");
        let opened =
            Instance::open(&self.context, self.kind, &self.log_stream, Arc::clone(&self.tail))
                .await;
        let instance = match opened {
            Ok(instance) => instance,
            Err(error) => return Err((Failure::System(error.to_string()), begin.elapsed())),
        };
        match instance.initialise(limit, phase).await {
            Ok(duration) => Ok((Arc::new(instance), duration)),
            Err(failure) => {
                let duration = begin.elapsed();
                instance.shut_down("failure").await;
                Err((failure, duration))
            }
        }
    }

    fn init_limit(&self) -> Duration {
        match self.kind {
            InitializationType::OnDemand => INIT_LIMIT,
            InitializationType::ProvisionedConcurrency
            | InitializationType::LambdaManagedInstances => {
                INIT_LIMIT_BEFOREHAND.max(self.context.function.timeout)
            }
        }
    }

    fn init_failed(&self, failure: &Failure, duration: Duration, phase: &str) {
        let status = failure.status(&self.context.function);
        self.write(&init_line(duration, phase, &status));
        self.write(&failure.advice(&self.context.function, self.init_limit()));
    }

    /// Answers the caller, if nobody did, and ends the processes; the next invoke starts new ones.
    async fn reset(&self, instance: &Arc<Instance>, invocation: &Invocation, failure: &Failure) {
        self.give_up(instance, invocation, failure);
        let mut slot = self.instance.lock().await;
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, instance)) {
            *slot = None;
        }
        let reason = if matches!(failure, Failure::Timeout) { "timeout" } else { "failure" };
        instance.shut_down(reason).await;
    }

    fn give_up(&self, instance: &Instance, invocation: &Invocation, failure: &Failure) {
        if let Some(answer) = instance.exchange.abandon(&invocation.request_id) {
            let error = failure.function_error(&invocation.request_id, &self.context.function);
            // A caller that is gone needs no answer.
            answer.send(Answer::Error(error)).ok();
        }
    }

    fn start_line(&self, invocation: &Invocation) {
        self.write(&format!("START RequestId: {} Version: $LATEST", invocation.request_id));
    }

    /// Writes the end of an invoke that failed in the platform's eyes.
    fn finish(
        &self,
        invocation: &Invocation,
        start: Instant,
        init: Option<Duration>,
        peak: u64,
        status: InvokeStatus,
        instance: Option<&Instance>,
    ) -> Report {
        if status == InvokeStatus::Timeout {
            let limit = timeout_text(self.context.function.timeout);
            self.write(&format!("{} {} {limit}", timestamp(), invocation.request_id));
        }
        let telemetry = instance.map(|instance| (instance, true));
        self.report(invocation, start.elapsed(), init, peak, status, telemetry)
    }

    fn report(
        &self,
        invocation: &Invocation,
        duration: Duration,
        init: Option<Duration>,
        peak_bytes: u64,
        status: InvokeStatus,
        telemetry: Option<(&Instance, bool)>,
    ) -> Report {
        let report = Report {
            request_id: invocation.request_id.clone(),
            duration,
            // A provisioned environment's init is no part of any invoke.
            init: init.filter(|_| self.kind == InitializationType::OnDemand),
            memory_mb: self.context.function.memory_mb,
            peak_bytes,
            status,
        };
        if let Some((instance, failed)) = telemetry {
            instance.telemetry.report(&report, failed);
        }
        self.write(&format!("END RequestId: {}", invocation.request_id));
        self.write(&report.line());
        report
    }

    fn write(&self, line: &str) {
        self.context.log.write(line);
        add_to_tail(&self.tail, line);
    }

    fn take_tail(&self) -> String {
        let tail: &Mutex<String> = &self.tail;
        std::mem::take(&mut *tail.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
