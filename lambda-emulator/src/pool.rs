//! All environments of the function: an invoke goes to a free one, or to a new one while the
//! concurrency limit allows it, or is throttled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

use crate::environment::Environment;
use crate::instance::Context;
use crate::invocation::{Invocation, InvokeError, Reply};
use crate::variables::InitializationType;

/// An environment whose invoke is answered is about to ask for more; for so long an invoke waits
/// for it before a new environment is made.
const COMING_TO_REST: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Pool {
    context: Arc<Context>,
    limit: usize,
    state: Mutex<State>,
    changed: Notify,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// Least recently used first.
    slots: Vec<Slot>,
    closed: bool,
}

#[derive(Debug)]
struct Slot {
    environment: Arc<Environment>,
    in_flight: usize,
    /// Of those in flight, how many have their answer.
    answered: usize,
}

/// What an invoke can have now.
enum Place {
    Free(Arc<Environment>),
    Soon,
    New,
    None,
}

impl Pool {
    pub(crate) fn new(context: Context, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            context: Arc::new(context),
            limit,
            state: Mutex::default(),
            changed: Notify::new(),
            tasks: Mutex::default(),
        })
    }

    /// Initialises environments beforehand, side by side.
    pub(crate) async fn provision(&self, count: usize) -> Result<(), String> {
        let environments: Vec<_> = (0..count)
            .map(|_| {
                let kind = InitializationType::ProvisionedConcurrency;
                Arc::new(Environment::new(&self.context, kind))
            })
            .collect();
        let starts = environments.iter().map(|environment| environment.provision());
        futures_util::future::try_join_all(starts).await?;
        let slots = environments.into_iter().map(Slot::new);
        self.lock().slots.extend(slots);
        Ok(())
    }

    /// Invokes now, or is throttled.
    pub(crate) async fn invoke(
        self: &Arc<Self>,
        invocation: Invocation,
    ) -> Result<Reply, InvokeError> {
        let place = self.take(false).await?;
        self.run(place, invocation).await
    }

    /// Invokes as soon as an environment is free, as queues do.
    pub(crate) async fn invoke_when_free(
        self: &Arc<Self>,
        invocation: Invocation,
    ) -> Result<Reply, InvokeError> {
        let place = self.take(true).await?;
        self.run(place, invocation).await
    }

    async fn run(
        self: &Arc<Self>,
        environment: Arc<Environment>,
        invocation: Invocation,
    ) -> Result<Reply, InvokeError> {
        let invocation = Arc::new(invocation);
        let request_id = invocation.request_id.clone();
        let (answer_sender, answer) = oneshot::channel();
        let (finish, finished) = oneshot::channel();
        let pool = Arc::clone(self);
        self.spawn(async move {
            let answered = || pool.change(&environment, |slot| slot.answered += 1);
            let end = environment.invoke(invocation, answer_sender, answered).await;
            pool.change(&environment, |slot| {
                slot.in_flight = slot.in_flight.saturating_sub(1);
                slot.answered = slot.answered.min(slot.in_flight);
            });
            // Most callers don't ask.
            finish.send(end).ok();
        });
        match answer.await {
            Ok(answer) => Ok(Reply { request_id, answer, finished }),
            Err(_) => Err(InvokeError::Closed),
        }
    }

    async fn take(&self, patient: bool) -> Result<Arc<Environment>, InvokeError> {
        let soon = tokio::time::Instant::now() + COMING_TO_REST;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let place = {
                let mut state = self.lock();
                if state.closed {
                    return Err(InvokeError::Closed);
                }
                let hurry = tokio::time::Instant::now() >= soon;
                let place = state.place(
                    self.context.function.concurrency_per_environment(),
                    self.limit,
                    hurry,
                );
                if matches!(place, Place::New) {
                    let kind = if self.context.function.is_multi_concurrent() {
                        InitializationType::LambdaManagedInstances
                    } else {
                        InitializationType::OnDemand
                    };
                    let environment = Arc::new(Environment::new(&self.context, kind));
                    state.slots.push(Slot { in_flight: 1, ..Slot::new(Arc::clone(&environment)) });
                    return Ok(environment);
                }
                place
            };
            match place {
                Place::Free(environment) => return Ok(environment),
                Place::Soon => {
                    // Whether it came to rest or not is seen in the next round.
                    tokio::time::timeout_at(soon, changed).await.ok();
                }
                Place::None if patient => changed.await,
                Place::None | Place::New => {
                    return Err(InvokeError::Throttled { limit: self.limit });
                }
            }
        }
    }

    /// Ends all environments, gracefully where extensions are registered.
    pub(crate) async fn shut_down(&self) {
        let environments: Vec<_> = {
            let mut state = self.lock();
            state.closed = true;
            state.slots.drain(..).map(|slot| slot.environment).collect()
        };
        self.changed.notify_waiters();
        self.abort();
        futures_util::future::join_all(environments.iter().map(|it| it.shut_down())).await;
    }

    /// Drops every running invoke; their processes go with the last owner of the environment.
    pub(crate) fn abort(&self) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// Ends without grace.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.slots.clear();
        drop(state);
        self.abort();
        self.changed.notify_waiters();
    }

    /// Runs something that ends with the pool.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    pub(crate) fn environments(&self) -> usize {
        self.lock().slots.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, environment: &Arc<Environment>, change: impl FnOnce(&mut Slot)) {
        let mut state = self.lock();
        if let Some(slot) =
            state.slots.iter_mut().find(|slot| Arc::ptr_eq(&slot.environment, environment))
        {
            change(slot);
        }
        drop(state);
        self.changed.notify_waiters();
    }
}

impl State {
    fn place(&mut self, per_environment: usize, limit: usize, hurry: bool) -> Place {
        // The most recently used one: it is the warmest, and the others can grow old.
        if let Some(index) = self.slots.iter().rposition(|slot| slot.in_flight < per_environment) {
            let mut slot = self.slots.remove(index);
            slot.in_flight += 1;
            let environment = Arc::clone(&slot.environment);
            self.slots.push(slot);
            return Place::Free(environment);
        }
        let coming = self.slots.iter().any(|slot| slot.answered > 0);
        match (coming, self.slots.len() < limit) {
            (true, _) if !hurry => Place::Soon,
            (_, true) => Place::New,
            (_, false) => Place::None,
        }
    }
}

impl Slot {
    fn new(environment: Arc<Environment>) -> Self {
        Self { environment, in_flight: 0, answered: 0 }
    }
}
