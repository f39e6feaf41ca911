//! The processes of an environment between one initialisation and their end: extensions and
//! runtime, the address of their Runtime API, their limits.
//!
//! An environment that was reset gets a new instance.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt, select_all};
use rustix::process::Signal;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Notify;

use crate::control_group::ControlGroup;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::extensions_api::shutdown_event;
use crate::failure::Failure;
use crate::invocation::epoch_milliseconds;
use crate::limits::{MEMORY_POLL, MemoryControl, memory_control, processor_control};
use crate::log::Log;
use crate::memory;
use crate::options::Function;
use crate::output::LineSink;
use crate::process::{Exit, Process, Watchdog};
use crate::runtime_api::RuntimeApi;
use crate::server::{self, OwnedTask};
use crate::telemetry::{Category, Telemetry};
use crate::trouble::TroubleMaker;
use crate::variables::{self, InitializationType};

/// How long a shutdown may take with an internal extension, and with an external one ("Lambda
/// execution environment: Shutdown phase").
const GRACE_INTERNAL: Duration = Duration::from_millis(500);
const GRACE_EXTERNAL: Duration = Duration::from_secs(2);
/// The runtime's part of the time, where external extensions need the rest.
const RUNTIME_SHARE: f64 = 0.3;

/// What all instances of a function share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) function: Arc<Function>,
    pub(crate) task: PathBuf,
    pub(crate) log: Arc<Log>,
    pub(crate) trouble: Arc<TroubleMaker>,
}

/// The end of the log of one invoke, as `X-Amz-Log-Result` gives it.
pub(crate) type Tail = Arc<Mutex<String>>;

#[derive(Debug)]
pub(crate) struct Instance {
    context: Arc<Context>,
    kind: InitializationType,
    log_stream: String,
    address: std::net::SocketAddr,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) telemetry: Arc<Telemetry>,
    tail: Tail,
    processes: Arc<Processes>,
    memory: MemoryControl,
    processor: Option<ControlGroup>,
    _api: OwnedTask,
    _killer: OwnedTask,
}

#[derive(Debug, Default)]
struct Processes {
    extensions: OnceLock<Vec<(String, Process)>>,
    runtime: OnceLock<Process>,
}

