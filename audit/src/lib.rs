//! The audit record: who decided what, on which input, with which bytes, in a chain that shows
//! whether a record was changed or taken out.
//!
//! This crate owns the *format*: the record's keys and their order ([`Decision`]), the chaining
//! ([`Chain`]) and the verification ([`Verifier`]). It writes nowhere, reads no clock, and never
//! sees a value in clear: whoever makes a [`Decision`] has masked its input. `docs/audit.md` is the
//! specification.

mod chain;
mod decision;
mod verify;

pub use chain::{Chain, FORMAT};
pub use decision::{Decision, Fault, Model, Outcome, Predicted};
pub use verify::{Broken, Sealed, Span, Verifier};
