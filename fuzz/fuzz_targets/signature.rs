//! Any bytes as a signature, as the statement in one, and as a trust policy. None is a signature that
//! the policies below trust.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model_signing::{Statement, TrustError, TrustPolicy};

/// One that trusts a key (the example of RFC 8410), and one that trusts a root certificate.
static POLICIES: LazyLock<[TrustPolicy; 2]> = LazyLock::new(|| {
    let key = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
               -----END PUBLIC KEY-----\n";
    let root = include_str!("../../signing/tests/keys/root.crt");
    [key, root].map(|pem| TrustPolicy::parse(pem).expect("a policy"))
});

fuzz_target!(|bytes: &[u8]| {
    for policy in POLICIES.iter() {
        // No model has this file, so even a good signature does not cover it.
        let files = BTreeMap::from([("?".into(), model_package::Digest::of(b""))]);
        assert!(policy.check(Some(bytes), &files, || Ok::<_, TrustError>("fraud".into())).is_err());
    }
    if let Ok(statement) = Statement::parse(bytes) {
        let again = Statement::parse(&statement.to_json()).expect("it was written here");
        assert_eq!(again.files(), statement.files());
    }
    if let Ok(text) = str::from_utf8(bytes) {
        drop(TrustPolicy::parse(text));
    }
});
