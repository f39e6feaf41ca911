//! Any text as an instance of a model for texts, alone and in a batch.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use inference_core::{Instance, Model};
use libfuzzer_sys::fuzz_target;
use model_package::{Limits, store};

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/sentiment/package");
    let files = store::read(&folder, &Limits::DEFAULT).expect("the package is in the repository");
    Model::load(files).expect("the package is sound")
});

fuzz_target!(|text: &str| {
    let instance = Instance::Text(text.into());
    let alone = MODEL.predict(std::slice::from_ref(&instance)).expect("one is not too many");
    let together = MODEL
        .predict(&[Instance::Text("not bad at all".into()), instance])
        .expect("two are not too many");
    assert_eq!(together[1], alone[0]);
    if let Ok(prediction) = &alone[0] {
        let json: serde_json::Value =
            serde_json::from_str(&prediction.json).expect("an answer is JSON");
        assert!(json.is_object());
    }
});
