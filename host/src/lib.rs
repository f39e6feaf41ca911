//! Runs the component in wasmtime: what every native host shares.
//!
//! ```text
//! component bytes ─ cache ─► compiled file ─► PredictorComponent ─┐
//! package files ──────────────────────────────────────────────────┼─► Predictor ─► outcomes
//! both ─ bake ─► baked model ─────────────────────────────────────┘
//! ```
//!
//! A host is an adapter: it finds a component and a package, calls a [`Predictor`], and turns
//! outcomes and [`HostError`]s into its own form. This crate is the only one that names wasmtime.
//! It reads no environment and no clock, and has no compiler unless the feature `compiler` asks for
//! it.

mod ahead;
mod background;
#[cfg(feature = "compiler")]
mod bake;
mod baked;
mod bindings;
#[cfg(feature = "compiler")]
mod cache;
mod compiled;
mod component;
pub mod element;
mod engine;
pub mod envelope;
mod error;
mod heap;
mod limits;
mod pool;
mod predictor;
mod recorded;
pub mod reference;
mod request;
mod sandbox;
#[cfg(feature = "compiler")]
mod snapshot;
mod spread;
mod target;
mod trust;

pub use background::Background;
#[cfg(feature = "compiler")]
pub use bake::{Bake, Step};
pub use baked::{Baked, Record, TargetCode};
pub use bindings::exports::samebits::predictor::model::{
    Description, ElementType, Instance, Keys, Prediction, Problem, Tensor, TensorType,
};
#[cfg(feature = "compiler")]
pub use cache::Cache;
pub use component::{Names, PredictorComponent};
pub use engine::{Engine, Interruption, WASMTIME};
pub use error::{Class, HostError};
pub use heap::keep_freed_memory;
pub use limits::SandboxLimits;
pub use pool::Policy;
pub use predictor::{Outcome, Predictor};
pub use recorded::recorded;
pub use request::{Provenance, Request};
pub use target::Target;
pub use trust::check_package;
