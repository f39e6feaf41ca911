//! One instance: its store, its limits, and calls into it.
//!
//! An instance that trapped is in an unknown state, so a call that fails this way leaves a sandbox
//! that must be thrown away; [`crate::Predictor`] does.

use wasmtime::{ResourceLimiter, Store};

use crate::bindings::Predictor as Exports;
use crate::bindings::exports::samebits::predictor::model as wit;
use crate::{HostError, PredictorComponent, SandboxLimits};

/// An instance of a component.
pub(crate) struct Sandbox {
    store: Store<State>,
    exports: Exports,
}

/// What a store holds for the host: the limits, and whether one was met.
pub struct State {
    limits: SandboxLimits,
    memory_refused: bool,
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
        match component.pre.instantiate(&mut store) {
            Ok(exports) => Ok(Self { store, exports }),
            Err(error) => Err(stopped(store.data(), &error)),
        }
    }

    pub(crate) fn load(&mut self, files: &[wit::File]) -> Result<(), HostError> {
        let model = self.exports.samebits_predictor_model();
        let answer = model.call_load(&mut self.store, files);
        self.answered(answer)
    }

    pub(crate) fn describe(&mut self) -> Result<wit::Description, HostError> {
        let model = self.exports.samebits_predictor_model();
        let answer = model.call_describe(&mut self.store);
        self.answered(answer)
    }

    pub(crate) fn predict(
        &mut self,
        instances: &[wit::Instance],
    ) -> Result<Vec<Result<wit::Prediction, wit::Error>>, HostError> {
        let model = self.exports.samebits_predictor_model();
        let answer = model.call_predict(&mut self.store, instances);
        self.answered(answer)
    }

    pub(crate) fn infer(&mut self, inputs: &[wit::Tensor]) -> Result<Vec<wit::Tensor>, HostError> {
        let model = self.exports.samebits_predictor_model();
        let answer = model.call_infer(&mut self.store, inputs);
        self.answered(answer)
    }

    fn answered<T>(&self, answer: wasmtime::Result<Result<T, wit::Error>>) -> Result<T, HostError> {
        match answer {
            Ok(answer) => answer.map_err(HostError::from),
            Err(error) => Err(stopped(self.store.data(), &error)),
        }
    }
}

/// What a trap was about. An allocation that fails ends in a trap, too.
fn stopped(state: &State, error: &wasmtime::Error) -> HostError {
    if state.memory_refused {
        return HostError::Memory { limit: state.limits.memory_bytes };
    }
    let message = match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => trap.to_string(),
        None => format!("{error:#}"),
    };
    HostError::Trap { message }
}
