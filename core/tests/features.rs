//! Every feature operation, by the bits that enter the graph.

use serde_json::{Value, json};

use crate::support::package::{Draft, echo, elements, output, predict};

fn fields() -> Value {
    json!([
        { "name": "a", "type": "number", "default": 0 },
        { "name": "b", "type": "number", "default": 0 },
        { "name": "n", "type": "integer", "default": 0 },
        { "name": "flag", "type": "boolean", "default": false },
        { "name": "here", "type": "string", "default": "" },
        { "name": "there", "type": "string", "default": "" },
        { "name": "kind", "type": "category", "values": ["red", "green"], "default": "red" },
        { "name": "other", "type": "category", "values": ["green", "blue"], "default": "blue" },
        { "name": "at", "type": "timestamp", "default": "1970-01-01T00:00:00Z" },
    ])
}

/// Evaluates one operation, named `result`, on an instance.
fn evaluate(op: Value, instance: &Value) -> Result<f32, inference_core::Error> {
    evaluate_list(json!([named("result", op)]), instance).map(|row| row[0])
}

fn named(name: &str, mut op: Value) -> Value {
    op["name"] = name.into();
    op
}

fn evaluate_list(features: Value, instance: &Value) -> Result<Vec<f32>, inference_core::Error> {
    let entering = features.as_array().unwrap().iter().filter(|f| f["internal"] != true).count();
    let model = Draft::new(fields(), features, &echo(entering)).load().unwrap();
    let prediction = predict(&model, &instance.to_string())?;
    Ok(elements(output(&prediction, "features")))
}

fn check(op: Value, instance: Value, expected: f32) {
    let found = evaluate(op.clone(), &instance).unwrap_or_else(|error| panic!("{op}: {error}"));
    assert_eq!(found.to_bits(), expected.to_bits(), "{op} of {instance}: {found}, not {expected}");
}

/// No finite value comes of it.
fn undefined(op: Value, instance: Value) {
    let error = evaluate(op.clone(), &instance).expect_err(&op.to_string());
    assert_eq!((error.code, error.field.as_deref()), ("feature-undefined", Some("result")));
    assert!(error.message.starts_with("the feature result has no finite value"), "{error}");
}

#[test]
fn value() {
    let value = |of: &str| json!({ "op": "value", "of": of });
    check(value("a"), json!({ "a": 0.1 }), 0.1);
    check(value("a"), json!({ "a": -0.0 }), -0.0);
    // Rounded to binary32 once: this lies closest to its lower neighbour.
    check(value("a"), json!({ "a": 16_777_217.0 }), 16_777_216.0);
    check(value("a"), json!({ "a": 3.402_823_4e38 }), f32::MAX);
    check(value("a"), json!({ "a": 1e-45 }), f32::from_bits(1));
    check(value("n"), json!({ "n": -3 }), -3.0);
    check(value("flag"), json!({ "flag": true }), 1.0);
    check(value("flag"), json!({ "flag": false }), 0.0);
    undefined(value("a"), json!({ "a": 3.402_823_6e38 }));
}

#[test]
fn log1p() {
    let log1p = json!({ "op": "log1p", "of": "a" });
    check(log1p.clone(), json!({ "a": 0 }), 0.0);
    check(log1p.clone(), json!({ "a": -0.0 }), -0.0);
    check(log1p.clone(), json!({ "a": 1 }), std::f32::consts::LN_2);
    // Where ln(1 + x) would round to 0.
    check(log1p.clone(), json!({ "a": 1e-20 }), 1e-20);
    check(log1p.clone(), json!({ "a": -0.5 }), -std::f32::consts::LN_2);
    check(log1p.clone(), json!({ "a": 1.7e308 }), 709.7268);
    undefined(log1p.clone(), json!({ "a": -1 }));
    undefined(log1p, json!({ "a": -1.5 }));
}

