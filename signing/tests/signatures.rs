//! Signatures: what is signed, and every way to tamper with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model_package::Digest;
use model_signing::{Statement, TrustError, TrustPolicy};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{check, files, public, signed_by, statement};

fn policy() -> TrustPolicy {
    TrustPolicy::parse(&public("one.pem")).unwrap()
}

#[test]
fn a_statement_is_what_the_format_says() {
    let document: Value = serde_json::from_slice(&statement().to_json()).unwrap();
    // By the parts of their paths, so a folder comes before a file that begins with its name.
    let names = ["a/b.bin", "a.txt", "manifest.json"];
    let digests: Vec<_> = names.iter().flat_map(|name| *files()[*name].as_bytes()).collect();
    let resource = |name: &&str| json!({ "name": name, "algorithm": "sha256", "digest": files()[*name].hex() });
    assert_eq!(
        document,
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{ "name": "fraud", "digest": { "sha256": Digest::of(&digests).hex() } }],
            "predicateType": "https://model_signing/signature/v1.0",
            "predicate": {
                "serialization": {
                    "method": "files", "hash_type": "sha256", "allow_symlinks": false,
                    "ignore_paths": ["model.sig"],
                },
                "resources": names.iter().map(resource).collect::<Vec<_>>(),
            },
        })
    );
    assert_eq!(Statement::parse(&statement().to_json()).unwrap(), statement());
}

