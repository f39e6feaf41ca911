//! Signing a statement, or another document.

use crate::envelope::{Envelope, Material, STATEMENT, message};
use crate::{Certificates, KeyError, PrivateKey, Statement};

/// What a verifier is to check a signature with.
#[derive(Debug)]
pub enum Identity {
    /// The public key, which the verifier has.
    Key,
    /// Certificates: the signer's first, then those that lead to a root.
    Certificates(Certificates),
}

/// Signs a statement: the bytes of `model.sig`. The same statement and key give the same bytes.
///
/// # Errors
/// If the certificate is for another key.
pub fn sign(
    statement: &Statement,
    key: &PrivateKey,
    identity: &Identity,
) -> Result<Vec<u8>, KeyError> {
    sign_document(STATEMENT, statement.to_json(), key, identity)
}

/// Signs a document of another type, such as a store's alias: the same envelope, with the document as
/// its payload. [`crate::TrustPolicy::open`] is the other way round.
///
/// # Errors
/// If the certificate is for another key.
pub fn sign_document(
    payload_type: &'static str,
    payload: Vec<u8>,
    key: &PrivateKey,
    identity: &Identity,
) -> Result<Vec<u8>, KeyError> {
    let material = match identity {
        Identity::Key => Material::Key { hint: Some(key.public().hint()) },
        Identity::Certificates(chain) => {
            if chain.first_key()? != key.public() {
                return Err(KeyError::OtherKey);
            }
            Material::Certificates(chain.to_der().collect())
        }
    };
    let signature = key.sign(&message(payload_type, &payload));
    Ok(Envelope { payload_type, payload, signature, material }.to_json())
}
