//! Any bytes as a picture, decoded by its header's word and then scaled.

#![no_main]

use inference_core::image::{decode, resize};
use libfuzzer_sys::fuzz_target;
use model_package::{Filter, Transparency};

/// So that one input says more about the code than about the machine.
const MAX_PIXELS: u64 = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    match decode(bytes, Transparency::default(), MAX_PIXELS) {
        Ok(frame) => {
            assert!((frame.width * frame.height) as u64 <= MAX_PIXELS);
            drop(resize(&frame, 7, 5, Filter::Bicubic));
        }
        Err(error) => assert!(error.message.len() < 2000, "{} bytes", error.message.len()),
    }
});
