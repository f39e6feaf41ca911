//! Tests of the inference core through its public interface.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod features;
mod fraud;
mod gather;
mod graph_rejections;
mod infer;
mod instance;
mod model;
mod mutation;
mod pillow;
mod support;
mod text;
mod tree_attributes;
mod tree_ensemble;
mod vision;
