//! Any text as an instance of the fraud model, alone and in a batch.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use inference_core::{Instance, Model};
use libfuzzer_sys::fuzz_target;
use model_package::{Limits, store};

static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/fraud/package");
    let files = store::read(&folder, &Limits::DEFAULT).expect("the package is in the repository");
    Model::load(files).expect("the package is sound")
});

fuzz_target!(|text: &str| {
    let instance = Instance::Json(text.into());
    let alone = MODEL.predict(std::slice::from_ref(&instance)).expect("one is not too many");
    let together = MODEL
        .predict(&[instance.clone(), Instance::Json("{}".into()), instance])
        .expect("three are not too many");
    assert_eq!(together.len(), 3);
    assert_eq!(together[0], alone[0]);
    assert_eq!(together[2], alone[0]);
    match &alone[0] {
        Ok(prediction) => {
            let score = prediction.score.expect("a classification has a score");
            assert!((0.0..=1.0).contains(&score), "{score}");
            let json: serde_json::Value =
                serde_json::from_str(&prediction.json).expect("an answer is JSON");
            assert!(json.is_object());
        }
        Err(error) => assert!(error.message.len() < 2000, "{} bytes", error.message.len()),
    }
});
