//! Keys: every form that OpenSSL writes, and what is none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model_signing::{PrivateKey, PublicKey, TrustError, TrustPolicy};
use serde_json::{Value, json};

use crate::{check, key, pem, public, signed_by};

#[test]
fn every_algorithm_signs_and_verifies() {
    for (name, algorithm) in [
        ("one.pem", "ECDSA P-256"),
        ("sec1.pem", "ECDSA P-256"),
        ("p384.pem", "ECDSA P-384"),
        ("ed25519.pem", "Ed25519"),
    ] {
        let policy = TrustPolicy::parse(&public(name)).unwrap();
        let trusted = check(&policy, Some(&signed_by(name))).unwrap();
        let signer = trusted.signer().unwrap().to_string();
        assert_eq!(signer, format!("the key {} ({algorithm})", key(name).public().hint()));
        assert_eq!(trusted.files(), 3);
        // No random numbers: signed again, it is the same.
        assert_eq!(signed_by(name), signed_by(name));
    }
}

#[test]
fn public_keys_round_trip() {
    for name in ["one.pem", "p384.pem", "ed25519.pem"] {
        let public = key(name).public();
        assert_eq!(PublicKey::from_pem(&public.to_pem()).unwrap(), public);
    }
}

#[test]
fn what_is_no_private_key() {
    let check = |text: &str, expected: &str| {
        let message = PrivateKey::from_pem(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check("", "found no private key in PEM");
    check(&public("one.pem"), "found no private key in PEM");
    check(&pem("encrypted.pem"), "the private key is encrypted");
    check(&pem("rsa.pem"), "the private key can't be read, or is of an algorithm");
    let truncated = pem("one.pem").replacen("\nM", "\n", 1);
    check(&truncated, "the private key can't be read");
    let legacy = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\
                  \nAAAA\n-----END EC PRIVATE KEY-----";
    check(legacy, "the private key is encrypted");
}

#[test]
fn what_is_no_public_key() {
    let check = |text: &str, expected: &str| {
        let message = PublicKey::from_pem(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check("", "found no public key in PEM");
    check(&pem("one.pem"), "found no public key in PEM");
    check(&public("one.pem").replacen("\nM", "\n", 1), "the public key can't be read");
}

#[test]
fn a_key_that_anything_verifies_with() {
    // The identity of the curve: without care, (identity, 0) is its signature of every message.
    let weak = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\
                -----END PUBLIC KEY-----";
    let policy = TrustPolicy::parse(weak).unwrap();
    let mut bundle: Value = serde_json::from_slice(&signed_by("ed25519.pem")).unwrap();
    bundle["verificationMaterial"]["publicKey"] = json!({});
    let forged = [&[1][..], &[0; 63]].concat();
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!(STANDARD.encode(forged));
    let refused = check(&policy, Some(bundle.to_string().as_bytes()));
    assert_eq!(refused, Err(TrustError::Invalid));
}
