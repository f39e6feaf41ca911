//! JSON without surprises: RFC 8259, but a key may occur once in an object.
//!
//! `serde_json` keeps the last of several equal keys, so two readers may see two documents in one
//! text. Nothing that decides about money or trust should depend on which. Depth is bounded by
//! `serde_json` itself (128), length by the callers.

use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Text that is not the JSON that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON, a key twice, or nested too deeply.
    #[error("not valid JSON: {message}")]
    Syntax {
        /// What was found, with line and column.
        message: String,
    },
    /// JSON, but of another shape.
    #[error("{field}: {message}")]
    Shape {
        /// Where, as in `files[0].sha256`.
        field: String,
        /// What was found and what was expected.
        message: String,
    },
}

/// Parses a JSON text into a value.
///
/// # Errors
/// [`JsonError::Syntax`] if the text is not JSON or has a key twice in one object.
pub fn value(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let parsed = Strict.deserialize(&mut reader);
    parsed
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| JsonError::Syntax { message: error.to_string() })
}

/// Parses a JSON text into a type.
///
/// # Errors
/// As [`value`], and [`JsonError::Shape`] with the path of the part that does not fit the type.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    from_value(value(bytes)?)
}

/// Turns a value into a type.
///
/// # Errors
/// [`JsonError::Shape`] with the path of the part that does not fit the type.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "the document".into() } else { path };
        JsonError::Shape { field, message: error.into_inner().to_string() }
    })
}

/// The refusal of a key that occurs a second time in its object.
pub fn repeated<E: serde::de::Error>(key: &str) -> E {
    let key = key.chars().take(80).collect::<String>();
    E::custom(format!("the key {key:?} occurs twice"))
}

/// Deserialises any JSON value, refusing repeated keys. For readers that take a document apart
/// themselves, and have values in it that may be anything.
#[derive(Clone, Copy, Debug)]
pub struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(Self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(repeated(&key));
            }
            let value = map.next_value_seed(Self)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn check_error(text: &str, expected: &str) {
        let message = value(text.as_bytes()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn values_are_those_of_serde_json() {
        let text = r#"{"a":[1,-2,3.5,1e300,true,null,"x\u00e9"],"b":{"c":{}}}"#;
        assert_eq!(value(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_key_twice_is_refused() {
        check_error(r#"{"amount":1,"amount":2}"#, r#"the key "amount" occurs twice"#);
        check_error(r#"[{"x":{"a":1,"b":2,"a":3}}]"#, r#"the key "a" occurs twice"#);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        check_error("", "EOF");
        check_error("{} {}", "trailing characters");
        check_error("NaN", "expected");
        check_error("1e999", "number out of range");
        check_error(&"[".repeat(100_000), "recursion limit");
        check_error("\"\\ud800\"", "hex escape");
    }

    #[test]
    fn shape_errors_name_the_path() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only parsed")]
        struct List {
            items: Vec<u8>,
        }
        let error = from_slice::<List>(br#"{"items":[1,2,"x"]}"#).unwrap_err().to_string();
        assert!(error.starts_with("items[2]: invalid type: string \"x\""), "{error}");
    }
}
