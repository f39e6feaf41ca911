//! Bindings generated from `wit/`, and the exports made of [`Component`]. They pass raw memory across the border, which needs `unsafe`.
#![allow(
    unsafe_code,
    missing_docs,
    unsafe_op_in_unsafe_fn,
    unused_qualifications,
    clippy::all,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "../wit",
    world: "component",
});

use crate::Component;

export!(Component with_types_in crate::bindings);
