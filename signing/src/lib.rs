//! Signatures of model packages, and the policy that says whose to trust.
//!
//! ```text
//! digests of files ─► Statement ─► Envelope, signed by a PrivateKey ─► model.sig
//! model.sig, TrustPolicy, digests of the files as read ─► Trusted, or a TrustError
//! ```
//!
//! The form is that of OpenSSF model signing, version 1.0 of its predicate: a sigstore bundle
//! (v0.3, JSON) with a DSSE envelope over an in-toto statement that lists the sha256 digest of every
//! file. What the `model_signing` tool signs with a key or a certificate is checked here, and the
//! other way round. `docs/trust.md` says it for people.
//!
//! This crate reads no clock and no random numbers, and opens only the files that a caller names.
//! Hosts use it; the component never does.

mod certificate;
mod envelope;
mod error;
mod key;
mod pem;
mod policy;
mod sign;
mod statement;

pub use certificate::{Certificates, Roots};
pub use error::{KeyError, PolicyError, SignatureError, TrustError};
pub use key::{PrivateKey, PublicKey};
pub use policy::{Signer, TrustPolicy, Trusted};
pub use sign::{Identity, sign, sign_document};
pub use statement::Statement;

/// The largest signature that is read, in bytes: the statement of a package is far smaller.
pub const SIGNATURE_BYTES: u64 = 1 << 20;
