//! Sets of files that are no package: one broken rule, one row.

use model_package::{Digest, Limits, Package, PackageError, PackageFile};
use serde_json::json;

use crate::example::{GRAPH, cases, entry, file, files, manifest, verify};

/// Breaks the sound package in one way and expects one error.
fn check(
    breakage: impl FnOnce(&mut Vec<PackageFile>),
    code: &str,
    file: Option<&str>,
    message: &str,
) {
    let mut files = files();
    breakage(&mut files);
    let error = verify(files).expect_err(message);
    assert!(error.to_string().contains(message), "{message:?} is not in: {error}");
    assert_eq!((error.code(), error.file()), (code, file), "{error}");
}

/// The sound package with a manifest that says otherwise of a file.
fn says(files: &mut [PackageFile], path: &str, value: serde_json::Value) {
    let mut manifest = manifest();
    *manifest.pointer_mut(path).unwrap() = value;
    files[0].content = manifest.to_string().into_bytes();
}

#[test]
fn the_package_to_break_is_sound() {
    let mut package = verify(files()).unwrap();
    assert_eq!(package.digest(), Digest::of(&files()[0].content));
    assert_eq!(package.manifest().name, "fraud");
    assert_eq!(package.reference_cases(&Limits::DEFAULT).unwrap().cases.len(), 1);
    assert_eq!(package.take_graph(), GRAPH);
    assert!(package.take_graph().is_empty());
    // The order of the files does not matter.
    let mut reversed = files();
    reversed.reverse();
    assert_eq!(verify(reversed).unwrap().digest(), package.digest());
}

#[test]
fn reference_cases_are_optional() {
    let mut without = files();
    without.pop();
    says(&mut without, "/files", json!([entry("model.onnx", "graph", GRAPH)]));
    let package = verify(without).unwrap();
    assert!(package.reference_cases(&Limits::DEFAULT).unwrap().cases.is_empty());
}

#[test]
fn missing_and_unlisted_files() {
    check(
        |files| drop(files.remove(0)),
        "missing-file",
        Some("manifest.json"),
        "manifest.json: missing; the format names it",
    );
    check(
        |files| drop(files.remove(1)),
        "missing-file",
        Some("model.onnx"),
        "model.onnx: missing; manifest.json names it",
    );
    check(
        |files| files.push(file("readme.txt", b"")),
        "unlisted-file",
        Some("readme.txt"),
        "readme.txt: not named in manifest.json; add it to `files`",
    );
    check(
        |files| files[1].path = "Model.onnx".into(),
        "missing-file",
        Some("model.onnx"),
        "model.onnx: missing",
    );
}

#[test]
fn paths() {
    check(
        |files| files.push(file("model.onnx", GRAPH)),
        "duplicate-file",
        Some("model.onnx"),
        "model.onnx: occurs twice in the package",
    );
    for path in ["../model.onnx", "/model.onnx", "a//b", "", "a\\b", "C:model.onnx", "a\u{7f}"] {
        check(
            |files| files[1].path = path.into(),
            "invalid-path",
            Some(path),
            "is not a path inside a package",
        );
    }
    let long = "x".repeat(100_000);
    check(
        |files| files[1].path.clone_from(&long),
        "invalid-path",
        Some(&long[..120]),
        "is not a path inside a package",
    );
}

#[test]
fn sizes_and_digests() {
    check(
        |files| files[1].content.push(0),
        "size-mismatch",
        Some("model.onnx"),
        "model.onnx: 19 bytes, manifest.json says 18",
    );
    check(
        |files| files[1].content.clear(),
        "size-mismatch",
        Some("model.onnx"),
        "model.onnx: 0 bytes, manifest.json says 18",
    );
    let other = Digest::of(b"other");
    check(
        |files| says(files, "/files/0/sha256", json!(other.to_string())),
        "digest-mismatch",
        Some("model.onnx"),
        "the file was changed or damaged",
    );
    for bit in 0..8 * GRAPH.len() {
        check(
            |files| files[1].content[bit / 8] ^= 1 << (bit % 8),
            "digest-mismatch",
            Some("model.onnx"),
            "model.onnx: its digest is sha256:",
        );
    }
}

#[test]
fn limits() {
    let narrow = |limits: Limits, code: &str, message: &str| {
        let error: PackageError = Package::verify(files(), &limits).expect_err(message);
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(error.code(), code);
    };
    let total: usize = files().iter().map(|file| file.content.len()).sum();
    let mut limits = Limits::DEFAULT;
    limits.files = 2;
    narrow(limits, "too-many-files", "the package has more than 2 files");
    limits = Limits::DEFAULT;
    limits.package_bytes = total as u64 - 1;
    narrow(limits, "file-too-large", &format!("the package: {total} bytes"));
    limits = Limits::DEFAULT;
    limits.file_bytes = 17;
    narrow(limits, "file-too-large", "model.onnx: 18 bytes, at most 17 are accepted");
    limits = Limits::DEFAULT;
    limits.manifest_bytes = 10;
    narrow(limits, "file-too-large", "manifest.json:");
    limits = Limits::DEFAULT;
    (limits.files, limits.package_bytes, limits.file_bytes) = (3, total as u64, 59);
    assert!(Package::verify(files(), &limits).is_ok());
}

#[test]
fn reference_cases() {
    let with = |content: &[u8], code: &str, field: Option<&str>, message: &str| {
        let mut files = files();
        files[2].content = content.into();
        let entry = entry("cases/reference.json", "reference-cases", content);
        says(&mut files, "/files/1", entry);
        let error = verify(files).expect_err(message);
        assert!(error.to_string().contains(message), "{message:?} is not in: {error}");
        let found = (error.code(), error.field(), error.file());
        assert_eq!(found, (code, field, Some("cases/reference.json")), "{error}");
    };
    with(b"", "invalid-json", None, "EOF");
    with(b"{}", "invalid-manifest", Some("the document"), "missing field `cases`");
    with(br#"{"cases":[],"more":1}"#, "invalid-manifest", Some("more"), "unknown field `more`");
    with(
        br#"{"cases":[{"name":"a","input":[]}]}"#,
        "invalid-manifest",
        Some("cases[0].input"),
        "expected a map",
    );
    with(
        br#"{"cases":[{"name":"a","input":{"x":1,"x":2}}]}"#,
        "invalid-json",
        None,
        r#"the key "x" occurs twice"#,
    );
    let case = r#"{"name":"a","input":{}},"#;
    let many = format!(r#"{{"cases":[{}{}]}}"#, case.repeat(65_536), &case[..case.len() - 1]);
    with(many.as_bytes(), "invalid-manifest", Some("cases"), "more than 65536 cases");
    assert_eq!(cases(), br#"{"cases":[{"input":{"amount":1},"name":"one"}]}"#);
}
