//! The rules of the manifest for files, fields and features: one broken rule, one row.

use model_package::{Limits, Manifest, PackageError};
use serde_json::{Value, json};

use crate::example::{entry, manifest};

pub fn parse(manifest: &Value) -> Result<Manifest, PackageError> {
    Manifest::parse(manifest.to_string().as_bytes(), &Limits::DEFAULT)
}

/// Sets the value at a path such as `/input/fields/0/name`; JSON null takes the key away.
pub fn set(manifest: &mut Value, path: &str, value: Value) {
    let (parent, key) = path.rsplit_once('/').unwrap();
    let parent = manifest.pointer_mut(parent).expect(path);
    match (parent, key.parse::<usize>()) {
        (Value::Array(values), Ok(index)) if index == values.len() => values.push(value),
        (Value::Array(values), Ok(index)) => values[index] = value,
        (Value::Object(object), _) if value.is_null() => drop(object.remove(key)),
        (parent, _) => parent[key] = value,
    }
}

/// The sound manifest with one change.
pub fn changed(path: &str, value: Value) -> Value {
    let mut manifest = manifest();
    set(&mut manifest, path, value);
    manifest
}

#[track_caller]
pub fn refused(manifest: &Value, code: &str, field: Option<&str>, message: &str) {
    let error = parse(manifest).expect_err(message);
    let text = error.to_string();
    assert!(text.contains(message), "{message:?} is not in: {text}");
    assert_eq!((error.code(), error.field()), (code, field), "{text}");
    assert!(text.len() < 1000, "{} bytes", text.len());
}

/// One change, and the key and message that refuse it.
#[track_caller]
pub fn check(path: &str, value: Value, field: &str, message: &str) {
    refused(&changed(path, value), "invalid-manifest", Some(field), message);
}

#[test]
fn the_manifest_to_break_is_sound() {
    let parsed = parse(&manifest()).unwrap();
    assert_eq!(parsed.id_field().unwrap().name, "id");
    assert_eq!(parsed.graph_features().count(), 12);
    // What is written again reads the same.
    let written = serde_json::to_value(&parsed).unwrap();
    assert_eq!(parse(&written).unwrap(), parsed);
}