#[test]
fn ratio() {
    let ratio = json!({ "op": "ratio", "of": "a", "to": "b", "otherwise": -7 });
    check(ratio.clone(), json!({ "a": 1, "b": 3 }), 1.0 / 3.0);
    check(ratio.clone(), json!({ "a": 1, "b": 0 }), -7.0);
    check(ratio.clone(), json!({ "a": 1, "b": -0.0 }), -7.0);
    check(ratio.clone(), json!({ "a": 0, "b": 0 }), -7.0);
    check(ratio.clone(), json!({ "a": -1, "b": 1e-30 }), -1e30);
    undefined(ratio.clone(), json!({ "a": 1, "b": 5e-324 }));
    undefined(ratio, json!({ "a": 1, "b": 1e-300 }));
    let plus = json!({ "op": "ratio", "of": "a", "to": "b", "plus": 1, "otherwise": 0.5 });
    check(plus.clone(), json!({ "a": 3, "b": 0 }), 3.0);
    check(plus.clone(), json!({ "a": 3, "b": 2 }), 1.0);
    check(plus, json!({ "a": 3, "b": -1 }), 0.5);
    // `otherwise` has to be finite in binary32, too.
    undefined(
        json!({ "op": "ratio", "of": "a", "to": "b", "otherwise": 1e39 }),
        json!({ "a": 1, "b": 0 }),
    );
}

#[test]
fn difference_and_product() {
    let difference = json!({ "op": "difference", "of": "a", "minus": "b" });
    check(difference.clone(), json!({ "a": 0.3, "b": 0.1 }), (0.3_f64 - 0.1) as f32);
    check(difference.clone(), json!({ "a": 2, "b": 2 }), 0.0);
    undefined(difference, json!({ "a": 1e308, "b": -1e308 }));
    let product = json!({ "op": "product", "of": "a", "by": "b" });
    check(product.clone(), json!({ "a": 0.1, "b": 3 }), (0.1_f64 * 3.0) as f32);
    check(product.clone(), json!({ "a": -1, "b": 0 }), -0.0);
    undefined(product, json!({ "a": 1e200, "b": 1e200 }));
    let squared = json!({ "op": "product", "of": "n", "by": "n" });
    check(squared, json!({ "n": -12 }), 144.0);
    let masked = json!({ "op": "product", "of": "a", "by": "flag" });
    check(masked, json!({ "a": 5, "flag": true }), 5.0);
}

#[test]
fn clip() {
    let clip = json!({ "op": "clip", "of": "a", "min": -1, "max": 2.5 });
    check(clip.clone(), json!({ "a": -1.5 }), -1.0);
    check(clip.clone(), json!({ "a": -1 }), -1.0);
    check(clip.clone(), json!({ "a": 0.5 }), 0.5);
    check(clip.clone(), json!({ "a": 2.5 }), 2.5);
    check(clip.clone(), json!({ "a": 1e300 }), 2.5);
    check(clip, json!({ "a": -0.0 }), -0.0);
    // A zero keeps its sign at a bound that is zero.
    check(json!({ "op": "clip", "of": "a", "min": 0, "max": 1 }), json!({ "a": -0.0 }), -0.0);
    check(json!({ "op": "clip", "of": "a", "min": 3, "max": 3 }), json!({ "a": 9 }), 3.0);
}

#[test]
fn time_of_day_and_week() {
    let hour = json!({ "op": "hour", "of": "at" });
    check(hour.clone(), json!({ "at": "2026-03-14T00:00:00Z" }), 0.0);
    check(hour.clone(), json!({ "at": "2026-03-14T23:59:59.999999999Z" }), 24.0);
    check(hour.clone(), json!({ "at": "2026-03-14T13:30:36Z" }), 13.51);
    check(hour, json!({ "at": "2026-03-14T00:15:00+01:00" }), 23.25);
    let weekday = json!({ "op": "weekday", "of": "at" });
    let weekend = json!({ "op": "weekend", "of": "at" });
    for (at, day, end) in [
        ("2026-03-09T12:00:00Z", 0.0, 0.0),
        ("2026-03-13T23:59:59Z", 4.0, 0.0),
        ("2026-03-14T00:00:00Z", 5.0, 1.0),
        ("2026-03-15T23:59:59Z", 6.0, 1.0),
        ("2026-03-16T00:00:00Z", 0.0, 0.0),
        // Saturday there, still Friday in UTC.
        ("2026-03-14T00:30:00+02:00", 4.0, 0.0),
        ("1969-12-28T00:00:00Z", 6.0, 1.0),
    ] {
        check(weekday.clone(), json!({ "at": at }), day);
        check(weekend.clone(), json!({ "at": at }), end);
    }
}

