//! What a JSON instance may say: one rejected instance, one row.

use inference_core::ErrorKind::{InvalidInput, TooLarge, UnsupportedInput};
use inference_core::{ErrorKind, Instance, Model};
use serde_json::json;

use crate::support::package::{Draft, echo, elements, output, predict};

/// A model with one field of each kind, whose outputs are the numbers that it read.
fn model() -> Model {
    let fields = json!([
        { "name": "id", "type": "string", "role": "id", "max_length": 8 },
        { "name": "amount", "type": "number", "min": 0, "max": 100, "training_range": [1, 50] },
        { "name": "offset", "type": "number", "default": 1.5 },
        { "name": "count", "type": "integer", "min": -5, "max": 10, "default": 0 },
        { "name": "whole", "type": "integer", "default": 0 },
        { "name": "flag", "type": "boolean", "default": false },
        { "name": "note", "type": "string", "max_length": 4, "default": "" },
        { "name": "kind", "type": "category", "values": ["a", "b", "c"], "default": "b" },
        { "name": "at", "type": "timestamp", "default": "2026-03-14T12:00:00Z" },
    ]);
    let features = json!([
        { "name": "amount", "op": "value", "of": "amount" },
        { "name": "offset", "op": "value", "of": "offset" },
        { "name": "count", "op": "value", "of": "count" },
        { "name": "whole", "op": "value", "of": "whole" },
        { "name": "flag", "op": "value", "of": "flag" },
        { "name": "noted", "op": "is", "of": "note", "value": "yes" },
        { "name": "code", "op": "code", "of": "kind" },
        { "name": "hour", "op": "hour", "of": "at" },
    ]);
    Draft::new(fields, features, &echo(8)).load().unwrap()
}

/// The instance `{"id": "x", "amount": 2}` with more members.
fn instance(members: &str) -> String {
    format!(r#"{{"id":"x","amount":2{}{members}}}"#, if members.is_empty() { "" } else { "," })
}

fn accepts(model: &Model, text: &str, expected: [f32; 8]) {
    let prediction = predict(model, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&elements(output(&prediction, "features"))), bits(&expected), "{text}");
}

/// Refuses with this kind, code, field and part of a message.
fn refuses(
    model: &Model,
    instance: &Instance,
    (kind, code): (ErrorKind, &str),
    field: Option<&str>,
    message: &str,
) {
    let answer = model.predict(std::slice::from_ref(instance)).unwrap().remove(0);
    let error = answer.expect_err(message);
    assert!(error.message.contains(message), "{message:?} is not in: {}", error.message);
    assert_eq!((error.kind, error.code), (kind, code), "{}", error.message);
    assert_eq!((error.field.as_deref(), error.file.as_deref()), (field, None), "{}", error.message);
    assert!(error.message.len() < 500, "{} bytes of message", error.message.len());
}

