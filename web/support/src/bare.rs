//! A package around a bare graph, as every host makes it.

use model_package::{MANIFEST, Manifest};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::problem;

/// The manifest of a package that has nothing but this graph, for the path `model.onnx`. `file` is
/// what the graph's file is called; the package's name is made of it.
///
/// # Errors
/// If the bytes are plainly of another format.
#[wasm_bindgen(js_name = manifestOfGraph)]
pub fn manifest_of_graph(file: &str, onnx: &[u8]) -> Result<Vec<u8>, JsValue> {
    crate::kind::check(file, onnx).map_err(|message| problem::problem("not-a-model", &message))?;
    serde_json::to_vec(&Manifest::of_graph(file, onnx))
        .map_err(|error| problem::problem("internal", &format!("{MANIFEST}: {error}")))
}
