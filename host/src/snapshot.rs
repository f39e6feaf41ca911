//! Loads a model so that a snapshot of the instance is small, and reads the instance's memory and globals
//! for wizer, through the accessors that it added to the component.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime::{Result, Store};
use wasmtime_wizer::{ComponentContext, ComponentInstanceState, Wizer};

use crate::bindings::arrangeable::Arrangeable;
use crate::bindings::exports::samebits::predictor::model as wit;
use crate::sandbox::{Sandbox, State};
use crate::{HostError, PredictorComponent, SandboxLimits};

/// An instance with a model, and how much of its memory is in use.
pub(crate) struct Loaded {
    pub(crate) sandbox: Sandbox,
    /// Bytes from the start of memory. What lies behind them is free.
    memory: u64,
}

impl Loaded {
    /// Loads a package twice: once to see what stays in memory, and then into an instance that has it in
    /// one place. Which that is depends on component and package alone.
    pub(crate) fn new(
        component: &PredictorComponent,
        files: &[wit::File],
        limits: SandboxLimits,
    ) -> Result<Self, HostError> {
        let mut first = Sandbox::new(component, limits)?;
        first.arrange(|layout, store| layout.samebits_predictor_layout().call_observe(store))?;
        first.load(files)?;
        let stayed = |layout: &Arrangeable, store: &mut Store<State>| {
            layout.samebits_predictor_layout().call_stayed(store)
        };
        let stayed = first.arrange(stayed)?;
        drop(first);

        let mut sandbox = Sandbox::new(component, limits)?;
        if let Some((bytes, allocations)) = &stayed {
            sandbox.arrange(|layout, mut store| {
                let layout = layout.samebits_predictor_layout();
                layout.call_arrange(&mut store, *bytes)?;
                layout.call_place(&mut store, allocations)
            })?;
        }
        sandbox.load(files)?;
        let settle = |layout: &Arrangeable, store: &mut Store<State>| {
            layout.samebits_predictor_layout().call_settle(store)
        };
        let memory = sandbox.arrange(settle)?;
        Ok(Self { sandbox, memory })
    }
}

/// Makes a component of what an instance has become.
pub(crate) fn take(
    loaded: &mut Loaded,
    wizer: &Wizer,
    context: &ComponentContext<'_>,
) -> Result<Vec<u8>> {
    let (store, instance) = loaded.sandbox.parts();
    // An accessor gives a whole memory at once, and wasmtime bounds what a call gives back, by default to
    // less than a large model takes. Here the instance's memory is the bound.
    let memory = store.data().memory_bytes();
    store.set_hostcall_fuel(memory);
    let used = usize::try_from(loaded.memory).unwrap_or(usize::MAX);
    let mut reader = Reader { store, instance, used, failed: None };
    let bytes = {
        // Nothing in it waits: every call below returns before the first poll does.
        let mut snapshot = pin!(wizer.snapshot_component(context, &mut reader));
        match snapshot.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(bytes) => bytes,
            Poll::Pending => wasmtime::bail!("the snapshot waits for something"),
        }
    };
    match reader.failed {
        Some(error) => Err(error),
        None => bytes,
    }
}

/// An instance whose state is read. The trait has no way to fail, so the first failure is kept.
struct Reader<'a> {
    store: &'a mut Store<State>,
    instance: Instance,
    /// Bytes of memory in use.
    used: usize,
    failed: Option<wasmtime::Error>,
}

impl Reader<'_> {
    fn call<R: Lift + 'static>(&mut self, interface: &str, function: &str) -> Option<R> {
        match self.try_call(interface, function) {
            Ok(value) => Some(value),
            Err(error) => {
                self.failed.get_or_insert(error);
                None
            }
        }
    }

    fn try_call<R: Lift + 'static>(&mut self, interface: &str, function: &str) -> Result<R> {
        let missing = || wasmtime::format_err!("no accessor {interface} {function}");
        let (_, interface) =
            self.instance.get_export(&mut *self.store, None, interface).ok_or_else(missing)?;
        let (_, function) = self
            .instance
            .get_export(&mut *self.store, Some(&interface), function)
            .ok_or_else(missing)?;
        let function = self.instance.get_typed_func::<(), (R,)>(&mut *self.store, function)?;
        Ok(function.call(&mut *self.store, ())?.0)
    }
}

impl ComponentInstanceState for Reader<'_> {
    async fn call_func_ret_list_u8(
        &mut self,
        interface: &str,
        function: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        match self.call::<WasmList<u8>>(interface, function) {
            Some(list) => {
                let memory = list.as_le_slice(&*self.store);
                match memory.split_at_checked(self.used) {
                    Some((used, free)) if free.iter().all(|byte| *byte == 0) => contents(used),
                    _ => contents(memory),
                }
            }
            None => contents(&[]),
        }
    }

    async fn call_func_ret_s32(&mut self, interface: &str, function: &str) -> i32 {
        self.call(interface, function).unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, interface: &str, function: &str) -> i64 {
        self.call(interface, function).unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, interface: &str, function: &str) -> u32 {
        self.call::<f32>(interface, function).unwrap_or_default().to_bits()
    }

    async fn call_func_ret_f64(&mut self, interface: &str, function: &str) -> u64 {
        self.call::<f64>(interface, function).unwrap_or_default().to_bits()
    }
}