#[test]
fn values_that_are_accepted() {
    let model = model();
    let default = [2.0, 1.5, 0.0, 0.0, 0.0, 0.0, 1.0, 12.0];
    let changed = |place: usize, value: f32| {
        let mut row = default;
        row[place] = value;
        row
    };
    for (members, expected) in [
        ("", default),
        (r#""offset":null,"count":null,"flag":null,"note":null,"kind":null,"at":null"#, default),
        (r#""offset":-1e10"#, changed(1, -1e10)),
        (r#""offset":0.1"#, changed(1, 0.1)),
        (r#""offset":1E+2"#, changed(1, 100.0)),
        (r#""offset":-0"#, changed(1, -0.0)),
        (r#""offset":-0.0"#, changed(1, -0.0)),
        // Too small for binary64, and then for binary32.
        (r#""offset":1e-400"#, changed(1, 0.0)),
        (r#""offset":1e-60"#, changed(1, 0.0)),
        (r#""offset":18446744073709551615"#, changed(1, 18_446_744_073_709_551_615.0)),
        (r#""count":-5"#, changed(2, -5.0)),
        (r#""count":10"#, changed(2, 10.0)),
        (r#""count":3.0"#, changed(2, 3.0)),
        (r#""count":1e1"#, changed(2, 10.0)),
        (r#""whole":9007199254740992"#, changed(3, 9_007_199_254_740_992.0)),
        (r#""whole":-9007199254740992"#, changed(3, -9_007_199_254_740_992.0)),
        (r#""flag":true"#, changed(4, 1.0)),
        (r#""note":"yes""#, changed(5, 1.0)),
        (r#""note":"\u0079es""#, changed(5, 1.0)),
        (r#""note":"🦀""#, default),
        (r#""kind":"a""#, changed(6, 0.0)),
        (r#""kind":"c""#, changed(6, 2.0)),
        (r#""at":"2026-03-14t05:30:00+02:00""#, changed(7, 3.5)),
    ] {
        accepts(&model, &instance(members), expected);
    }
    accepts(&model, "\u{20}\t\r\n{\"amount\":0,\"id\":\"\"} ", changed(0, 0.0));
    accepts(&model, r#"{"amount":100,"id":"12345678"}"#, changed(0, 100.0));
    accepts(&model, r#"{"\u0061mount":-0.0,"id":"x"}"#, changed(0, -0.0));
}

#[test]
fn text_that_is_no_json() {
    let model = model();
    for (text, message) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("{} {}", "trailing characters"),
        ("{\"amount\":1,}", "trailing comma"),
        ("{'amount':1}", "key must be a string"),
        ("{\"amount\":NaN}", "expected value"),
        ("{\"amount\":Infinity}", "expected value"),
        ("{\"amount\":-Infinity}", "invalid number"),
        ("{\"amount\":1e999}", "number out of range"),
        ("{\"amount\":-1e999}", "number out of range"),
        ("{\"amount\":01}", "invalid number"),
        ("{\"amount\":.5}", "expected value"),
        ("{\"amount\":+1}", "expected value"),
        ("{\"amount\":0x10}", "expected `,` or `}`"),
        ("{\"id\":\"\\ud800\"}", "hex escape"),
        ("{\"id\":\"a\nb\"}", "control character"),
        ("{\"id\":\"x\",\"id\":\"y\"}", r#"the key "id" occurs twice"#),
        ("{\"id\":\"x\",\"\\u0069d\":\"y\"}", r#"the key "id" occurs twice"#),
        ("\u{feff}{}", "expected value"),
    ] {
        let instance = Instance::Json(text.into());
        refuses(&model, &instance, (InvalidInput, "invalid-json"), None, message);
    }
    let deep = Instance::Json(format!(r#"{{"note":{}"#, "[".repeat(500_000)));
    refuses(&model, &deep, (InvalidInput, "invalid-json"), None, "recursion limit exceeded");
    let long_key = "k".repeat(100_000);
    let twice = Instance::Json(format!(r#"{{"{long_key}":1,"{long_key}":2}}"#));
    refuses(&model, &twice, (InvalidInput, "invalid-json"), None, "occurs twice");
}

#[test]
fn json_that_is_no_object() {
    let model = model();
    for (text, message) in [
        ("null", "found null"),
        ("true", "found the boolean true"),
        ("5", "found the number 5"),
        (r#""{}""#, r#"found the string "{}""#),
        ("[{},{}]", "found an array of 2"),
    ] {
        let instance = Instance::Json(text.into());
        refuses(&model, &instance, (InvalidInput, "not-an-object"), None, message);
    }
}

#[test]
fn instances_of_another_kind_or_size() {
    let model = model();
    let unsupported = (UnsupportedInput, "unsupported-input");
    refuses(&model, &Instance::Text("{}".into()), unsupported, None, "found plain text");
    refuses(&model, &Instance::Image(vec![0xff, 0xd8]), unsupported, None, "found an image");
    let limit = 1 << 20;
    let padded = |length: usize| {
        let text = instance("");
        format!("{text}{}", " ".repeat(length - text.len()))
    };
    assert!(predict(&model, &padded(limit)).is_ok());
    let too_large = (TooLarge, "instance-too-large");
    let message = "the instance has 1048577 bytes, at most 1048576 are accepted";
    refuses(&model, &Instance::Json(padded(limit + 1)), too_large, None, message);
    let huge = Instance::Json(format!(r#"{{"id":"{}"}}"#, "x".repeat(100 << 20)));
    refuses(&model, &huge, too_large, None, "the instance has 104857609 bytes");
}

#[test]
fn fields_that_are_missing_or_unknown() {
    let model = model();
    let check = |text: &str, code: &str, field: &str, message: &str| {
        let instance = Instance::Json(text.into());
        refuses(&model, &instance, (InvalidInput, code), Some(field), message);
    };
    check("{}", "missing-field", "id", "id: missing; expected a string of at most 8 bytes");
    check(r#"{"id":"x"}"#, "missing-field", "amount", "expected a number from 0 to 100");
    check(r#"{"id":"x","amount":null}"#, "missing-field", "amount", "amount: missing");
    let unknown = "unknown-field";
    check(&instance(r#""amuont":1"#), unknown, "amuont", r#"did you mean "amount""#);
    check(&instance(r#""Amount":1"#), unknown, "Amount", r#"did you mean "amount""#);
    check(&instance(r#""cuont":1"#), unknown, "cuont", r#"did you mean "count""#);
    check(&instance(r#""":1"#), unknown, "", "is not a field of this model");
    check(&instance(r#""surprise":1"#), unknown, "surprise", "the fields are id, amount, offset");
    let long = "ä".repeat(70_000);
    let message = "(140000 bytes) is not a field of this model";
    check(&instance(&format!(r#""{long}":1"#)), unknown, &"ä".repeat(60), message);
}

#[test]
fn values_of_another_type() {
    let model = model();
    for (field, value, message) in [
        ("offset", r#""5""#, r#"expected a number, found the string "5""#),
        ("offset", "true", "found the boolean true"),
        ("offset", "[1]", "found an array of 1"),
        ("offset", r#"{"a":1,"b":2}"#, "found an object of 2"),
        ("count", r#""5""#, "expected a whole number from -5 to 10"),
        ("flag", "1", "expected true or false, found the number 1"),
        ("flag", r#""true""#, r#"found the string "true""#),
        ("note", "7", "expected a string of at most 4 bytes, found the number 7"),
        ("kind", "1", r#"expected one of "a", "b", "c", found the number 1"#),
        ("at", "1773455400", "expected an RFC 3339 timestamp such as"),
    ] {
        let instance = Instance::Json(instance(&format!(r#""{field}":{value}"#)));
        refuses(&model, &instance, (InvalidInput, "wrong-type"), Some(field), message);
    }
    let long = Instance::Json(instance(&format!(r#""offset":"{}""#, "ß".repeat(100_000))));
    refuses(&model, &long, (InvalidInput, "wrong-type"), Some("offset"), "(200000 bytes)");
}

#[test]
fn values_outside_of_what_is_accepted() {
    let model = model();
    let check = |field: &str, value: &str, code: &str, message: &str| {
        let instance = Instance::Json(format!(r#"{{"id":"x","{field}":{value}}}"#));
        refuses(&model, &instance, (InvalidInput, code), Some(field), message);
    };
    check("amount", "-1e-9", "out-of-range", "expected a number from 0 to 100, found -0.000000001");
    check("amount", "100.00000000000002", "out-of-range", "found 100.00000000000001");
    check("amount", "1e308", "out-of-range", "expected a number from 0 to 100, found 1");
    let check = |field: &str, value: &str, code: &str, message: &str| {
        let instance = Instance::Json(instance(&format!(r#""{field}":{value}"#)));
        refuses(&model, &instance, (InvalidInput, code), Some(field), message);
    };
    check("count", "11", "out-of-range", "expected a whole number from -5 to 10, found 11");
    check("count", "-6", "out-of-range", "found -6");
    check("count", "1.5", "invalid-value", "expected a whole number from -5 to 10, found 1.5");
    let exact = "expected a whole number, found";
    check("whole", "9007199254740993", "invalid-value", "found 9007199254740993");
    check("whole", "-9007199254740993", "invalid-value", "found -9007199254740993");
    check("whole", "18446744073709551615", "invalid-value", "found 18446744073709551615");
    check("whole", "9007199254740994.0", "invalid-value", exact);
    check("whole", "1e300", "invalid-value", exact);
    check("whole", "0.5", "invalid-value", "found 0.5");
    check("kind", r#""z""#, "invalid-value", r#"expected one of "a", "b", "c", found "z""#);
    check("kind", r#""A""#, "invalid-value", r#"found "A""#);
    check("kind", r#""""#, "invalid-value", r#"found """#);
    check("at", r#""yesterday""#, "invalid-value", r#"found "yesterday""#);
    check("at", r#""2026-02-30T00:00:00Z""#, "invalid-value", "2026-02-30");
    check("note", r#""12345""#, "too-long", "note: 5 bytes, at most 4 are accepted");
    check("note", r#""äöü""#, "too-long", "note: 6 bytes, at most 4 are accepted");
    // It has a number in binary64, but none in binary32.
    let instance = Instance::Json(instance(r#""offset":1e300"#));
    let undefined = (InvalidInput, "feature-undefined");
    refuses(&model, &instance, undefined, Some("offset"), "no finite value for this input");
}

#[test]
fn values_outside_of_training_are_warned_of() {
    let model = model();
    let warnings = |amount: &str| {
        predict(&model, &format!(r#"{{"id":"x","amount":{amount}}}"#)).unwrap().warnings
    };
    assert!(warnings("1").is_empty());
    assert!(warnings("50").is_empty());
    let warning = "amount: 50.5 lies outside the range seen in training, 1 to 50";
    assert_eq!(warnings("50.5"), [warning]);
    assert_eq!(warnings("0").len(), 1);
}

#[test]
fn defaults_must_be_values_that_are_accepted() {
    let check = |kind: &str, default: serde_json::Value, message: &str| {
        let fields = json!([
            { "name": "x", "type": "number" },
            { "name": "y", "type": kind, "default": default },
        ]);
        let features = json!([{ "name": "x", "op": "value", "of": "x" }]);
        let error = Draft::new(fields, features, &echo(1)).load().expect_err(message);
        assert_eq!((error.kind, error.code), (ErrorKind::InvalidModel, "invalid-manifest"));
        assert_eq!(error.field.as_deref(), Some("input.fields[1].default"));
        assert_eq!(error.file.as_deref(), Some("manifest.json"));
        assert!(error.message.contains(message), "{error}");
    };
    check("timestamp", json!("yesterday"), "expected an RFC 3339 timestamp");
    check("timestamp", json!(""), "expected an RFC 3339 timestamp");
    check("integer", json!(9_007_199_254_740_993_i64), "9007199254740993");
}

/// Messages and warnings end in logs, and a sensitive value must not.
#[test]
fn sensitive_values_are_not_shown() {
    let fields = json!([
        { "name": "income", "type": "number", "min": 0, "max": 99, "training_range": [1, 50], "sensitive": true },
        { "name": "card", "type": "string", "default": "", "sensitive": true },
        { "name": "age", "type": "integer", "default": 1, "sensitive": true },
        { "name": "kind", "type": "category", "values": ["a"], "default": "a", "sensitive": true },
    ]);
    let features = json!([{ "name": "income", "op": "value", "of": "income" }]);
    let model = Draft::new(fields, features, &echo(1)).load().unwrap();
    let hidden = "a value that is not shown";
    for (members, found) in [
        (r#""income":"4711""#, "found a string"),
        (r#""income":4711"#, hidden),
        (r#""income":1,"card":4711"#, "found a number"),
        (r#""income":1,"age":47.11"#, hidden),
        (r#""income":1,"kind":"4711""#, hidden),
    ] {
        let error = predict(&model, &format!("{{{members}}}")).unwrap_err();
        assert!(error.message.contains(found), "{}", error.message);
        assert!(!error.message.contains("47"), "{}", error.message);
    }
    let warnings = predict(&model, r#"{"income":77}"#).unwrap().warnings;
    let expected =
        "income: a value that is not shown lies outside the range seen in training, 1 to 50";
    assert_eq!(warnings, [expected]);
}
