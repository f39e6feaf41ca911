//! A third host, written by others: wasmtime as it is published for Python, of another version than the
//! one here, runs a baked component as it is, with no imports and no `load`.

use std::process::Command;

use conformance::{baked, cache_folder, finished, root, tool_is_there};

#[test]
fn a_baked_component_has_the_same_bits_in_wasmtime_as_published() {
    let python = root().join("target/tools/python/bin/python");
    let bindings = Command::new(&python).args(["-c", "import wasmtime"]).output();
    let there = bindings.is_ok_and(|output| output.status.success());
    if !tool_is_there("Python with the bindings of wasmtime", there) {
        return;
    }
    let component = baked().folder().join("component.wasm");
    let cases = root().join("models/fraud/package/reference-cases.json");
    let mut run = Command::new(python);
    // Compiled code is kept where the other tests keep theirs.
    let cache = cache_folder().join("published-wasmtime");
    run.arg(root().join("tests/wasmtime/run.py")).args([component, cases, cache]);
    let (out, error, code) = finished(&mut run);
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(!out.is_empty());
}
