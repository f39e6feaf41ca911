//! Work on sandboxes that no caller waits for: one that was used is taken down, and the next one made, on a
//! thread of its own while the caller is busy with the answer.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};

use crate::sandbox::Sandbox;

/// Makes the next sandbox, if one is needed.
type Next = dyn Fn() + Send + Sync;

/// The thread, and what it does.
pub(crate) struct Ahead {
    next: Arc<Next>,
    /// Where used sandboxes go. The thread starts with the first of them; none, if it can't be had.
    worker: OnceLock<Option<SyncSender<Sandbox>>>,
}

impl Ahead {
    pub(crate) fn new(next: Arc<Next>) -> Self {
        Self { next, worker: OnceLock::new() }
    }

    /// Leaves a used sandbox behind.
    pub(crate) fn leave(&self, used: Sandbox) {
        let Some(worker) = self.worker.get_or_init(|| self.start()) else { return };
        // A thread that is behind gets no more: this one takes the sandbox down itself. Its caller, who makes
        // calls faster than they are cleared away, makes the next sandbox, too.
        if let Err(TrySendError::Full(used) | TrySendError::Disconnected(used)) =
            worker.try_send(used)
        {
            drop(used);
        }
    }

    fn start(&self) -> Option<SyncSender<Sandbox>> {
        let next = Arc::clone(&self.next);
        let (sender, receiver) = sync_channel::<Sandbox>(1);
        let work = move || {
            // Until the sender is dropped.
            for used in receiver {
                drop(used);
                next();
            }
        };
        let thread = std::thread::Builder::new().name("sandboxes".into()).spawn(work);
        thread.ok().map(|_| sender)
    }
}
