//! Tests of the inference core through its public interface.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod batches;
mod columns;
mod empty;
mod ensemble;
mod exports;
mod features;
mod fraud;
mod gather;
mod graph_rejections;
mod infer;
mod instance;
mod ml_attributes;
mod model;
mod mutation;
mod narrow_types;
mod nested;
mod operators;
mod pillow;
mod plans;
mod ports;
mod quantized;
mod robustness;
mod sequences;
mod stepwise;
mod support;
mod text;
mod tree_attributes;
mod tree_ensemble;
mod vision;
mod work;
