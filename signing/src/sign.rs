//! Signing a statement.

use crate::envelope::{Envelope, Material, message};
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
    let material = match identity {
        Identity::Key => Material::Key { hint: Some(key.public().hint()) },
        Identity::Certificates(chain) => {
            if chain.first_key()? != key.public() {
                return Err(KeyError::OtherKey);
            }
            Material::Certificates(chain.to_der().collect())
        }
    };
    let payload = statement.to_json();
    let signature = key.sign(&message(&payload));
    Ok(Envelope { payload, signature, material }.to_json())
}
