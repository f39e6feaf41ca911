//! Keys that callers put around instances: `instances`, where it has no list, or where nothing reads it, and
//! `instance`. To a model such a key is one more field that it does not have; the errors here say what is
//! wrong instead.
//!
//! They follow the component's answer. A model may have a field or a tensor of these names, and then the
//! component takes it.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::{Class, HostError, Instance, Outcome, Problem};

const SEVERAL: &str = "instances";
const ONE: &str = "instance";
const INSTEAD: &str = "send one as {…} without this key, several as [{…}, …]";

/// What an instance got, as whoever sent it understands it.
///
/// # Errors
/// Those of `outcome`, or `invalid-envelope`.
pub fn explained(instance: &Instance, outcome: Outcome) -> Outcome {
    outcome.map_err(|error| misplaced(instance, &error).unwrap_or(error))
}

/// The error for a value of the key `instances` (a JSON text) that is no list.
#[must_use]
pub fn no_list(value: &str) -> HostError {
    let found = match value.trim_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    };
    invalid(SEVERAL, format!("expected a list of instances, found {found}"))
}

fn misplaced(instance: &Instance, error: &HostError) -> Option<HostError> {
    let key = error.field().filter(|_| matches!(error.code(), "unknown-field" | "unknown-tensor"));
    let (key @ (SEVERAL | ONE), Instance::Json(text)) = (key?, instance) else { return None };
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let value = members.get(key)?.get();
    match (key, value.as_bytes().first()) {
        (SEVERAL, Some(b'[')) => {
            Some(invalid(key, "a list with a key, which is not read here".into()))
        }
        (SEVERAL, _) => Some(no_list(value)),
        // Anything else may be a field whose name is another.
        (_, Some(b'{' | b'[')) => {
            Some(invalid(key, "a key around an instance, which is not read".into()))
        }
        _ => None,
    }
}

fn invalid(key: &str, what: String) -> HostError {
    HostError::Answer {
        class: Class::InvalidInput,
        problem: Problem {
            message: format!("{key}: {what}; {INSTEAD}"),
            code: "invalid-envelope".into(),
            file: None,
            field: Some(key.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(code: &str, key: &str) -> Outcome {
        let field = Some(key.to_owned());
        let (message, code) = ("as the component says it".to_owned(), code.to_owned());
        let problem = Problem { message, code, file: None, field };
        Err(HostError::Answer { class: Class::InvalidInput, problem })
    }

    #[test]
    fn keys_around_instances_are_told_apart_from_fields() {
        let check = |text: &str, key: &str, expected: &str| {
            for code in ["unknown-field", "unknown-tensor"] {
                let found = explained(&Instance::Json(text.into()), unknown(code, key));
                let found = found.map(drop).map_err(|error| error.to_string());
                let expected = match expected {
                    "" => "as the component says it".to_owned(),
                    text => format!("{key}: {text}; {INSTEAD}"),
                };
                assert_eq!(found, Err(expected), "{text}");
            }
        };
        let list = |found: &str| format!("expected a list of instances, found {found}");
        check(r#"{"instances": {"a": 1}}"#, SEVERAL, &list("an object"));
        check(r#"{"instances": 1, "model": "m"}"#, SEVERAL, &list("a number"));
        check(r#"{"instances": "x"}"#, SEVERAL, &list("a string"));
        check(r#"{"instances": true}"#, SEVERAL, &list("a boolean"));
        check(r#"{"instances": null}"#, SEVERAL, &list("null"));
        check(r#"{"instances": [{"a": 1}]}"#, SEVERAL, "a list with a key, which is not read here");
        let around = "a key around an instance, which is not read";
        check(r#"{"instance": {"a": 1}}"#, ONE, around);
        check(r#"{"instance": [{"a": 1}]}"#, ONE, around);
        // What the component says is best.
        check(r#"{"instance": 1, "a": 1}"#, ONE, "");
        check(r#"{"amout": {}, "instances": {}}"#, "amout", "");
    }

    #[test]
    fn other_errors_stay() {
        let instance = Instance::Json(r#"{"instances": {}}"#.into());
        let found = explained(&instance, unknown("wrong-type", SEVERAL)).map(drop);
        assert_eq!(found.map_err(|error| error.code().to_owned()), Err("wrong-type".into()));
        let picture = explained(&Instance::Image(Vec::new()), unknown("unknown-field", SEVERAL));
        assert!(picture.is_err_and(|error| error.code() == "unknown-field"));
    }
}
