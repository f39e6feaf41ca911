//! Model packages in S3 that can be trusted.
//!
//! ```text
//! s3://bucket/prefix/fraud@champion ─ alias, signed ─► package digest ─► files, by their digests ─► cache
//! s3://bucket/prefix/fraud@1.4.0 ──── version ────────────┘
//! ```
//!
//! This crate owns how a reference to a model is written ([`Reference`]), where things lie in a bucket
//! ([`layout`]), what an alias says ([`Alias`]), and the way of a package from a folder into a bucket and
//! from there into a folder again ([`Store`], [`Cache`]), or into memory where it is encrypted. Nothing is parsed whose signature was not
//! checked, and nothing is handed out whose digest was not. It loads and runs nothing.
//! `docs/store.md` is the specification.

mod alias;
mod cache;
mod canary;
mod cipher;
mod download;
mod encryption;
mod error;
pub mod layout;
mod reference;
mod sealed;
mod share;
mod store;
mod upload;

pub use alias::{Alias, AliasDocument, Pin, moment, now, text_of};
pub use cache::{Cache, Kind};
pub use canary::{Canary, CanaryLimits, LATEST_DECISIONS, Step};
pub use download::Progress;
pub use error::StoreError;
pub use reference::{ModelRef, Place, Reference, ReferenceError, Which};
pub use share::{Share, chosen};
pub use store::{Fetched, FetchedBaked, Held, Store};
pub use upload::{Sealing, Sent, Upload};