#[test]
fn hour_between() {
    let between = |from: f64, until: f64, time: &str, expected: f32| {
        let op = json!({ "op": "hour_between", "of": "at", "from": from, "until": until });
        check(op, json!({ "at": format!("2026-03-14T{time}Z") }), expected);
    };
    between(9.0, 17.5, "08:59:59", 0.0);
    between(9.0, 17.5, "09:00:00", 1.0);
    between(9.0, 17.5, "17:29:59", 1.0);
    between(9.0, 17.5, "17:30:00", 0.0);
    // Over midnight.
    between(22.0, 5.0, "21:59:59", 0.0);
    between(22.0, 5.0, "22:00:00", 1.0);
    between(22.0, 5.0, "00:00:00", 1.0);
    between(22.0, 5.0, "04:59:59.9", 1.0);
    between(22.0, 5.0, "05:00:00", 0.0);
    // The whole day, and no hour of it.
    between(0.0, 24.0, "23:59:59.999999999", 1.0);
    between(6.0, 6.0, "06:00:00", 0.0);
    between(24.0, 0.0, "12:00:00", 0.0);
}

#[test]
fn text() {
    let is = |of: &str, value: &str| json!({ "op": "is", "of": of, "value": value });
    check(is("here", "DE"), json!({ "here": "DE" }), 1.0);
    check(is("here", "DE"), json!({ "here": "de" }), 0.0);
    check(is("here", ""), json!({}), 1.0);
    check(is("kind", "green"), json!({ "kind": "green" }), 1.0);
    check(is("kind", "green"), json!({ "kind": "red" }), 0.0);
    let same = |of: &str, r#as: &str| json!({ "op": "same", "of": of, "as": r#as });
    check(same("here", "there"), json!({ "here": "x", "there": "x" }), 1.0);
    check(same("here", "there"), json!({ "here": "x", "there": "y" }), 0.0);
    // No normalisation: these are the same letter in two spellings.
    check(same("here", "there"), json!({ "here": "\u{e9}", "there": "e\u{301}" }), 0.0);
    // Categories are compared by value, not by code.
    check(same("kind", "other"), json!({ "kind": "green", "other": "green" }), 1.0);
    check(same("kind", "other"), json!({ "kind": "red", "other": "green" }), 0.0);
    check(same("here", "kind"), json!({ "here": "red" }), 1.0);
    let code = json!({ "op": "code", "of": "other" });
    check(code.clone(), json!({ "other": "green" }), 0.0);
    check(code, json!({ "other": "blue" }), 1.0);
}

#[test]
fn earlier_features() {
    let list = json!([
        named(
            "third",
            json!({ "op": "ratio", "of": "a", "to": "b", "otherwise": 0, "internal": true })
        ),
        named("back", json!({ "op": "product", "of": "third", "by": "b" })),
        named("less", json!({ "op": "difference", "of": "back", "minus": "a" })),
        named("a", json!({ "op": "value", "of": "a" })),
        named("twice", json!({ "op": "product", "of": "a", "by": "n" })),
    ]);
    // `third` keeps its binary64 digits: in binary32, three times it would not be 1.
    let row = evaluate_list(list.clone(), &json!({ "a": 1, "b": 3, "n": 2 })).unwrap();
    assert_eq!(row, [1.0, 0.0, 1.0, 2.0]);
    // One that does not enter the graph must be finite, too.
    let error = evaluate_list(list, &json!({ "a": 1, "b": 5e-324 })).expect_err("infinite");
    assert_eq!((error.code, error.field.as_deref()), ("feature-undefined", Some("third")));
}
