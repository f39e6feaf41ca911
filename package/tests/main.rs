//! Tests of the package format through its public interface.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

#[cfg(feature = "fs")]
mod archive;
#[cfg(feature = "fs")]
mod directory;
mod ensemble;
mod example;
mod manifest;
mod media;
mod outputs;
mod package;
mod strict_json;
