//! What an environment and its processes have told each other: the events waiting for `/next`, the
//! invokes in flight, the registered extensions, and who is idle.
//!
//! The HTTP modules write here what processes say; the environment waits here for what it needs.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use crate::invocation::{Answer, FunctionError, Invocation};

/// An event with the moment at which the function will be stopped.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) invocation: Arc<Invocation>,
    /// Milliseconds since the epoch.
    pub(crate) deadline_ms: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Exchange {
    state: Mutex<State>,
    /// Something changed that somebody may be waiting for.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Work>,
    in_flight: HashMap<String, InFlight>,
    /// What became of the answered invokes, until the environment has looked.
    outcomes: HashMap<String, Option<String>>,
    /// Given up by the environment: an answer to these comes too late.
    abandoned: HashSet<String>,
    waiting_in_next: usize,
    init_error: Option<FunctionError>,
    extensions: HashMap<String, Extension>,
}

#[derive(Debug)]
struct InFlight {
    answer: Option<oneshot::Sender<Answer>>,
}

#[derive(Debug)]
struct Extension {
    name: String,
    external: bool,
    invoke: bool,
    shutdown: bool,
    waiting: bool,
    /// An event was taken and the extension has not asked for the next one.
    busy: bool,
    events: VecDeque<Value>,
    error: Option<FunctionError>,
}

/// What an extension is sent at an invoke or shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtensionKind {
    Internal,
    External,
}

/// Why `/response` or `/error` is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownRequest,
    TimedOut,
}

