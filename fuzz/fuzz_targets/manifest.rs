//! Any bytes as a manifest. One that is accepted reads the same when it is written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model_package::{Limits, Manifest};

fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::parse(bytes, &Limits::DEFAULT) else { return };
    let written = serde_json::to_vec(&manifest).expect("a manifest is JSON");
    let again = Manifest::parse(&written, &Limits::DEFAULT).expect("it was accepted before");
    assert_eq!(manifest, again);
});
