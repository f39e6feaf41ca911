//! Certificates: chains that lead to a trusted root, and those that don't.

use model_signing::{
    Certificates, Identity, KeyError, Roots, TrustError, TrustPolicy, Trusted, sign,
};
use serde_json::{Value, json};

use crate::{check, key, pem, statement};

fn signed_with(names: &[&str]) -> Vec<u8> {
    let text: String = names.iter().map(|name| pem(name)).collect();
    let chain = Certificates::from_pem(&text).unwrap();
    sign(&statement(), &key("one.pem"), &Identity::Certificates(chain)).unwrap()
}

fn trusting_root(signature: &[u8]) -> Result<Trusted, TrustError> {
    check(&TrustPolicy::parse(&pem("root.crt")).unwrap(), Some(signature))
}

#[test]
fn chains_that_lead_to_the_root() {
    for (chain, names) in [
        (
            &["leaf.crt", "intermediate.crt"][..],
            "release@example.com, https://example.com/release, leaf (certificate, ECDSA P-256)",
        ),
        (&["leaf.crt", "intermediate.crt", "root.crt"], "release@example.com"),
        (&["leaf.crt", "server.crt", "intermediate.crt"], "release@example.com"),
        (&["direct.crt"], "direct (certificate, ECDSA P-256)"),
    ] {
        let trusted = trusting_root(&signed_with(chain)).unwrap();
        let signer = trusted.signer().unwrap().to_string();
        assert!(signer.starts_with(names), "{signer}");
    }
}

#[test]
fn chains_that_are_refused() {
    for (chain, message) in [
        (&["leaf.crt"][..], "do not lead to a root certificate of the policy"),
        (&["byother.crt"], "do not lead to a root certificate of the policy"),
        (&["byother.crt", "otherroot.crt"], "do not lead to a root certificate of the policy"),
        (
            &["byrevoker.crt", "revoker.crt"],
            "an intermediate certificate may not sign certificates",
        ),
        (&["server.crt"], "RequiredEkuNotFound"),
        (&["nousage.crt"], "is not for digital signatures or code signing"),
        (&["encipher.crt"], "is not for digital signatures or code signing"),
    ] {
        let error = trusting_root(&signed_with(chain)).unwrap_err();
        assert_eq!(error.code(), "untrusted-certificate");
        assert!(error.to_string().contains(message), "{chain:?}: {error}");
    }
    // A certificate that is no authority signs none.
    let chain =
        Certificates::from_pem(&["byleaf.crt", "leaf.crt", "intermediate.crt"].map(pem).concat());
    let identity = Identity::Certificates(chain.unwrap());
    let signature = sign(&statement(), &key("other.pem"), &identity).unwrap();
    let error = trusting_root(&signature).unwrap_err();
    assert_eq!(error.code(), "untrusted-certificate", "{error}");
}

#[test]
fn a_chain_that_somebody_put_under_another_signature() {
    let mut bundle: Value = serde_json::from_slice(&crate::signed_by("other.pem")).unwrap();
    let certified: Value = serde_json::from_slice(&signed_with(&["direct.crt"])).unwrap();
    bundle["verificationMaterial"] = certified["verificationMaterial"].clone();
    assert_eq!(trusting_root(bundle.to_string().as_bytes()), Err(TrustError::Invalid));
    // A bundle with one certificate and no chain is a chain of one.
    let mut bundle = certified.clone();
    let first = &certified["verificationMaterial"]["x509CertificateChain"]["certificates"][0];
    bundle["verificationMaterial"] = json!({ "certificate": first });
    assert!(trusting_root(bundle.to_string().as_bytes()).is_ok());
}

#[test]
fn every_bit_of_a_chain_counts() {
    let signature = signed_with(&["leaf.crt", "intermediate.crt"]);
    let bundle: Value = serde_json::from_slice(&signature).unwrap();
    let chain = bundle["verificationMaterial"]["x509CertificateChain"].to_string();
    // One bit of each character is enough here: base64 lets no two texts mean the same bytes.
    let begin = String::from_utf8(signature.clone()).unwrap().find("x509CertificateChain").unwrap();
    for index in begin..begin + chain.len() {
        let mut changed = signature.clone();
        changed[index] ^= 1 << (index % 5);
        assert!(trusting_root(&changed).is_err(), "{index}");
    }
}

#[test]
fn identities_of_a_rule() {
    let asked = |identities: Value| {
        let document = json!({
            "format": "samebits-trust/1",
            "rules": [{
                "models": ["*"], "certificates": [pem("root.crt")], "identities": identities,
            }],
        });
        let policy = TrustPolicy::parse(&document.to_string()).unwrap();
        check(&policy, Some(&signed_with(&["leaf.crt", "intermediate.crt"])))
    };
    assert!(asked(json!(["release@example.com"])).is_ok());
    assert!(asked(json!(["nobody", "https://example.com/*"])).is_ok());
    let error = asked(json!(["someone@example.com"])).unwrap_err();
    assert_eq!(error.code(), "untrusted-certificate");
    assert!(
        error.to_string().contains("no rule of the policy names release@example.com"),
        "{error}"
    );
}

#[test]
fn a_policy_of_keys_trusts_no_certificate() {
    let policy = TrustPolicy::parse(&crate::public("one.pem")).unwrap();
    let error = check(&policy, Some(&signed_with(&["direct.crt"]))).unwrap_err();
    assert!(error.to_string().contains("the policy names no root certificates"), "{error}");
    // Nor the other way round.
    let error = trusting_root(&crate::signed_by("one.pem")).unwrap_err();
    assert_eq!(error.code(), "unknown-key");
}

#[test]
fn what_is_no_certificate() {
    let check = |text: &str, expected: &str| {
        let message = Certificates::from_pem(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check("", "found no certificate in PEM");
    check(&pem("one.pem"), "found no certificate in PEM");
    check(&pem("leaf.crt").replacen("\nM", "\n", 1), "a certificate can't be read");
    check(&pem("leaf.crt").repeat(17), "there are more than 16");
    let chain = Certificates::from_pem(&pem("leaf.crt")).unwrap();
    let other = sign(&statement(), &key("other.pem"), &Identity::Certificates(chain.clone()));
    assert_eq!(other.unwrap_err(), KeyError::OtherKey);
    assert!(Roots::new(&chain).is_ok());
}
