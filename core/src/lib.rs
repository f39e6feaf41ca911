//! The inference core: from an instance to a prediction.
//!
//! ```text
//! package ─► model ─┬─ instance ─┬─► features ─┬─► graph ─► prediction
//!                   │            ├─► image ────┤
//!                   │            └─► text ─────┘
//!                   ├─ nested arrays ──────────► graph ─► nested arrays
//!                   └─ infer ──────────────────► graph
//! ```
//!
//! An ensemble takes this way once for each of its members, and combines what they give.
//!
//! Plain Rust that can be used as a library. It does no I/O, reads no clock, draws no random number
//! and knows nothing of WebAssembly or of any host, so what it answers depends on its input alone.
//! Only [`graph`] and [`operators`] name tract.

mod detection;
mod ensemble;
mod error;
mod features;
pub mod graph;
pub mod image;
mod instance;
mod media;
mod members;
mod model;
mod nested;
pub mod operators;
mod prediction;
mod rows;
mod single;
mod tabular;
mod tensor;
mod text;
mod timestamp;

pub use error::{Error, ErrorKind};
pub use instance::Instance;
pub use model::{Description, Model};
pub use prediction::Prediction;
pub use tensor::{ElementType, Keys, Tensor, TensorType};
