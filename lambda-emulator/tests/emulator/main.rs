//! Everything the emulator claims, seen with real processes: Rust's `lambda_runtime`, Python's
//! `awslambdaric`, scripts, `curl`-like clients and moto's server.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod doors;
mod life;
mod package;
mod runtimes;
mod second_opinion;
mod sources;
mod support;