#[test]
fn text() {
    let check = |text: &[u8], code: &str, message: &str| {
        let error = Manifest::parse(text, &Limits::DEFAULT).expect_err(message);
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!((error.code(), error.file()), (code, Some("manifest.json")));
    };
    check(b"", "invalid-json", "manifest.json: not valid JSON: EOF");
    check(b"\xff", "invalid-json", "not valid JSON");
    check(b"{}", "invalid-manifest", "missing field `format`");
    check(b"[]", "invalid-manifest", "expected struct Manifest");
    check(b"\"manifest\"", "invalid-manifest", "expected struct Manifest");
    let twice = manifest().to_string().replacen('{', r#"{"format":"samebits/9","#, 1);
    check(twice.as_bytes(), "invalid-json", r#"the key "format" occurs twice"#);
    let long = vec![b' '; (4 << 20) + 1];
    check(&long, "file-too-large", "4194305 bytes, at most 4194304 are accepted");
}

#[test]
fn format() {
    for format in ["samebits/2", "samebits", "", "SAMEBITS/1"] {
        let message = format!("found {format:?}, this version reads \"samebits/1\"");
        let mut later = changed("/format", json!(format));
        refused(&later, "unknown-format", Some("format"), &message);
        // What else a later format has is no mistake of its author.
        later["surprise"] = json!(1);
        refused(&later, "unknown-format", Some("format"), &message);
    }
}

#[test]
fn shape() {
    for (path, value, field, message) in [
        ("/surprise", json!(1), "surprise", "unknown field `surprise`"),
        ("/license", Value::Null, "the document", "missing field `license`"),
        ("/name", json!(1), "name", "expected a string"),
        ("/task", json!("oracle"), "task", "unknown variant `oracle`"),
        ("/files", json!({}), "files", "expected a sequence"),
        ("/files/0/role", json!("readme"), "files[0].role", "unknown variant `readme`"),
        ("/files/0/size", json!(-1), "files[0].size", "invalid value"),
        ("/files/0/size", json!(1.5), "files[0].size", "expected u64"),
        ("/files/0/mode", json!(7), "files[0].mode", "unknown field `mode`"),
        ("/files/0/sha256", json!("sha256:12"), "files[0].sha256", "64 lower-case hexadecimal"),
        ("/input/fields/0/type", json!("tensor"), "input.fields[0].type", "unknown variant"),
        ("/input/fields/0/role", json!("label"), "input.fields[0].role", "unknown variant"),
        ("/input/fields/0/typo", json!(1), "input.fields[0].typo", "unknown field"),
        ("/input/fields/1/min", json!("0"), "input.fields[1].min", "expected f64"),
        (
            "/input/fields/1/training_range",
            json!([1]),
            "input.fields[1].training_range",
            "length 2",
        ),
        ("/graph/inputs/0/from", json!("disk"), "graph.inputs[0].from", "unknown variant `disk`"),
        ("/output/typo", json!(1), "output.typo", "unknown field `typo`"),
        ("/output/score/typo", json!(1), "output.score.typo", "unknown field `typo`"),
        ("/decision/typo", json!(1), "decision.typo", "unknown field `typo`"),
        ("/decision/rules/0/below", json!(1), "decision.rules[0].below", "unknown field `below`"),
        ("/training/typo", json!(1), "training.typo", "unknown field `typo`"),
    ] {
        check(path, value, field, message);
    }
    // Features are flattened, so that the path ends at the feature.
    for (path, value, message) in [
        ("/features/0/op", json!("sqrt"), "unknown variant `sqrt`"),
        ("/features/0/op", Value::Null, "missing field `op`"),
        ("/features/0/off", json!("amount"), "unknown field `off`"),
        ("/features/0/minus", json!("amount"), "unknown field `minus`"),
        ("/features/0/of", Value::Null, "missing field `of`"),
        ("/features/2/otherwise", Value::Null, "missing field `otherwise`"),
        ("/features/2/plus", json!("1"), "expected f64"),
        ("/features/0/internal", json!(1), "expected a boolean"),
    ] {
        let error = parse(&changed(path, value)).expect_err(message);
        assert_eq!(error.code(), "invalid-manifest");
        assert!(error.field().unwrap().starts_with("features["), "{error}");
        assert!(error.to_string().contains(message), "{message:?} is not in: {error}");
    }
}

#[test]
fn name_and_version() {
    let long = "a".repeat(65);
    for name in ["", "Fraud", "1st", "-a", "a_b", "a b", "fräud", "a/b", &long] {
        check("/name", json!(name), "name", "expected up to 64 lower-case letters, digits");
    }
    for name in ["a", "a-1-", &"a".repeat(64)] {
        assert!(parse(&changed("/name", json!(name))).is_ok(), "{name}");
    }
    let long = format!("1.0.0-{}", "a".repeat(60));
    for version in [
        "",
        "1",
        "1.0",
        "1.0.0.0",
        "v1.0.0",
        "1.0.x",
        "01.0.0",
        "1.00.0",
        "1.0.-1",
        "1..0",
        "1.0.0-",
        "1.0.0-a..b",
        "1.0.0-ä",
        "1.0.0+build",
        " 1.0.0",
        "1234567890.0.0",
        &long,
    ] {
        check("/version", json!(version), "version", "expected MAJOR.MINOR.PATCH");
    }
    for version in ["0.0.0", "10.20.30", "1.0.0-rc.1", "1.0.0-a-b", "999999999.0.0"] {
        assert!(parse(&changed("/version", json!(version))).is_ok(), "{version}");
    }
}

#[test]
fn files() {
    let graph = |path: &str| entry(path, "graph", b"");
    let refuse = |files: Value, code: &str, field: Option<&str>, message: &str| {
        refused(&changed("/files", files), code, field, message);
    };
    let none = "expected one file of role graph, found 0";
    refuse(json!([]), "invalid-manifest", Some("files"), none);
    let two = json!([graph("a"), graph("b")]);
    refuse(two, "invalid-manifest", Some("files"), "expected one file of role graph, found 2");
    let cases = |path: &str| entry(path, "reference-cases", b"");
    let two = json!([graph("a"), cases("b"), cases("c")]);
    refuse(two, "invalid-manifest", Some("files"), "more than one file of role reference-cases");
    let twice = json!([graph("a"), cases("a")]);
    refuse(twice, "invalid-manifest", Some("files[1].path"), r#""a" is there already, at index 0"#);
    let itself = json!([graph("manifest.json")]);
    refuse(itself, "invalid-manifest", Some("files[0].path"), "does not list itself");
    let long = "a".repeat(257);
    for path in [
        "", "/a", "a/", "a//b", ".", "..", "./a", "a/..", "../a", "a/../b", "a\\b", "c:a", "a\nb",
        ".a", "a/.b", "...", "a\0b", "a\u{85}b", &long,
    ] {
        refuse(json!([graph(path)]), "invalid-path", None, "is not a path inside a package");
    }
    for path in ["a", "a/b/c.onnx", "ä", "a b", "a..b", &"a".repeat(256)] {
        assert!(parse(&changed("/files", json!([graph(path)]))).is_ok(), "{path}");
    }
    let many: Vec<_> = (0..64).map(|index| graph(&index.to_string())).collect();
    refuse(json!(many), "too-many-files", None, "more than 64 files");
    let sized = |size: u64, path: &str, role: &str| {
        let mut entry = entry(path, role, b"");
        entry["size"] = size.into();
        entry
    };
    let large = json!([sized((1 << 30) + 1, "a", "graph")]);
    refuse(large, "file-too-large", None, "a: 1073741825 bytes, at most 1073741824");
    let together = json!([sized(1 << 30, "a", "graph"), sized(1 << 30, "b", "reference-cases")]);
    refuse(together, "file-too-large", None, "the package: 2147483648 bytes, at most 1610612736");
    let overflow = json!([sized(u64::MAX, "a", "graph"), sized(u64::MAX, "b", "graph")]);
    refuse(overflow, "file-too-large", None, "a: 18446744073709551615 bytes");
}

#[test]
fn fields() {
    let long = "n".repeat(257);
    let field = |index: usize, key: &str, value: Value, at: &str, message: &str| {
        let path = format!("/input/fields/{index}/{key}");
        check(&path, value, &format!("input.fields[{index}].{at}"), message);
    };
    field(1, "name", json!(""), "name", "expected 1 to 256 bytes, found 0");
    field(1, "name", json!(long), "name", "expected 1 to 256 bytes, found 257");
    field(2, "name", json!("id"), "name", r#""id" is there already, at index 0"#);
    for index in [0, 3, 4, 6] {
        for key in ["min", "max"] {
            field(index, key, json!(1), key, &format!("has no {key}"));
        }
        field(index, "training_range", json!([0, 1]), "training_range", "has no training_range");
    }
    for index in [1, 2, 3, 4, 6] {
        field(index, "max_length", json!(1), "max_length", "has no max_length");
    }
    for index in [0, 1, 2, 3, 6] {
        field(index, "values", json!(["a"]), "values", "has no values");
    }
    field(1, "max", json!(-1), "max", "-1 is below min, 0");
    field(1, "training_range", json!([2, 1]), "training_range", "2 is above 1");
    field(4, "values", json!([]), "values", "a category needs at least one value");
    field(4, "values", json!(["red", "red"]), "values[1]", r#""red" is there already, at index 0"#);
    field(4, "values", json!(["red", ""]), "values[1]", "expected 1 to 256 bytes, found 0");
    let many: Vec<_> = (0..65_537).map(|index| index.to_string()).collect();
    field(4, "values", json!(many), "values[65536]", "more than 65536 entries");
    let many: Vec<_> =
        (0..4097).map(|i| json!({ "name": i.to_string(), "type": "boolean" })).collect();
    check("/input/fields", json!(many), "input.fields[4096].name", "more than 4096 entries");
}

#[test]
fn defaults() {
    let default = |index: usize, value: Value, kind: &str| {
        let message = format!("{value} is not a value that this {kind} field accepts");
        let path = format!("/input/fields/{index}/default");
        check(&path, value, &format!("input.fields[{index}].default"), &message);
    };
    default(0, json!(1), "string");
    default(0, json!("x".repeat(65)), "string");
    default(1, json!("1"), "number");
    default(1, json!(-0.5), "number");
    default(1, json!(1_000_000.5), "number");
    default(2, json!(1.5), "integer");
    default(2, json!(-1), "integer");
    default(2, json!(9_007_199_254_740_993_i64), "integer");
    default(2, json!(u64::MAX), "integer");
    default(3, json!(1), "boolean");
    default(4, json!("blue"), "category");
    default(4, json!(0), "category");
    default(6, json!(0), "timestamp");
}

#[test]
fn an_id_is_a_string_and_alone_under_its_name() {
    check("/input/fields/5/role", json!("id"), "input.fields[5].role", "a second id field");
    let mut number = changed("/input/fields/0/role", Value::Null);
    set(&mut number, "/input/fields/1/role", json!("id"));
    let message = "a field of role id is of type string";
    refused(&number, "invalid-manifest", Some("input.fields[1].type"), message);
    for name in
        ["label", "action", "probabilities", "warnings", "provenance", "error", "probability"]
    {
        let message = format!("{name:?} can't name the id: a prediction has another such key");
        check("/input/fields/0/name", json!(name), "input.fields[0].name", &message);
    }
    // Without a declared score, there is one of this name.
    assert!(parse(&changed("/input/fields/0/name", json!("score"))).is_ok());
    let mut undeclared = changed("/input/fields/0/name", json!("score"));
    set(&mut undeclared, "/output/score", Value::Null);
    refused(&undeclared, "invalid-manifest", Some("input.fields[0].name"), "can't name the id");
}

#[test]
fn features() {
    let feature = |index: usize, key: &str, value: Value, at: &str, message: &str| {
        let path = format!("/features/{index}/{key}");
        check(&path, value, &format!("features[{index}].{at}"), message);
    };
    feature(0, "name", json!(""), "name", "expected 1 to 256 bytes, found 0");
    feature(6, "name", json!("log"), "name", r#""log" is there already, at index 1"#);
    feature(1, "name", json!("count"), "name", r#""count" is already the name of an input field"#);
    feature(0, "name", json!("count"), "name", r#""count" is already the name of an input field"#);
    for (index, key) in
        [(1, "of"), (2, "of"), (2, "to"), (3, "of"), (3, "minus"), (4, "of"), (4, "by"), (5, "of")]
    {
        let unknown = r#""nothing" is neither an input field nor an earlier feature"#;
        feature(index, key, json!("nothing"), key, unknown);
        feature(
            index,
            key,
            json!("code"),
            key,
            r#""code" is neither an input field nor an earlier"#,
        );
        feature(index, key, json!("at"), key, r#""at" is a timestamp, not a number"#);
        feature(index, key, json!("kind"), key, r#""kind" is a category, not a number"#);
    }
    let value = |of: &str| json!([{ "name": "f", "op": "value", "of": of }]);
    let unknown = r#""nothing" is neither an input field nor an earlier feature"#;
    check("/features", value("nothing"), "features[0].of", unknown);
    check("/features", value("f"), "features[0].of", r#""f" is neither"#);
    for index in 6..10 {
        feature(index, "of", json!("nothing"), "of", r#""nothing" is not an input field"#);
        feature(index, "of", json!("log"), "of", r#""log" is not an input field"#);
        feature(
            index,
            "of",
            json!("amount"),
            "of",
            r#""amount" is a number, expected a timestamp"#,
        );
    }
    let text = "expected a string or category field";
    feature(10, "of", json!("amount"), "of", text);
    feature(11, "of", json!("flag"), "of", text);
    feature(11, "as", json!("at"), "as", text);
    feature(12, "of", json!("other"), "of", r#""other" is a string, expected a category field"#);
    feature(5, "max", json!(-1), "max", "-1 is below min, 0");
    for (key, value) in [("from", -0.5), ("from", 24.5), ("until", -1.0), ("until", 25.0)] {
        let message = format!("expected an hour from 0 to 24, found {value}");
        feature(9, key, json!(value), key, &message);
    }
    feature(10, "value", json!("blue"), "value", r#""blue" is not a value of kind: red, green"#);
    // A feature refers to earlier ones only, and never to itself.
    feature(1, "of", json!("log"), "of", r#""log" is neither"#);
    feature(1, "of", json!("ratio"), "of", r#""ratio" is neither"#);
    let many: Vec<_> = (0..4097)
        .map(|i| json!({ "name": format!("f{i}"), "op": "value", "of": "amount" }))
        .collect();
    check("/features", json!(many), "features[4096].name", "more than 4096 entries");
    check("/features", json!([]), "features", "no feature enters the graph");
    let internal = json!([{ "name": "f", "op": "value", "of": "amount", "internal": true }]);
    check("/features", internal, "features", "no feature enters the graph");
}
