//! Keys: ECDSA on P-256 and P-384, each with the hash of its size as sigstore has it, and Ed25519.
//!
//! Signing draws no random numbers: ECDSA's come from key and message (RFC 6979), and Ed25519 has
//! none, so the same files signed twice give the same signature.

use ed25519_dalek::pkcs8::spki::DecodePublicKey as _;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use ed25519_dalek::{Signer as _, Verifier as _};
use model_package::Digest;
use p256::pkcs8::LineEnding;

use crate::{KeyError, pem};

/// A key that signs.
#[derive(Debug)]
pub struct PrivateKey(Private);

#[derive(Debug)]
enum Private {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl PrivateKey {
    /// Reads a private key in PEM, as OpenSSL writes it: PKCS #8 or SEC 1.
    ///
    /// # Errors
    /// If there is none, or it is encrypted, or of another algorithm.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if let Some(block) = pem::block(text, "EC PRIVATE KEY") {
            return from_sec1(block).map(Self);
        }
        if pem::block(text, "ENCRYPTED PRIVATE KEY").is_some() {
            return Err(KeyError::Encrypted);
        }
        let block = pem::block(text, "PRIVATE KEY");
        let block = block.ok_or(KeyError::Missing { expected: "private key" })?;
        let key = None
            .or_else(|| p256::ecdsa::SigningKey::from_pkcs8_pem(block).ok().map(Private::P256))
            .or_else(|| p384::ecdsa::SigningKey::from_pkcs8_pem(block).ok().map(Private::P384))
            .or_else(|| {
                ed25519_dalek::SigningKey::from_pkcs8_pem(block).ok().map(Private::Ed25519)
            });
        key.map(Self).ok_or(KeyError::Unsupported { found: "private key" })
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(match &self.0 {
            Private::P256(key) => Public::P256(*key.verifying_key()),
            Private::P384(key) => Public::P384(*key.verifying_key()),
            Private::Ed25519(key) => Public::Ed25519(key.verifying_key()),
        })
    }

    /// Signs a message. ECDSA signatures are in DER.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            Private::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
            Private::P384(key) => {
                let signature: p384::ecdsa::DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
            Private::Ed25519(key) => key.sign(message).to_vec(),
        }
    }
}

fn from_sec1(block: &str) -> Result<Private, KeyError> {
    if block.contains("ENCRYPTED") {
        return Err(KeyError::Encrypted);
    }
    let key = None
        .or_else(|| p256::SecretKey::from_sec1_pem(block).ok().map(|key| Private::P256(key.into())))
        .or_else(|| {
            p384::SecretKey::from_sec1_pem(block).ok().map(|key| Private::P384(key.into()))
        });
    key.ok_or(KeyError::Unsupported { found: "private key" })
}

/// A key that signatures are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Public);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Public {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl PublicKey {
    /// Reads a public key in PEM (SubjectPublicKeyInfo), as OpenSSL writes it.
    ///
    /// # Errors
    /// If there is none, or it is of another algorithm.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem::block(text, "PUBLIC KEY");
        let block = block.ok_or(KeyError::Missing { expected: "public key" })?;
        let key = None
            .or_else(|| {
                p256::ecdsa::VerifyingKey::from_public_key_pem(block).ok().map(Public::P256)
            })
            .or_else(|| {
                p384::ecdsa::VerifyingKey::from_public_key_pem(block).ok().map(Public::P384)
            })
            .or_else(|| {
                ed25519_dalek::VerifyingKey::from_public_key_pem(block).ok().map(Public::Ed25519)
            });
        key.map(Self).ok_or(KeyError::Unsupported { found: "public key" })
    }

    /// Reads a public key in DER (SubjectPublicKeyInfo), as certificates have it.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = None
            .or_else(|| p256::ecdsa::VerifyingKey::from_public_key_der(der).ok().map(Public::P256))
            .or_else(|| p384::ecdsa::VerifyingKey::from_public_key_der(der).ok().map(Public::P384))
            .or_else(|| {
                ed25519_dalek::VerifyingKey::from_public_key_der(der).ok().map(Public::Ed25519)
            });
        key.map(Self).ok_or(KeyError::Unsupported { found: "public key" })
    }

    /// The key in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let text = match &self.0 {
            Public::P256(key) => key.to_public_key_pem(LineEnding::LF),
            Public::P384(key) => key.to_public_key_pem(LineEnding::LF),
            Public::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
        };
        // Encoding fails only where memory does.
        text.unwrap_or_default()
    }

    /// What the format calls the key by: the sha256 digest of its PEM text, in hexadecimal.
    #[must_use]
    pub fn hint(&self) -> String {
        Digest::of(self.to_pem().as_bytes()).hex()
    }

    /// The algorithm's name, for people.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match &self.0 {
            Public::P256(_) => "ECDSA P-256",
            Public::P384(_) => "ECDSA P-384",
            Public::Ed25519(_) => "Ed25519",
        }
    }

    /// Whether this key made the signature of the message.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Public::P256(key) => p256::ecdsa::DerSignature::from_bytes(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Public::P384(key) => p384::ecdsa::DerSignature::from_bytes(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Public::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}
