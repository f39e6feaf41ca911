//! Signatures of model packages in the browser: the same crate and the same rules as on native hosts.
//!
//! Who is trusted is the visitor's to say, by a public key, root certificates or a policy. The digests
//! are those of the files as they were checked when the package was read.

use std::collections::BTreeMap;

use js_sys::{Error, Reflect};
use model_package::Digest;
use model_signing::{Signer, TrustError, TrustPolicy};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Who signed a package.
#[wasm_bindgen(getter_with_clone)]
pub struct Trusted {
    /// The key or the certificate's names; absent if the policy takes the model unsigned.
    pub signer: Option<String>,
    /// Such as `ECDSA P-256`.
    pub algorithm: Option<String>,
    /// How many files the signature covers.
    pub files: usize,
}

/// Checks a signature. `policy` is PEM text or a trust policy; `digests` has the path and digest of
/// each file, one after the other.
///
/// # Errors
/// Why the policy is none, or the first reason not to trust.
#[wasm_bindgen]
pub fn check(
    policy: &str,
    signature: Option<Vec<u8>>,
    model: String,
    digests: Vec<String>,
) -> Result<Trusted, JsValue> {
    let policy = TrustPolicy::parse(policy)
        .map_err(|error| problem("invalid-policy", &error.to_string(), None))?;
    let files = files(&digests)
        .ok_or_else(|| problem("internal", "expected a path and a digest of each file", None))?;
    let trusted = policy.check(signature.as_deref(), &files, || Ok::<_, TrustError>(model));
    let trusted =
        trusted.map_err(|error| problem(error.code(), &error.to_string(), error.file()))?;
    let (signer, algorithm) = match trusted.signer() {
        None => (None, None),
        Some(Signer::Key { hint, algorithm }) => {
            (Some(format!("the key {hint}")), Some(*algorithm))
        }
        Some(Signer::Certificate { names, algorithm }) => {
            (Some(names.join(", ")), Some(*algorithm))
        }
        Some(other) => (Some(other.to_string()), None),
    };
    Ok(Trusted { signer, algorithm: algorithm.map(Into::into), files: trusted.files() })
}

fn files(digests: &[String]) -> Option<BTreeMap<String, Digest>> {
    let (pairs, rest) = digests.as_chunks::<2>();
    let parsed = pairs.iter().map(|[path, digest]| Some((path.clone(), digest.parse().ok()?)));
    parsed.collect::<Option<_>>().filter(|_| rest.is_empty())
}

/// An `Error` with a stable code, and the file at fault.
fn problem(code: &str, message: &str, file: Option<&str>) -> JsValue {
    let error = Error::new(message);
    for (key, text) in [("code", Some(code)), ("file", file)] {
        if let Some(text) = text {
            // Setting a property of a fresh object can't fail.
            let _ = Reflect::set(&error, &key.into(), &text.into());
        }
    }
    error.into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn paths_and_digests_come_in_pairs() {
        let digest = Digest::of(b"x").to_string();
        let found = files(&["a".into(), digest.clone()]).unwrap();
        assert_eq!(found.get("a").unwrap().to_string(), digest);
        assert!(files(&["a".into()]).is_none());
        assert!(files(&["a".into(), "sha256:00".into()]).is_none());
        assert!(files(&[]).unwrap().is_empty());
    }
}
