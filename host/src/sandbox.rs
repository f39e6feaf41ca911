//! One instance: its store, its limits, and calls into it.
//!
//! An instance that trapped is in an unknown state, so a call that fails this way leaves a sandbox
//! that must be thrown away; [`crate::Predictor`] does.

use wasmtime::component::Instance;
use wasmtime::{ResourceLimiter, Store};

use crate::bindings::Predictor as Exports;
#[cfg(feature = "compiler")]
use crate::bindings::arrangeable::Arrangeable;
use crate::bindings::exports::samebits::predictor::model as wit;
use crate::engine::TICK;
use crate::{HostError, Interruption, PredictorComponent, SandboxLimits};

/// An instance of a component.
pub(crate) struct Sandbox {
    store: Store<State>,
    #[cfg_attr(not(feature = "compiler"), expect(dead_code, reason = "only snapshots need it"))]
    instance: Instance,
    exports: Exports,
    interruption: Interruption,
}

/// What a store holds for the host: the limits, and whether one was met.
pub struct State {
    limits: SandboxLimits,
    memory_refused: bool,
}

impl State {
    /// The most bytes that the instance's memory may have.
    #[cfg(feature = "compiler")]
    pub(crate) fn memory_bytes(&self) -> usize {
        self.limits.memory_bytes
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= self.limits.memory_bytes;
        self.memory_refused |= !granted;
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= self.limits.table_elements)
    }
}

impl Sandbox {
    /// A new instance, without a model.
    pub(crate) fn new(
        component: &PredictorComponent,
        limits: SandboxLimits,
    ) -> Result<Self, HostError> {
        let state = State { limits, memory_refused: false };
        let mut store = Store::new(&component.engine.wasmtime, state);
        store.limiter(|state| state);
        let interruption = component.engine.interruption();
        arm(&mut store, interruption);
        let instance = component.pre.instantiate(&mut store);
        let loaded = instance
            .and_then(|instance| Ok((instance, component.exports.load(&mut store, &instance)?)));
        match loaded {
            Ok((instance, exports)) => Ok(Self { store, instance, exports, interruption }),
            Err(error) => Err(stopped(store.data(), &error)),
        }
    }

    /// Loads a package.
    pub(crate) fn load(&mut self, files: &[wit::File]) -> Result<(), HostError> {
        self.call(|exports, store| exports.samebits_predictor_model().call_load(store, files))
    }

    /// Sets the limits of the calls that follow. Needs a model.
    pub(crate) fn restrict(&mut self, operations: Option<u64>) -> Result<(), HostError> {
        let limits = wit::Limits { operations };
        self.call(|exports, store| exports.samebits_predictor_model().call_restrict(store, limits))
    }

    pub(crate) fn describe(&mut self) -> Result<wit::Description, HostError> {
        self.call(|exports, store| exports.samebits_predictor_model().call_describe(store))
    }

    pub(crate) fn predict(
        &mut self,
        instances: &[wit::Instance],
    ) -> Result<Vec<Result<wit::Prediction, wit::Error>>, HostError> {
        let model = |exports: &Exports, store: &mut Store<State>| {
            exports.samebits_predictor_model().call_predict(store, instances)
        };
        self.call(model)
    }

    pub(crate) fn infer(&mut self, inputs: &[wit::Tensor]) -> Result<Vec<wit::Tensor>, HostError> {
        self.call(|exports, store| exports.samebits_predictor_model().call_infer(store, inputs))
    }

    /// Asks the instance about its memory, or how to use it.
    #[cfg(feature = "compiler")]
    pub(crate) fn arrange<T>(
        &mut self,
        run: impl FnOnce(&Arrangeable, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<T, HostError> {
        arm(&mut self.store, self.interruption);
        let answer = Arrangeable::new(&mut self.store, &self.instance)
            .and_then(|layout| run(&layout, &mut self.store));
        answer.map_err(|error| stopped(self.store.data(), &error))
    }

    /// What a snapshot is taken of.
    #[cfg(feature = "compiler")]
    pub(crate) fn parts(&mut self) -> (&mut Store<State>, Instance) {
        (&mut self.store, self.instance)
    }

    fn call<T>(
        &mut self,
        run: impl FnOnce(&Exports, &mut Store<State>) -> wasmtime::Result<Result<T, wit::Error>>,
    ) -> Result<T, HostError> {
        arm(&mut self.store, self.interruption);
        match run(&self.exports, &mut self.store) {
            Ok(answer) => answer.map_err(HostError::from),
            Err(error) => Err(stopped(self.store.data(), &error)),
        }
    }
}

/// Starts the time of a call.
fn arm(store: &mut Store<State>, interruption: Interruption) {
    if interruption == Interruption::Deadline {
        let ticks = store.data().limits.deadline.as_millis() / TICK.as_millis();
        // The tick that is under way does not count.
        store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX - 1).saturating_add(1));
    }
}

/// What a trap was about. An allocation that fails ends in a trap, too.
fn stopped(state: &State, error: &wasmtime::Error) -> HostError {
    if state.memory_refused {
        return HostError::Memory { limit: state.limits.memory_bytes };
    }
    if error.downcast_ref() == Some(&wasmtime::Trap::Interrupt) {
        return HostError::Deadline { limit: state.limits.deadline };
    }
    let message = match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string(),
        None => format!("{error:#}"),
    };
    HostError::Trap { message }
}
