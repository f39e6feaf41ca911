//! Runs the component in wasmtime: what every native host shares.
//!
//! ```text
//! component bytes ─ cache ─► compiled file ─► PredictorComponent ─┐
//! package files ──────────────────────────────────────────────────┴─► Predictor ─► outcomes
//! ```
//!
//! A host is an adapter: it finds a component and a package, calls a [`Predictor`], and turns
//! outcomes and [`HostError`]s into its own form. This crate is the only one that names wasmtime.
//! It reads no environment and no clock, and has no compiler unless the feature `compiler` asks for
//! it.

mod bindings;
#[cfg(feature = "compiler")]
mod cache;
mod compiled;
mod component;
mod engine;
mod error;
mod limits;
mod predictor;
pub mod reference;
mod request;
mod sandbox;

pub use bindings::exports::samebits::predictor::model::{
    Description, ElementType, Instance, Keys, Prediction, Problem, Tensor, TensorType,
};
#[cfg(feature = "compiler")]
pub use cache::Cache;
pub use component::{Names, PredictorComponent};
pub use engine::Engine;
pub use error::{Class, HostError};
pub use limits::SandboxLimits;
pub use predictor::{Outcome, Predictor};
pub use request::{Provenance, Request};
