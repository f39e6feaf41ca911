//! The second engine: the same component, transpiled by jco and run in Node's V8, gives the same
//! bits for every reference case. `tests/v8` holds the harness.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

use conformance::{baked, finished, packages, root, tool_is_there};

fn harness_is_there() -> bool {
    let node = Command::new("node").arg("--version").output().is_ok();
    let installed = root().join("tests/v8/node_modules").is_dir();
    tool_is_there("Node with the packages of tests/v8", node && installed)
}

fn node(arguments: &[&str]) -> (String, String, Option<i32>) {
    finished(Command::new("node").current_dir(root().join("tests/v8")).args(arguments))
}

#[test]
fn every_reference_case_has_the_same_bits_in_v8() {
    if !harness_is_there() {
        return;
    }
    let component = root().join("target/component/predictor.wasm");
    let packages = packages();
    let mut arguments = vec!["run.mjs", component.to_str().unwrap()];
    arguments.extend(packages.iter().map(|package| package.to_str().unwrap()));
    let (out, error, code) = node(&arguments);
    assert_eq!(code, Some(0), "{out}{error}");
}

#[test]
fn a_baked_component_needs_no_load_in_v8() {
    if !harness_is_there() {
        return;
    }
    let component = baked().folder().join("component.wasm");
    let package = root().join("models/fraud/package");
    let paths = [component.to_str().unwrap(), package.to_str().unwrap()];
    let (out, error, code) = node(&["run.mjs", "--baked", paths[0], paths[1]]);
    assert_eq!(code, Some(0), "{out}{error}");
}

#[test]
fn hostile_calls_are_refused_in_v8_too() {
    if !harness_is_there() {
        return;
    }
    let (out, error, code) = node(&["--test"]);
    assert_eq!(code, Some(0), "{out}{error}");
}
