//! Any text as the lines of a log with audit records: as they are, and with the hash that they should have, so that what
//! lies behind it is reached.

#![no_main]

use decision_audit::{Broken, Verifier};
use libfuzzer_sys::fuzz_target;
use model_package::Digest;

/// Between a record's text and its hash.
const SEAL: &str = ",\"hash\":\"";

fuzz_target!(|text: &str| {
    let (mut verifier, mut sealed) = (Verifier::default(), Verifier::default());
    for line in text.lines() {
        check(line, verifier.line(line).err());
        let line = format!("{line}{SEAL}{}\"}}", Digest::of(line.as_bytes()));
        check(&line, sealed.line(&line).err());
    }
});

/// What verifies by itself has the hash of its own text, and what does not is told in a sentence.
fn check(line: &str, broken: Option<Broken>) {
    match broken {
        None | Some(Broken::Gap { .. } | Broken::Unlinked { .. }) => {
            let (text, hash) = line.trim().rsplit_once(SEAL).expect("a seal");
            assert_eq!(hash, format!("{}\"}}", Digest::of(text.as_bytes())));
        }
        Some(error) => assert!(error.to_string().len() < 4_000, "{error}"),
    }
}
