//! A package around a bare graph, as `host-cli` makes one: the task is `tensors`, and nothing else is
//! said.

use model_package::{MANIFEST, Manifest};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::problem;

/// Characters of a package's name.
const NAME: usize = 64;

/// The manifest of a package that has nothing but this graph, for the path `model.onnx`. `file` is
/// what the graph's file is called; the package's name is made of it.
///
/// # Errors
/// If the bytes are plainly of another format.
#[wasm_bindgen(js_name = manifestOfGraph)]
pub fn manifest_of_graph(file: &str, onnx: &[u8]) -> Result<Vec<u8>, JsValue> {
    crate::kind::check(file, onnx).map_err(|message| problem::problem("not-a-model", &message))?;
    serde_json::to_vec(&Manifest::of_graph(&name(file), onnx))
        .map_err(|error| problem::problem("internal", &format!("{MANIFEST}: {error}")))
}

/// A package's name of a file's: lower-case letters, digits and hyphens.
fn name(file: &str) -> String {
    let base = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem).to_lowercase();
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = stem.chars().map(plain).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name: String = name.chars().take(NAME).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "model".into() } else { name.into() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use model_package::{GRAPH, Limits, Package, PackageFile, Task};

    use super::*;

    #[test]
    fn the_package_is_one_by_the_rules_of_the_format() {
        let onnx = b"\x08\x08graph".to_vec();
        let manifest =
            serde_json::to_vec(&Manifest::of_graph(&name("My Net_v2.onnx"), &onnx)).unwrap();
        let files = vec![
            PackageFile { path: MANIFEST.into(), content: manifest },
            PackageFile { path: GRAPH.into(), content: onnx },
        ];
        let package = Package::verify(files, &Limits::DEFAULT).unwrap();
        assert_eq!(package.manifest().name, "my-net-v2");
        assert_eq!(package.manifest().task, Task::Tensors);
    }

    #[test]
    fn every_file_gives_a_name_that_the_format_takes() {
        let check = |file: &str, expected: &str| assert_eq!(name(file), expected, "{file}");
        check("model.onnx", "model");
        check("folder/ResNet50-v1.5.onnx", "resnet50-v1-5");
        check("2024_net.onnx", "net");
        check("Übung.onnx", "bung");
        check("12345.onnx", "model");
        check(".onnx", "model");
        check("", "model");
        check(&"a".repeat(300), &"a".repeat(64));
    }
}
