//! Items of DynamoDB as plain JSON.
//!
//! Source: Amazon DynamoDB API reference, `AttributeValue`. Numbers keep their digits, since the
//! component decides how a number is read.

use predictor_host::{Class, HostError};
use serde_json::{Map, Number, Value};

use crate::failure::refused;

/// How deep an item may be nested (Amazon DynamoDB: 32 levels).
const DEPTH: usize = 32;

/// An item's image as a plain object.
pub(super) fn plain(image: &str) -> Result<Map<String, Value>, HostError> {
    let image: Map<String, Value> = serde_json::from_str(image)
        .map_err(|error| wrong(format!("not an item of DynamoDB: {error}")))?;
    object(image, DEPTH)
}

/// What is said of a change without an image.
pub(super) fn without_image() -> HostError {
    wrong("the stream has no new images; set its view to NEW_IMAGE or NEW_AND_OLD_IMAGES".into())
}

fn object(image: Map<String, Value>, depth: usize) -> Result<Map<String, Value>, HostError> {
    image.into_iter().map(|(name, value)| Ok((name, attribute(value, depth)?))).collect()
}

fn attribute(value: Value, depth: usize) -> Result<Value, HostError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(wrong("an item that is nested too deeply".into()));
    };
    let Value::Object(typed) = value else {
        return Err(wrong("an attribute without a type".into()));
    };
    let mut typed = typed.into_iter();
    let (Some((kind, value)), None) = (typed.next(), typed.next()) else {
        return Err(wrong("an attribute with more or less than one type".into()));
    };
    match (kind.as_str(), value) {
        ("NULL", _) => Ok(Value::Null),
        ("S" | "B", value @ Value::String(_)) | ("BOOL", value @ Value::Bool(_)) => Ok(value),
        ("SS" | "BS", value @ Value::Array(_)) => Ok(value),
        ("N", Value::String(digits)) => number(&digits),
        ("NS", Value::Array(values)) => {
            let numbers = values.iter().map(|value| number(value.as_str().unwrap_or_default()));
            numbers.collect::<Result<_, _>>().map(Value::Array)
        }
        ("L", Value::Array(values)) => {
            let values = values.into_iter().map(|value| attribute(value, depth));
            values.collect::<Result<_, _>>().map(Value::Array)
        }
        ("M", Value::Object(image)) => object(image, depth).map(Value::Object),
        (kind, _) => {
            let kind: String = kind.chars().take(20).collect();
            Err(wrong(format!("an attribute of the type {kind:?} with a value of another")))
        }
    }
}

fn number(digits: &str) -> Result<Value, HostError> {
    let number = serde_json::from_str::<Number>(digits).map(Value::Number);
    number.map_err(|_| wrong("a number that is none".into()))
}

fn wrong(message: String) -> HostError {
    refused(Class::InvalidInput, "invalid-item", message)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn items_become_plain_objects() {
        let check = |image: &str, expected: &str| {
            let found = plain(image).map(|item| Value::Object(item).to_string());
            assert_eq!(found.unwrap(), expected);
        };
        check("{}", "{}");
        check(
            r#"{"a": {"N": "42.80"}, "b": {"S": "x"}, "c": {"BOOL": true}, "d": {"NULL": true}}"#,
            r#"{"a":42.8,"b":"x","c":true,"d":null}"#,
        );
        check(
            r#"{"l": {"L": [{"N": "1"}, {"M": {"k": {"NS": ["1", "2"]}}}]}, "s": {"SS": ["x"]}}"#,
            r#"{"l":[1,{"k":[1,2]}],"s":["x"]}"#,
        );
    }

    #[test]
    fn what_is_no_item_is_refused() {
        let check = |image: &str, expected: &str| {
            let error = plain(image).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(error.class(), Class::InvalidInput);
        };
        check("[]", "not an item of DynamoDB");
        check(r#"{"a": 1}"#, "an attribute without a type");
        check(r#"{"a": {}}"#, "more or less than one type");
        check(r#"{"a": {"S": "x", "N": "1"}}"#, "more or less than one type");
        check(r#"{"a": {"N": "1e"}}"#, "a number that is none");
        check(r#"{"a": {"N": 1}}"#, "an attribute of the type \"N\" with a value of another");
        check(r#"{"a": {"Q": "x"}}"#, "an attribute of the type \"Q\"");
        let deep = format!("{}{}", r#"{"a":{"M":"#.repeat(40), "{}");
        check(&format!("{deep}{}", "}}".repeat(40)), "nested too deeply");
    }
}