#[test]
fn a_signature_is_a_bundle() {
    let bundle: Value = serde_json::from_slice(&signed_by("one.pem")).unwrap();
    assert_eq!(bundle["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
    assert_eq!(bundle["dsseEnvelope"]["payloadType"], "application/vnd.in-toto+json");
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    assert_eq!(STANDARD.decode(payload).unwrap(), statement().to_json());
    let hint = bundle["verificationMaterial"]["publicKey"]["hint"].as_str().unwrap();
    assert_eq!(hint, Digest::of(public("one.pem").as_bytes()).hex());
}

/// Changes a sound bundle, and expects a refusal.
#[track_caller]
fn refused(change: impl FnOnce(&mut Value), code: &str, message: &str) {
    let mut bundle: Value = serde_json::from_slice(&signed_by("one.pem")).unwrap();
    change(&mut bundle);
    let error = check(&policy(), Some(bundle.to_string().as_bytes())).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn bundles_that_are_none() {
    let malformed = "malformed-signature";
    refused(|bundle| *bundle = json!([]), malformed, "no sigstore bundle");
    refused(|bundle| bundle["more"] = json!(1), malformed, "unknown field `more`");
    refused(
        |bundle| {
            bundle["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1")
        },
        malformed,
        "mediaType is",
    );
    refused(
        |bundle| bundle["dsseEnvelope"]["payloadType"] = json!("text/plain"),
        malformed,
        "payloadType is \"text/plain\"",
    );
    refused(
        |bundle| bundle["dsseEnvelope"]["payload"] = json!("a-b_"),
        malformed,
        "payload is not in base64",
    );
    refused(
        |bundle| bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!("?"),
        malformed,
        "sig is not in base64",
    );
    refused(
        |bundle| bundle["dsseEnvelope"]["signatures"] = json!([]),
        malformed,
        "has 0 signatures; expected one",
    );
    refused(
        |bundle| {
            let signatures = bundle["dsseEnvelope"]["signatures"].as_array_mut().unwrap();
            signatures.push(signatures[0].clone());
        },
        malformed,
        "has 2 signatures; expected one",
    );
    refused(
        |bundle| bundle["verificationMaterial"] = json!({}),
        malformed,
        "neither one key nor one chain",
    );
    refused(
        |bundle| bundle["verificationMaterial"]["certificate"] = json!({ "rawBytes": "" }),
        malformed,
        "neither one key nor one chain",
    );
    refused(
        |bundle| {
            bundle["verificationMaterial"] = json!({ "certificate": { "rawBytes": "?" } });
        },
        malformed,
        "certificate is not in base64",
    );
    for text in ["", "{", "{\"mediaType\":1,\"mediaType\":2}"] {
        let error = check(&policy(), Some(text.as_bytes())).unwrap_err();
        assert_eq!(error.code(), malformed, "{error}");
    }
    let large = vec![b' '; (1 << 20) + 1];
    let error = check(&policy(), Some(&large)).unwrap_err();
    assert!(error.to_string().contains("more than 1048576 bytes"), "{error}");
}

#[test]
fn other_keys() {
    let error = check(&policy(), Some(&signed_by("other.pem"))).unwrap_err();
    assert_eq!(error.code(), "unknown-key");
    // The hint is not signed: with another, or none, the signature still is what it is.
    let hint = key_hint("one.pem");
    let mut bundle: Value = serde_json::from_slice(&signed_by("other.pem")).unwrap();
    bundle["verificationMaterial"]["publicKey"]["hint"] = json!(hint);
    assert_eq!(check(&policy(), Some(bundle.to_string().as_bytes())), Err(TrustError::Invalid));
    bundle["verificationMaterial"]["publicKey"] = json!({});
    assert_eq!(check(&policy(), Some(bundle.to_string().as_bytes())), Err(TrustError::Invalid));
    // A signature that does not name its key is tried with all.
    let mut bundle: Value = serde_json::from_slice(&signed_by("one.pem")).unwrap();
    bundle["verificationMaterial"]["publicKey"] = json!({});
    assert!(check(&policy(), Some(bundle.to_string().as_bytes())).is_ok());
}

fn key_hint(name: &str) -> String {
    crate::key(name).public().hint()
}

#[test]
fn another_statement_under_the_same_signature() {
    let mut other = files();
    other.insert("manifest.json".into(), Digest::of(b"other"));
    let other = Statement::new("fraud".into(), other, Vec::new());
    refused(
        |bundle| bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode(other.to_json())),
        "invalid-signature",
        "the signature is not valid",
    );
}

#[test]
fn files_that_are_not_those_that_were_signed() {
    let signature = signed_by("one.pem");
    let asked = |change: &dyn Fn(&mut std::collections::BTreeMap<String, Digest>)| {
        let mut files = files();
        change(&mut files);
        policy().check(Some(&signature), &files, || Ok::<_, TrustError>("fraud".into()))
    };
    let error = asked(&|files| *files.get_mut("a.txt").unwrap() = Digest::of(b"x")).unwrap_err();
    assert_eq!((error.code(), error.file()), ("changed-after-signing", Some("a.txt")));
    assert!(error.to_string().contains("it was changed after it was signed"), "{error}");
    let error = asked(&|files| files.extend([("c.txt".into(), Digest::of(b"x"))])).unwrap_err();
    assert_eq!((error.code(), error.file()), ("not-signed-file", Some("c.txt")));
    // Two files that changed places.
    let swapped = asked(&|files| {
        let digest = files["a.txt"];
        files.insert("a/b.bin".into(), digest);
    });
    assert_eq!(swapped.unwrap_err().file(), Some("a/b.bin"));
    // A host that needs less than was signed reads less.
    assert_eq!(asked(&|files| files.retain(|path, _| path != "a.txt")).unwrap().files(), 2);
}

/// Changes a sound statement, signed by nobody, and expects a refusal.
#[track_caller]
fn not_a_statement(change: impl FnOnce(&mut Value), message: &str) {
    let mut document: Value = serde_json::from_slice(&statement().to_json()).unwrap();
    change(&mut document);
    let error = Statement::parse(document.to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn statements_that_are_none() {
    not_a_statement(|document| *document = json!(1), "the signed statement is not valid");
    not_a_statement(|document| document["_type"] = json!("x"), "_type is \"x\"");
    not_a_statement(
        |document| document["predicateType"] = json!("https://model_signing/Digests/v0.1"),
        "predicateType is \"https://model_signing/Digests/v0.1\"",
    );
    not_a_statement(|document| document["subject"] = json!([]), "subject is \"0 subjects\"");
    let predicate = |document: &mut Value, pointer: &str, value: Value| {
        *document["predicate"].pointer_mut(pointer).unwrap() = value;
    };
    not_a_statement(
        |document| predicate(document, "/serialization/method", json!("shards")),
        "serialization.method is \"shards\"",
    );
    not_a_statement(
        |document| predicate(document, "/serialization/hash_type", json!("blake2")),
        "serialization.hash_type is \"blake2\"",
    );
    not_a_statement(
        |document| predicate(document, "/resources/0/algorithm", json!("sha1")),
        "resources.algorithm is \"sha1\"",
    );
    not_a_statement(
        |document| predicate(document, "/resources/0/digest", json!("AB")),
        "resources.digest is \"AB\"",
    );
    not_a_statement(
        |document| predicate(document, "/resources/0/name", json!("a.txt")),
        "lists \"a.txt\" twice",
    );
    not_a_statement(
        |document| predicate(document, "/resources/0/digest", json!("0".repeat(64))),
        "but that of its files is",
    );
    // What later versions may add is not read.
    let mut document: Value = serde_json::from_slice(&statement().to_json()).unwrap();
    document["predicate"]["card"] = json!("README.md");
    assert!(Statement::parse(document.to_string().as_bytes()).is_ok());
}

#[test]
fn every_bit_of_a_signature_counts() {
    let signature = signed_by("one.pem");
    // The line end after the bundle is no part of it.
    for bit in 0..8 * (signature.len() - 1) {
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = check(&policy(), Some(&changed));
        assert!(refused.is_err(), "bit {bit}: {}", String::from_utf8_lossy(&changed));
    }
    for length in 0..signature.len() - 1 {
        assert!(check(&policy(), Some(&signature[..length])).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes: Vec<u8>) {
        prop_assert!(check(&policy(), Some(&bytes)).is_err());
        prop_assert!(Statement::parse(&bytes).is_err());
    }

    #[test]
    fn statements_round_trip(names in prop::collection::btree_set("[a-z/.é]{1,12}", 0..8)) {
        let files = names.into_iter().map(|name| (name.clone(), Digest::of(name.as_bytes())));
        let statement = Statement::new("m".into(), files.collect(), vec![".git".into()]);
        prop_assert_eq!(Statement::parse(&statement.to_json()).unwrap(), statement);
    }
}
