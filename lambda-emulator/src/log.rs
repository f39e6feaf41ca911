//! The function's log: what its processes write, with the `START`, `END` and `REPORT` lines that
//! Lambda adds, in the order of CloudWatch Logs.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// Lines kept for a reader that comes later; none, where they are printed.
const KEPT_LINES: usize = 10_000;

const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// Prints lines of the log, as they come.
pub type PrintLines = fn(&[String]);

/// All lines of all environments, printed or kept: the newest can be read back.
#[derive(Debug, Default)]
pub struct Log {
    print: Option<PrintLines>,
    kept: Mutex<Kept>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Log {
    pub(crate) fn new(print: Option<PrintLines>) -> Self {
        Self { print, ..Self::default() }
    }

    pub(crate) fn write(&self, line: &str) {
        self.write_all(vec![line.to_owned()]);
    }

    /// Several lines at once: a function may write a thousand in one invoke.
    pub(crate) fn write_all(&self, lines: Vec<String>) {
        if let Some(print) = self.print {
            return print(&lines);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += lines.iter().map(String::len).sum::<usize>();
        kept.lines.extend(lines);
        while kept.lines.len() > KEPT_LINES || kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.lines.pop_front() else { break };
            kept.bytes -= oldest.len();
        }
        drop(kept);
        self.changed.notify_waiters();
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).lines.iter().cloned().collect()
    }

    /// Waits until a line satisfies `wanted`, at most `limit`.
    pub async fn wait_for(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let search = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(line) = self.lines().into_iter().find(|line| wanted(line)) {
                    return line;
                }
                changed.await;
            }
        };
        tokio::time::timeout(limit, search).await.ok()
    }
}
