//! The strict reader against `serde_json`.

use model_package::strict_json::value;
use proptest::prelude::*;
use serde_json::Value;

/// Any JSON value, with the numbers that a text can say.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Whether a key occurs twice in an object, by the number of `:` that stand outside of strings.
fn keys(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(keys).sum(),
        Value::Object(object) => object.len() + object.values().map(keys).sum::<usize>(),
        _ => 0,
    }
}

fn colons(text: &str) -> usize {
    let (mut count, mut quoted, mut escaped) = (0, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ':' if !quoted => count += 1,
            _ => {}
        }
    }
    count
}

/// Both readers agree, but for keys that occur twice.
fn agree(text: &str) -> Result<(), TestCaseError> {
    let strict = value(text.as_bytes());
    match serde_json::from_str::<Value>(text) {
        Ok(lenient) if keys(&lenient) == colons(text) => prop_assert_eq!(strict, Ok(lenient)),
        Ok(_) => prop_assert!(strict.unwrap_err().to_string().contains("occurs twice")),
        Err(_) => prop_assert!(strict.is_err()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn documents(document in json()) {
        agree(&document.to_string())?;
        agree(&serde_json::to_string_pretty(&document).unwrap())?;
    }

    #[test]
    fn keys_out_of_two(text in r#"\{("[ab]":[0-9],){0,3}"[ab]":\{("[ab]":1,)?"[ab]":[0-9]\}\}"#) {
        agree(&text)?;
    }

    #[test]
    fn texts_that_look_like_json(text in r#"[\[\]{}",:0-9eE+\-.a-z\\ ]{0,40}"#) {
        agree(&text)?;
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let strict = value(&bytes).ok();
        let lenient = serde_json::from_slice::<Value>(&bytes).ok();
        prop_assert!(strict.is_none() || strict == lenient);
    }
}
