//! Trust policies: which rule decides, and documents that are none.

use model_signing::{Identity, TrustError, TrustPolicy, sign_document};
use serde_json::{Value, json};

use crate::{files, key, pem, public, signed_by};

fn policy(rules: Value) -> TrustPolicy {
    let document = json!({ "format": "samebits-trust/1", "rules": rules });
    TrustPolicy::parse(&document.to_string()).unwrap()
}

/// What a policy says of a model with this name: who signed it, or a code.
fn asked(policy: &TrustPolicy, signature: Option<&[u8]>, model: &str) -> &'static str {
    match policy.check(signature, &files(), || Ok::<_, TrustError>(model.into())) {
        Ok(trusted) if trusted.signer().is_some() => "signed",
        Ok(_) => "unsigned",
        Err(error) => error.code(),
    }
}

#[test]
fn rules_decide_by_the_models_name() {
    let policy = policy(json!([
        { "models": ["fraud"], "keys": [public("one.pem"), public("ed25519.pem")] },
        { "models": ["fraud", "digits-*"], "keys": [public("other.pem")] },
        { "models": ["demo"], "unsigned": true },
    ]));
    for (signer, model, expected) in [
        (Some("one.pem"), "fraud", "signed"),
        (Some("ed25519.pem"), "fraud", "signed"),
        (Some("other.pem"), "fraud", "signed"),
        (Some("p384.pem"), "fraud", "unknown-key"),
        (Some("one.pem"), "digits-small", "untrusted-for-model"),
        (Some("other.pem"), "digits-small", "signed"),
        (Some("other.pem"), "digits", "untrusted-for-model"),
        (Some("other.pem"), "Fraud", "untrusted-for-model"),
        (None, "fraud", "unsigned-model"),
        (None, "demo", "unsigned"),
        // A signature that is there has to be good.
        (Some("one.pem"), "demo", "untrusted-for-model"),
        (Some("p384.pem"), "demo", "unknown-key"),
    ] {
        let signature = signer.map(signed_by);
        assert_eq!(asked(&policy, signature.as_deref(), model), expected, "{signer:?} {model}");
    }
}

#[test]
fn a_policy_without_rules_trusts_nobody() {
    let policy = policy(json!([]));
    assert_eq!(asked(&policy, None, "fraud"), "unsigned-model");
    assert_eq!(asked(&policy, Some(&signed_by("one.pem")), "fraud"), "unknown-key");
}

#[test]
fn the_name_is_read_only_when_the_files_are_as_signed() {
    let policy = TrustPolicy::parse(&public("other.pem")).unwrap();
    let never = || -> Result<String, TrustError> { unreachable!("the signature is not valid") };
    assert!(policy.check(Some(&signed_by("one.pem")), &files(), never).is_err());
}

#[test]
fn documents_of_another_type_are_opened_by_the_same_rules() {
    const TYPE: &str = "application/vnd.example+json";
    let policy = policy(json!([
        { "models": ["fraud"], "keys": [public("one.pem")] },
        { "models": ["digits"], "keys": [public("other.pem")] },
        { "models": ["demo"], "unsigned": true },
    ]));
    let signed =
        |name: &str| sign_document(TYPE, b"{}".to_vec(), &key(name), &Identity::Key).unwrap();
    let opened = |document: &[u8], model: &str| {
        let opened = policy.open(document, TYPE, model);
        opened.map(|(payload, _)| payload).map_err(|error| error.code())
    };
    assert_eq!(opened(&signed("one.pem"), "fraud"), Ok(b"{}".to_vec()));
    assert_eq!(opened(&signed("one.pem"), "digits"), Err("untrusted-for-model"));
    assert_eq!(opened(&signed("p384.pem"), "fraud"), Err("unknown-key"));
    // Neither kind is taken for the other, though the same key signed both.
    assert_eq!(opened(&signed_by("one.pem"), "fraud"), Err("malformed-signature"));
    assert_eq!(asked(&policy, Some(&signed("one.pem")), "fraud"), "malformed-signature");
    let statement = policy.statement(&signed_by("one.pem"), "fraud").unwrap();
    assert_eq!(*statement.files(), files());
    let error = policy.statement(&signed_by("one.pem"), "digits").unwrap_err();
    assert_eq!(error.code(), "untrusted-for-model");
    assert!(policy.accepts_unsigned("demo") && !policy.accepts_unsigned("fraud"));
}