impl Exchange {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `look` finds something; it is asked again after every change.
    async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before looking, so that no change in between is missed.
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.lock()) {
                return found;
            }
            changed.await;
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    // The runtime's side.

    /// The runtime asks for an event. The request counts as waiting until this future is dropped.
    pub(crate) async fn next(&self) -> Work {
        self.change(|state| state.waiting_in_next += 1);
        let _waiting = Leave(self);
        self.wait(|state| state.queue.pop_front()).await
    }

    /// Takes the place to which the answer of `request_id` goes. The invoke stays in flight until
    /// [`finish`](Self::finish), so that a streamed answer keeps its environment busy.
    pub(crate) fn take_answer(&self, request_id: &str) -> Result<oneshot::Sender<Answer>, Refusal> {
        let mut state = self.lock();
        match state.in_flight.get_mut(request_id).and_then(|invoke| invoke.answer.take()) {
            Some(answer) => Ok(answer),
            None if state.abandoned.contains(request_id) => Err(Refusal::TimedOut),
            None => Err(Refusal::UnknownRequest),
        }
    }

    /// The answer of `request_id` is complete; `failure` is the error's type, where it was one.
    pub(crate) fn finish(&self, request_id: &str, failure: Option<&str>) {
        self.change(|state| {
            state.in_flight.remove(request_id);
            state.outcomes.insert(request_id.to_owned(), failure.map(str::to_owned));
        });
    }

    pub(crate) fn set_init_error(&self, error: FunctionError) {
        self.change(|state| state.init_error.get_or_insert(error).clone());
    }

    // The extensions' side.

    pub(crate) fn register(
        &self,
        name: &str,
        kind: ExtensionKind,
        invoke: bool,
        shutdown: bool,
    ) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let extension = Extension {
            name: name.to_owned(),
            external: kind == ExtensionKind::External,
            invoke,
            shutdown,
            waiting: false,
            busy: true,
            events: VecDeque::new(),
            error: None,
        };
        self.change(|state| state.extensions.insert(id.clone(), extension));
        id
    }

    pub(crate) fn extension_name(&self, id: &str) -> Option<String> {
        self.lock().extensions.get(id).map(|extension| extension.name.clone())
    }

    /// The extension asks for an event; none if it never registered.
    pub(crate) async fn next_extension_event(&self, id: &str) -> Option<Value> {
        let known = self.change(|state| {
            state.extensions.get_mut(id).map(|extension| {
                extension.waiting = true;
                extension.busy = false;
            })
        });
        known?;
        let _waiting = LeaveExtension(self, id);
        self.wait(|state| {
            let extension = state.extensions.get_mut(id)?;
            let event = extension.events.pop_front()?;
            extension.busy = true;
            Some(event)
        })
        .await
        .into()
    }

    pub(crate) fn set_extension_error(&self, id: &str, error: FunctionError) {
        self.change(|state| {
            if let Some(extension) = state.extensions.get_mut(id) {
                extension.error = Some(error);
            }
        });
    }

    // The environment's side.

    /// Hands out an event, to the runtime and to the extensions that asked for invokes.
    pub(crate) fn push(&self, work: Work, answer: oneshot::Sender<Answer>, event: &Value) {
        self.change(|state| {
            let id = work.invocation.request_id.clone();
            state.in_flight.insert(id, InFlight { answer: Some(answer) });
            state.queue.push_back(work);
            for extension in state.extensions.values_mut().filter(|extension| extension.invoke) {
                extension.events.push_back(event.clone());
            }
        });
    }

    /// Tells extensions that asked for it that the environment ends.
    pub(crate) fn push_shutdown(&self, event: &Value) {
        self.change(|state| {
            for extension in state.extensions.values_mut().filter(|extension| extension.shutdown) {
                extension.events.push_back(event.clone());
            }
        });
    }

    /// The environment gives up on an invoke: its answer, if it has none yet, is the caller's.
    pub(crate) fn abandon(&self, request_id: &str) -> Option<oneshot::Sender<Answer>> {
        self.change(|state| {
            state.queue.retain(|work| work.invocation.request_id != request_id);
            let answer = state.in_flight.remove(request_id)?.answer;
            state.abandoned.insert(request_id.to_owned());
            answer
        })
    }

    /// Waits until the runtime and every extension ask for work for the first time, or one of them
    /// reports that it can't start.
    pub(crate) async fn initialised(
        &self,
        external_extensions: usize,
    ) -> Result<(), FunctionError> {
        self.wait(|state| {
            if let Some(error) = state.first_error() {
                return Some(Err(error));
            }
            let registered =
                state.extensions.values().filter(|extension| extension.external).count();
            let ready = state.waiting_in_next > 0
                && registered >= external_extensions
                && state.extensions.values().all(|extension| extension.waiting);
            ready.then_some(Ok(()))
        })
        .await
    }

    /// Waits until the invoke is answered to its end; returns the error's type if it failed.
    pub(crate) async fn answered(&self, request_id: &str) -> Option<String> {
        self.wait(|state| state.outcomes.remove(request_id)).await
    }

    /// Waits until nothing is in flight and everybody asks for more, or an extension fails.
    pub(crate) async fn at_rest(&self) -> Result<(), FunctionError> {
        self.wait(|state| {
            if let Some(error) = state.first_error() {
                return Some(Err(error));
            }
            let rest = state.in_flight.is_empty()
                && state.queue.is_empty()
                && state.waiting_in_next > 0
                && state.extensions.values().all(|extension| {
                    extension.waiting && !extension.busy && extension.events.is_empty()
                });
            rest.then_some(Ok(()))
        })
        .await
    }

    /// Whether any extension, or any external one, is registered.
    pub(crate) fn registered(&self) -> (bool, bool) {
        let state = self.lock();
        let external = state.extensions.values().any(|extension| extension.external);
        (!state.extensions.is_empty(), external)
    }
}

impl State {
    fn first_error(&self) -> Option<FunctionError> {
        let extension = || self.extensions.values().find_map(|extension| extension.error.clone());
        self.init_error.clone().or_else(extension)
    }
}

struct Leave<'a>(&'a Exchange);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.waiting_in_next = state.waiting_in_next.saturating_sub(1));
    }
}

struct LeaveExtension<'a>(&'a Exchange, &'a str);

impl Drop for LeaveExtension<'_> {
    fn drop(&mut self) {
        self.0.change(|state| {
            if let Some(extension) = state.extensions.get_mut(self.1) {
                extension.waiting = false;
            }
        });
    }
}
