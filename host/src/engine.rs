//! The engine and its settings: what the component may use, and how it is compiled.
//!
//! Every host has the same settings, so that a file that one of them compiled can be mapped by
//! another. A setting that changes an answer's bits has no place here.

use std::time::Duration;

use wasmtime::{Config, Enabled, PoolingAllocationConfig};

use crate::{HostError, SandboxLimits};

/// The stack that the component's code may take, in bytes. A thread that calls into the component
/// needs more than this; the threads of Rust's standard library have 2 MiB.
const STACK_BYTES: usize = 1 << 20;

/// The version that compiled code is for, pinned in `Cargo.toml`.
pub const WASMTIME: &str = "48.0.8";

/// How often an interruptible engine looks at the time.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Whether running code can be stopped from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interruption {
    /// It can't, and need not: work is bounded by the number of operations, which is known before
    /// a call.
    #[default]
    None,
    /// It stops at a deadline. Code compiled this way looks at a counter in every loop, which costs
    /// a fifth of its speed.
    Deadline,
}

/// An engine: compiles, maps and runs components. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) wasmtime: wasmtime::Engine,
    pub(crate) interruption: Interruption,
}

impl Engine {
    /// An engine for this machine.
    ///
    /// # Errors
    /// If the processor lacks what the settings ask for.
    pub fn new(interruption: Interruption) -> Result<Self, HostError> {
        let config = config(interruption);
        let with_slots = slots().and_then(|slots| {
            let mut config = config.clone();
            config.allocation_strategy(slots);
            Self::configured(interruption, &config).ok()
        });
        // Where so much of the address space can't be had, each sandbox maps its own.
        let engine = with_slots.map_or_else(|| Self::configured(interruption, &config), Ok)?;
        if interruption == Interruption::Deadline {
            tick(&engine.wasmtime)?;
        }
        Ok(engine)
    }

    /// An engine that compiles for another machine, or for the least machine of a kind.
    #[cfg(feature = "compiler")]
    pub(crate) fn for_target(
        interruption: Interruption,
        target: &crate::Target,
    ) -> Result<Self, HostError> {
        let mut config = config(interruption);
        config.target(target.triple()).map_err(|error| HostError::Engine {
            message: format!("{} is no target: {error:#}", target.triple()),
        })?;
        for flag in target.flags() {
            enable(&mut config, flag);
        }
        Self::configured(interruption, &config)
    }

    fn configured(interruption: Interruption, config: &Config) -> Result<Self, HostError> {
        let wasmtime = wasmtime::Engine::new(config).map_err(|error| HostError::Engine {
            message: format!("the engine can't be set up on this machine: {error:#}"),
        })?;
        Ok(Self { wasmtime, interruption })
    }

    /// Whether its code can be stopped.
    #[must_use]
    pub fn interruption(&self) -> Interruption {
        self.interruption
    }

    /// Compiles the bytes of a component. Takes seconds.
    #[cfg(feature = "compiler")]
    pub(crate) fn compile(&self, component: &[u8]) -> Result<Vec<u8>, HostError> {
        self.wasmtime.precompile_component(component).map_err(|error| HostError::Engine {
            message: format!("the component can't be compiled: {error:#}"),
        })
    }

    /// Names everything that compiled code depends on but the component: wasmtime's version, the
    /// settings, the target and its processor features.
    #[cfg(feature = "compiler")]
    pub(crate) fn fingerprint(&self) -> String {
        use std::hash::{Hash, Hasher};

        // The standard library's hasher may change from one release to the next; this one not.
        let mut hasher = xxhash_rust::xxh3::Xxh3Default::new();
        self.wasmtime.precompile_compatibility_hash().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

fn config(interruption: Interruption) -> Config {
    let mut config = Config::new();
    config
        .wasm_simd(true)
        // Results of relaxed instructions differ by processor.
        .wasm_relaxed_simd(false)
        .max_wasm_stack(STACK_BYTES)
        // A baked model is mapped from its file, however much of its memory is empty.
        .memory_guaranteed_dense_image_size(u64::MAX)
        .epoch_interruption(interruption == Interruption::Deadline)
        // The component has no names that a trace could show.
        .generate_address_map(false)
        // Nothing outside of wasmtime unwinds through the component.
        .native_unwind_info(false);
    config
}

/// Slots for sandboxes, used again and again: the pages that a sandbox wrote get their first bytes back, and
/// all others stay mapped, so that the next one meets hardly a page fault. That takes a kernel that tells
/// which pages were written (Linux 6.7); without it, a new mapping for each sandbox is faster.
fn slots() -> Option<PoolingAllocationConfig> {
    /// More than threads that work at the same time. A slot that was never used takes nothing but
    /// addresses.
    const SLOTS: u32 = 1000;
    /// Written bytes that a slot gets back one by one; what goes beyond is given back to the system.
    const KEPT: usize = 16 << 20;
    /// Bytes of what wasmtime keeps for an instance: pointers to the functions that it may be asked for.
    const INSTANCE_BYTES: usize = 8 << 20;
    if !PoolingAllocationConfig::is_pagemap_scan_available() {
        return None;
    }
    let mut slots = PoolingAllocationConfig::new();
    slots
        .pagemap_scan(Enabled::Yes)
        .linear_memory_keep_resident(KEPT)
        .table_keep_resident(KEPT)
        .max_memory_size(1 << 32)
        .table_elements(SandboxLimits::DEFAULT.table_elements)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_component_instance_size(INSTANCE_BYTES)
        .total_component_instances(SLOTS)
        .total_core_instances(SLOTS)
        .total_memories(SLOTS)
        .total_tables(SLOTS);
    Some(slots)
}

/// Allows compiled code to use instructions of this name.
#[cfg(feature = "compiler")]
#[expect(unsafe_code, reason = "cranelift trusts the caller to know its flags")]
fn enable(config: &mut Config, flag: &str) {
    // SAFETY: the flags name processor features only; before it runs code, wasmtime checks that the
    // machine has each of them.
    unsafe { config.cranelift_flag_enable(flag) };
}

/// Counts the time that deadlines are measured in, as long as the engine lives.
fn tick(engine: &wasmtime::Engine) -> Result<(), HostError> {
    let engine = engine.weak();
    let count = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    let started = std::thread::Builder::new().name("deadlines".into()).spawn(count);
    started.map(drop).map_err(|error| HostError::Engine {
        message: format!("no thread for deadlines can be started: {error}"),
    })
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("interruption", &self.interruption).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "compiler"))]
mod tests {
    #[test]
    fn the_version_is_the_pinned_one() {
        let pinned = format!("wasmtime = {{ version = \"={}\"", super::WASMTIME);
        assert!(include_str!("../../Cargo.toml").contains(&pinned), "{pinned}");
    }
}
