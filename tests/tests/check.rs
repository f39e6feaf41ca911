//! `host-cli check`: models with the answers that lie beside them, those of `tests/check` and those
//! that libraries exported, through the component.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs::File;
use std::path::Path;
use std::process::Command;

use conformance::{cache_folder, component, finished, program, root};
use serde_json::Value;
use tempfile::TempDir;
use zip::ZipArchive;

fn unpacked(archive: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = File::open(root().join(archive)).unwrap();
    ZipArchive::new(file).unwrap().extract(folder.path()).unwrap();
    folder
}

/// Standard output, standard error and exit code of a check in a folder.
fn check(folder: &Path, arguments: &[&str]) -> (String, String, i32) {
    let _ = component();
    let mut command = Command::new(program("host-cli"));
    command.arg("check").args(arguments).current_dir(folder);
    command.env("SAMEBITS_CACHE", cache_folder());
    let (out, error, code) = finished(&mut command);
    // Whether the component is compiled already depends on what ran before.
    let compiles = |line: &&str| line.starts_with("compil") && line.contains("the component");
    let error: String = error.split_inclusive('\n').filter(|line| !compiles(line)).collect();
    (out, error, code.unwrap())
}

#[test]
fn models_that_pass() {
    let models = unpacked("tests/check/models.zip");
    let (out, error, code) = check(models.path(), &["pass"]);
    insta::assert_snapshot!(format!("{out}--- standard error\n{error}--- exit code {code}\n"));
}

#[test]
fn models_that_fail() {
    let models = unpacked("tests/check/models.zip");
    let (out, error, code) = check(models.path(), &["fail"]);
    insta::assert_snapshot!(format!("{out}--- standard error\n{error}--- exit code {code}\n"));
}

#[test]
fn one_file_and_several_paths() {
    let models = unpacked("tests/check/models.zip");
    let paths = ["pass/named/scale_by_three.onnx", "pass/scale/model.onnx", "pass/narrow"];
    let (out, _, code) = check(models.path(), &paths);
    assert_eq!(out, "PASS scale_by_three\nPASS scale\nPASS narrow\n3 passed, 0 failed\n");
    assert_eq!(code, 0);
}

#[test]
fn json() {
    let models = unpacked("tests/check/models.zip");
    let (out, _, code) = check(models.path(), &["--json", "pass/scale", "fail/value"]);
    let mut report: Value = serde_json::from_str(&out).unwrap();
    assert!(report["component"].as_str().unwrap().starts_with("sha256:"));
    report["component"] = Value::Null;
    assert_eq!(code, 1);
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

#[test]
fn tolerances() {
    let models = unpacked("tests/check/models.zip");
    let passes = |arguments: &[&str]| {
        let (_, _, code) = check(models.path(), &[&["fail/value"], arguments].concat());
        code == 0
    };
    assert!(passes(&["--atol", "0.5"]));
    assert!(!passes(&["--atol", "0.49"]));
    assert!(passes(&["--rtol", "0.25", "--atol", "0"]));
    assert!(!passes(&["--rtol", "0.05"]));
}

#[test]
fn command_lines_that_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], expected: i32, message: &str| {
        let (out, error, code) = check(folder.path(), arguments);
        assert!(error.contains(message), "{message:?} is not in: {error}");
        assert_eq!((out.as_str(), code), ("", expected), "{error}");
    };
    refused(&["nowhere"], 3, "nowhere: neither a file nor a folder");
    refused(&["."], 3, "no model in it; expected folders with model.onnx");
    refused(&["--rtol=-1", "."], 2, "expected a number that is not negative");
    refused(&["--atol", "NaN", "."], 2, "expected a number that is not negative");
    refused(&[], 2, "<PATH>...");
}

/// Every exported model of the core's own tests gives ONNX Runtime's answers through the component,
/// as a user asks for it.
#[test]
fn exported_models() {
    let models = unpacked("core/tests/exports/fixtures.zip");
    let (out, _, code) = check(models.path(), &["."]);
    let failed: Vec<_> = out.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let passed = out.lines().filter(|line| line.starts_with("PASS")).count();
    assert!(passed > 500, "{passed} models");
    assert_eq!(code, 0);
}
