//! The engine and its settings: what the component may use, and how it is compiled.
//!
//! Every host has the same settings, so that a file that one of them compiled can be mapped by
//! another. A setting that changes an answer's bits has no place here.

use wasmtime::Config;

use crate::HostError;

/// The stack that the component's code may take, in bytes. A thread that calls into the component
/// needs more than this; the threads of Rust's standard library have 2 MiB.
const STACK_BYTES: usize = 1 << 20;

/// An engine: compiles, maps and runs components. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) wasmtime: wasmtime::Engine,
}

impl Engine {
    /// An engine for this machine.
    ///
    /// # Errors
    /// If the processor lacks what the settings ask for.
    pub fn new() -> Result<Self, HostError> {
        let mut config = Config::new();
        config
            .wasm_simd(true)
            // Results of relaxed instructions differ by processor.
            .wasm_relaxed_simd(false)
            .max_wasm_stack(STACK_BYTES)
            // The component has no names that a trace could show.
            .generate_address_map(false);
        let wasmtime = wasmtime::Engine::new(&config).map_err(|error| HostError::Engine {
            message: format!("the engine can't be set up on this machine: {error:#}"),
        })?;
        Ok(Self { wasmtime })
    }

    /// Compiles the bytes of a component for this machine. Takes seconds.
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

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
