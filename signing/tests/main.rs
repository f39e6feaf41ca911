//! Signatures through the public interface: what is accepted, and each way to be refused.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod certificates;
mod keys;
mod policies;
mod signatures;

use std::collections::BTreeMap;

use model_package::Digest;
use model_signing::{Identity, PrivateKey, Statement, TrustError, TrustPolicy, Trusted, sign};

/// A key or certificate of the tests.
fn pem(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn key(name: &str) -> PrivateKey {
    PrivateKey::from_pem(&pem(name)).unwrap()
}

/// The public half of a key, in PEM.
fn public(name: &str) -> String {
    key(name).public().to_pem()
}

fn files() -> BTreeMap<String, Digest> {
    [("manifest.json", "{}"), ("a/b.bin", "b"), ("a.txt", "a")]
        .map(|(path, content)| (path.to_owned(), Digest::of(content.as_bytes())))
        .into()
}

fn statement() -> Statement {
    Statement::new("fraud".into(), files(), vec!["model.sig".into()])
}

fn signed_by(name: &str) -> Vec<u8> {
    sign(&statement(), &key(name), &Identity::Key).unwrap()
}

/// Asks a policy about the files, as a model called fraud.
fn check(policy: &TrustPolicy, signature: Option<&[u8]>) -> Result<Trusted, TrustError> {
    policy.check(signature, &files(), || Ok("fraud".into()))
}