#[test]
fn encryption_of_objects_is_asked_for() {
    let document = |storage: Value| {
        let document = json!({ "format": "samebits-trust/1", "rules": [], "storage": storage });
        TrustPolicy::parse(&document.to_string())
    };
    assert!(document(json!({ "encryption": "aws:kms" })).unwrap().wants_encryption());
    let both = document(json!({ "encryption": "aws:kms", "require_encryption": true })).unwrap();
    assert!(both.wants_encryption() && both.requires_encryption());
    let sealed = document(json!({ "require_encryption": true })).unwrap();
    assert!(!sealed.wants_encryption() && sealed.requires_encryption());
    assert!(!document(Value::Null).unwrap().wants_encryption());
    assert!(!policy(json!([])).wants_encryption());
    for wrong in [json!({ "encryption": "AES256" }), json!({}), json!({ "encrypt": "aws:kms" })] {
        assert!(document(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn files_lie_beside_the_policy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trust.json");
    let document = json!({
        "format": "samebits-trust/1",
        "rules": [{ "models": ["*"], "keys": ["keys/one.pub"], "certificates": ["root.crt"] }],
    });
    std::fs::write(&path, document.to_string()).unwrap();
    let error = TrustPolicy::read(&path).unwrap_err().to_string();
    assert!(error.contains("keys/one.pub: No such file"), "{error}");
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    std::fs::write(folder.path().join("keys/one.pub"), public("one.pem")).unwrap();
    std::fs::write(folder.path().join("root.crt"), pem("root.crt")).unwrap();
    let policy = TrustPolicy::read(&path).unwrap();
    assert_eq!(asked(&policy, Some(&signed_by("one.pem")), "fraud"), "signed");
}

#[test]
fn documents_that_are_no_policy() {
    let check = |text: &str, expected: &str| {
        let message = TrustPolicy::parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    let rule = |rule: Value| json!({ "format": "samebits-trust/1", "rules": [rule] }).to_string();
    check("", "found no JSON object, nor a public key or certificate");
    check(&pem("one.pem"), "this is a private key, which belongs nowhere but");
    check(&pem("rsa.pem"), "this is a private key");
    check("{", "not a trust policy: not valid JSON");
    check(r#"{"format":"samebits-trust/1"}"#, "missing field `rules`");
    check(r#"{"format":"samebits-trust/2","rules":[]}"#, "format: expected \"samebits-trust/1\"");
    check(r#"{"format":"samebits-trust/1","rules":[],"rules":[]}"#, "\"rules\" occurs twice");
    check(&rule(json!({ "models": ["*"], "key": [] })), "unknown field `key`");
    check(&rule(json!({ "models": [], "unsigned": true })), "rules[0].models: expected the names");
    check(&rule(json!({ "models": [""], "unsigned": true })), "rules[0].models: an entry is empty");
    check(&rule(json!({ "models": ["*"] })), "rules[0]: expected keys, certificates, or");
    check(&rule(json!({ "models": ["*"], "unsigned": "yes" })), "rules[0].unsigned: invalid type");
    check(
        &rule(json!({ "models": ["*"], "keys": ["a.pem"] })),
        "expected text in PEM, found \"a.pem\"",
    );
    check(
        &rule(json!({ "models": ["*"], "keys": ["-----BEGIN PUBLIC KEY-----"] })),
        "rules[0].keys[0]: found no public key",
    );
    check(
        &rule(json!({ "models": ["*"], "keys": [public("one.pem")], "identities": ["a"] })),
        "rules[0].identities: these are names in certificates",
    );
    check(
        &rule(json!({ "models": ["*"], "certificates": ["-----BEGIN CERTIFICATE-----"] })),
        "rules[0].certificates: found no certificate",
    );
    check(
        &rule(json!({ "models": vec!["a"; 1025], "unsigned": true })),
        "rules[0].models: 1025 entries, at most 1024",
    );
}
