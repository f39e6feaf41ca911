//! Any text as the `tokenizer.json` of a package: an error or a model, never a panic. The package in
//! `fuzz/tokens` has a graph that gives every token the same label, so that the tokenizer is all the work.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use inference_core::{Instance, Model};
use libfuzzer_sys::fuzz_target;
use model_package::{Digest, Limits, MANIFEST, Manifest, PackageFile, Role, store};

static PACKAGE: LazyLock<(Manifest, Vec<PackageFile>)> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tokens");
    let files = store::read(&folder, &Limits::DEFAULT).expect("the package is in the repository");
    let manifest = files.iter().find(|file| file.path == MANIFEST).expect("it has a manifest");
    (serde_json::from_slice(&manifest.content).expect("the manifest is JSON"), files)
});

const PAIR: &str = r#"{"text": "Not bad at all, 素晴らしい!", "text_pair": "a [MASK] 👍\u0000 B"}"#;

fuzz_target!(|tokenizer: &[u8]| {
    let (mut manifest, mut files) = PACKAGE.clone();
    let entry = manifest.files.iter_mut().find(|entry| entry.role == Role::Tokenizer);
    let entry = entry.expect("a model for texts has a tokenizer");
    entry.size = tokenizer.len() as u64;
    entry.sha256 = Digest::of(tokenizer);
    let path = entry.path.clone();
    let manifest = serde_json::to_vec(&manifest).expect("a manifest is JSON");
    for file in &mut files {
        if file.path == path {
            file.content = tokenizer.to_vec();
        } else if file.path == MANIFEST {
            file.content.clone_from(&manifest);
        }
    }
    if let Ok(model) = Model::load(files) {
        drop(model.predict(&[Instance::Json(PAIR.into())]));
    }
});
