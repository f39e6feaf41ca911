//! Any bytes as JSON: what the strict reader accepts, it reads as `serde_json` does, and it refuses
//! nothing else but a key that occurs twice.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model_package::strict_json;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let lenient = serde_json::from_slice::<Value>(bytes).ok();
    match strict_json::value(bytes) {
        Ok(value) => assert_eq!(Some(value), lenient),
        Err(error) if lenient.is_some() => {
            assert!(error.to_string().contains("occurs twice"), "{error}");
        }
        Err(_) => {}
    }
});
