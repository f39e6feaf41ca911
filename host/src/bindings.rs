//! Host-side bindings generated from `wit/`: the types of the interface, and calls into an instance.
#![allow(
    missing_docs,
    unused_qualifications,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "generated code"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "predictor",
    additional_derives: [PartialEq, Clone],
});

/// What baking calls.
#[cfg(feature = "compiler")]
pub(crate) mod arrangeable {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "arrangeable",
    });
}