impl Instance {
    /// Opens the Runtime API; no process is started yet.
    pub(crate) async fn open(
        context: &Arc<Context>,
        kind: InitializationType,
        log_stream: &str,
        tail: Tail,
    ) -> Result<Self, Error> {
        let listener =
            server::bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0)), "the Runtime API")
                .await?;
        let address =
            listener.local_addr().map_err(Error::system("the Runtime API has no address"))?;
        let exchange = Arc::new(Exchange::default());
        let telemetry = Arc::new(Telemetry::default());
        let kill = Arc::new(Notify::new());
        let api = RuntimeApi {
            function: Arc::clone(&context.function),
            exchange: Arc::clone(&exchange),
            telemetry: Arc::clone(&telemetry),
            trouble: Arc::clone(&context.trouble),
            kill: Arc::clone(&kill),
        };
        let processes = Arc::new(Processes::default());
        let killed = Arc::clone(&processes);
        let killer = OwnedTask::spawn(async move {
            kill.notified().await;
            killed.signal(Signal::KILL);
        });
        Ok(Self {
            context: Arc::clone(context),
            kind,
            log_stream: log_stream.to_owned(),
            address,
            exchange,
            telemetry,
            tail,
            processes,
            memory: memory_control(&context.function),
            processor: processor_control(&context.function),
            _api: OwnedTask::spawn(serve_api(listener, api)),
            _killer: killer,
        })
    }

    /// Starts extensions, then the runtime, and waits until all ask for work.
    pub(crate) async fn initialise(
        &self,
        limit: Duration,
        phase: &str,
    ) -> Result<Duration, Failure> {
        let system = |error: Error| Failure::System(error.to_string());
        let function = &self.context.function;
        let mut watchdogs = Vec::new();
        for _ in &function.extensions {
            watchdogs.push(watchdog().await.map_err(system)?);
        }
        let of_runtime = watchdog().await.map_err(system)?;
        let start = Instant::now();
        self.telemetry.platform(
            "platform.initStart",
            json!({
                "initializationType": self.kind.as_str(),
                "phase": phase,
                "functionName": function.name,
                "functionVersion": "$LATEST",
            }),
        );
        let work = async {
            self.start_extensions(watchdogs).await.map_err(system)?;
            self.start_runtime(of_runtime).await.map_err(system)?;
            let external = function.extensions.len();
            tokio::select! {
                biased;
                ready = self.exchange.initialised(external) => ready.map_err(Failure::Reported),
                failure = self.failed() => Err(failure),
            }
        };
        let result = match tokio::time::timeout(limit, work).await {
            Ok(result) => result.map(|()| start.elapsed()),
            Err(_) => Err(Failure::Timeout),
        };
        let status = if result.is_ok() { "success" } else { "error" };
        let record = json!({
            "initializationType": self.kind.as_str(),
            "phase": phase,
            "status": status,
        });
        self.telemetry.platform("platform.initRuntimeDone", record.clone());
        let mut report = record;
        if let Some(fields) = report.as_object_mut() {
            let duration = crate::report::milliseconds(start.elapsed());
            fields.insert("metrics".to_owned(), json!({"durationMs": duration}));
        }
        self.telemetry.platform("platform.initReport", report);
        result
    }

    async fn start_extensions(&self, watchdogs: Vec<Watchdog>) -> Result<(), Error> {
        let function = &self.context.function;
        let mut started = Vec::new();
        for (program, watchdog) in function.extensions.iter().zip(watchdogs) {
            let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let variables = variables::extension(function, self.address, self.kind);
            let what = format!("can't start the extension {}", program.display());
            let sink = self.line_sink(Category::Extension);
            let command = Command::new(program);
            let task = &self.context.task;
            let process = Process::spawn(watchdog, command, task, &variables, sink)
                .await
                .map_err(Error::system(what))?;
            self.limit(&process);
            started.push((name, process));
        }
        // Set once: an instance is initialised once.
        self.processes.extensions.set(started).ok();
        Ok(())
    }

    async fn start_runtime(&self, watchdog: Watchdog) -> Result<(), Error> {
        let function = &self.context.function;
        let task = &self.context.task;
        let variables =
            variables::runtime(function, task, self.address, &self.log_stream, self.kind);
        let bootstrap = task.join("bootstrap");
        let (command, what) = match function.runner.split_first() {
            None => (Command::new(bootstrap), "can't start `bootstrap`".to_owned()),
            Some((runner, arguments)) => {
                let mut command = Command::new(runner);
                command.args(arguments).arg(bootstrap);
                (command, format!("can't start the runner {runner}"))
            }
        };
        let sink = self.line_sink(Category::Function);
        let process = Process::spawn(watchdog, command, task, &variables, sink)
            .await
            .map_err(Error::system(what))?;
        self.limit(&process);
        self.processes.runtime.set(process).ok();
        Ok(())
    }

    fn limit(&self, process: &Process) {
        let memory = match &self.memory {
            MemoryControl::Group(group) => Some(group),
            MemoryControl::Poll | MemoryControl::Off => None,
        };
        for group in memory.into_iter().chain(&self.processor) {
            if let Err(error) = group.add(process.id()) {
                tracing::warn!(%error, "a process could not be put into its control group");
            }
        }
    }

    fn line_sink(&self, category: Category) -> LineSink {
        let log = Arc::clone(&self.context.log);
        let telemetry = Arc::clone(&self.telemetry);
        let tail = Arc::clone(&self.tail);
        Arc::new(move |lines| {
            for line in &lines {
                add_to_tail(&tail, line);
                telemetry.line(category, line);
            }
            log.write_all(lines);
        })
    }

    /// Waits until a process ends or takes too much memory.
    pub(crate) async fn failed(&self) -> Failure {
        let mut ends: Vec<BoxFuture<'_, Failure>> = Vec::new();
        if let Some(runtime) = self.processes.runtime.get() {
            ends.push(async { self.explain(runtime.exited().await) }.boxed());
        }
        for (name, process) in self.processes.extensions.get().into_iter().flatten() {
            ends.push(
                async {
                    let exit = process.exited().await;
                    Failure::ExtensionExited { name: name.clone(), exit }
                }
                .boxed(),
            );
        }
        if matches!(self.memory, MemoryControl::Poll) {
            ends.push(self.too_much_memory().boxed());
        }
        if ends.is_empty() {
            return std::future::pending().await;
        }
        select_all(ends).await.0
    }

    fn explain(&self, exit: Exit) -> Failure {
        match &self.memory {
            MemoryControl::Group(group) if group.killed_for_memory() => Failure::OutOfMemory,
            _ => Failure::Exited(exit),
        }
    }

    async fn too_much_memory(&self) -> Failure {
        let limit = u64::from(self.context.function.memory_mb) * 1024 * 1024;
        loop {
            tokio::time::sleep(MEMORY_POLL).await;
            if memory::resident_bytes(&self.processes.ids()) > limit {
                self.processes.signal(Signal::KILL);
                return Failure::OutOfMemory;
            }
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.processes.runtime.get().is_none_or(Process::has_exited)
            || self.processes.extensions.get().into_iter().flatten().any(|(_, it)| it.has_exited())
    }

    pub(crate) fn peak_bytes(&self) -> u64 {
        memory::peak_bytes(&self.processes.ids())
    }

    pub(crate) fn freeze(&self) {
        self.processes.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.processes.signal(Signal::CONT);
    }

    pub(crate) async fn drain_output(&self) {
        for process in self.processes.all() {
            process.drain_output().await;
        }
    }

    /// Ends the processes: at once where no extension is registered; else `SIGTERM` and the event
    /// `SHUTDOWN`, and the time that Lambda gives for them.
    pub(crate) async fn shut_down(&self, reason: &str) {
        let (any, external) = self.exchange.registered();
        if any && !self.has_ended() {
            let grace = if external { GRACE_EXTERNAL } else { GRACE_INTERNAL };
            let share = if external { grace.mul_f64(RUNTIME_SHARE) } else { grace };
            let end = Instant::now() + grace;
            self.thaw();
            if let Some(runtime) = self.processes.runtime.get() {
                runtime.signal(Signal::TERM);
                if tokio::time::timeout(share, runtime.exited()).await.is_err() {
                    runtime.kill().await;
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            let milliseconds = u64::try_from(left.as_millis()).unwrap_or(0);
            self.exchange
                .push_shutdown(&shutdown_event(reason, epoch_milliseconds() + milliseconds));
            let extensions = async {
                for (_, process) in self.processes.extensions.get().into_iter().flatten() {
                    process.exited().await;
                }
            };
            if tokio::time::timeout(left, extensions).await.is_err() {
                tracing::debug!("an extension did not end in time and is killed");
            }
        }
        for process in self.processes.all() {
            process.kill().await;
        }
        self.drain_output().await;
    }
}

async fn watchdog() -> Result<Watchdog, Error> {
    Watchdog::start().await.map_err(Error::system("can't start a watchdog, `/bin/sh`"))
}

impl Processes {
    fn all(&self) -> impl Iterator<Item = &Process> {
        let extensions = self.extensions.get().into_iter().flatten().map(|(_, process)| process);
        self.runtime.get().into_iter().chain(extensions)
    }

    fn ids(&self) -> Vec<i32> {
        self.all().map(Process::id).collect()
    }

    fn signal(&self, signal: Signal) {
        for process in self.all() {
            process.signal(signal);
        }
    }
}

async fn serve_api(listener: TcpListener, api: RuntimeApi) {
    let api = Arc::new(api);
    server::serve(listener, move |request, _| {
        let api = Arc::clone(&api);
        async move { api.handle(request).await }
    })
    .await;
}

/// Adds a line and keeps the last 4 KB.
pub(crate) fn add_to_tail(tail: &Tail, line: &str) {
    const TAIL_BYTES: usize = 4096;
    let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
    tail.push_str(line);
    tail.push('\n');
    if tail.len() > TAIL_BYTES {
        let mut cut = tail.len() - TAIL_BYTES;
        while !tail.is_char_boundary(cut) {
            cut += 1;
        }
        tail.drain(..cut);
    }
}
