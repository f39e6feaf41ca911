//! One process of an environment, with everything that it starts: a process group that can be
//! frozen, thawed, asked to end, or killed, and that never outlives the emulator.
//!
//! Dropping a [`Process`] kills its group. Should the emulator itself be killed, so that nothing is
//! dropped, a watchdog does it: a shell that waits on a pipe which closes with the emulator.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::output::{LineSink, Output};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It ended by itself with this status.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl std::fmt::Display for Exit {
    /// In the words of Lambda's `Runtime.ExitError`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exit status {code}"),
            Self::Signal(9) => write!(formatter, "signal: killed"),
            Self::Signal(6) => write!(formatter, "signal: aborted"),
            Self::Signal(11) => write!(formatter, "signal: segmentation fault"),
            Self::Signal(15) => write!(formatter, "signal: terminated"),
            Self::Signal(signal) => write!(formatter, "signal: {signal}"),
        }
    }
}

/// Kills a group of processes if the emulator is killed. Started beforehand, so that its own start does not
/// count as the time of what it watches.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

impl Watchdog {
    /// Starts one, and waits until it is there.
    pub(crate) async fn start() -> io::Result<Self> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", r#"echo; read -r group; read -r end; kill -s KILL -- "-$group""#])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut output) = child.stdout.take() {
            output.read_exact(&mut [0]).await?;
        }
        Ok(Self(child))
    }

    async fn watch(&mut self, group: Pid) -> io::Result<()> {
        match self.0.stdin.as_mut() {
            Some(pipe) => pipe.write_all(format!("{}\n", group.as_raw_nonzero()).as_bytes()).await,
            None => Ok(()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Process {
    group: Pid,
    exit: watch::Receiver<Option<Exit>>,
    outputs: Vec<Arc<Output>>,
    _watchdog: Watchdog,
}

impl Process {
    /// Starts `command` in `folder` with exactly the given environment variables.
    pub(crate) async fn spawn(
        mut watchdog: Watchdog,
        mut command: Command,
        folder: &Path,
        variables: &BTreeMap<String, String>,
        lines: LineSink,
    ) -> io::Result<Self> {
        let mut child = command
            .current_dir(folder)
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("the process ended before it could be watched"))?;
        watchdog.watch(group).await?;
        let mut outputs = Vec::new();
        if let Some(output) = child.stdout.take() {
            outputs.push(Output::read(output.into_owned_fd()?, Arc::clone(&lines))?);
        }
        if let Some(output) = child.stderr.take() {
            outputs.push(Output::read(output.into_owned_fd()?, lines)?);
        }
        let (announce, exit) = watch::channel(None);
        tokio::spawn(async move {
            let status = child.wait().await;
            // What the process left behind goes with it. As long as any of it lives, the group's
            // number is not given to another.
            signal_group(group, Signal::KILL);
            announce.send_replace(Some(exit_of(status)));
        });
        Ok(Self { group, exit, outputs, _watchdog: watchdog })
    }

    pub(crate) fn id(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    /// Waits for the process to end.
    pub(crate) async fn exited(&self) -> Exit {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(exit) => exit.unwrap_or(Exit::Signal(9)),
            // The waiting task is gone only when the whole runtime shuts down.
            Err(_) => Exit::Signal(9),
        }
    }

    pub(crate) fn has_exited(&self) -> bool {
        self.exit.borrow().is_some()
    }

    /// Sends a signal to the whole group, unless it is gone.
    pub(crate) fn signal(&self, signal: Signal) {
        if !self.has_exited() {
            signal_group(self.group, signal);
        }
    }

    /// Waits until what the process has written so far is passed on.
    pub(crate) async fn drain_output(&self) {
        for output in &self.outputs {
            output.drained().await;
        }
    }

    /// Kills the group and waits until the process is gone.
    pub(crate) async fn kill(&self) {
        self.signal(Signal::KILL);
        self.exited().await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

fn signal_group(group: Pid, signal: Signal) {
    if let Err(error) = kill_process_group(group, signal)
        && error != rustix::io::Errno::SRCH
    {
        tracing::warn!(?group, ?signal, %error, "a signal could not be sent");
    }
}

fn exit_of(status: io::Result<std::process::ExitStatus>) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) => Exit::Signal(signal),
            (None, None) => Exit::Code(0),
        },
        Err(error) => {
            tracing::warn!(%error, "a process could not be waited for");
            Exit::Signal(9)
        }
    }
}
