//! Instances in a JSON body: one, an array of them, or an envelope around an array.
//!
//! Instances stay texts: the component reads them itself, and refuses what is ambiguous in them.
//! They are counted while they are cut, so that a body of a million empty instances takes no more
//! memory than is allowed.

use std::fmt;

use predictor_host::envelope::no_list;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::problem::Problem;

/// What a body holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JsonBody {
    pub(crate) texts: Vec<String>,
    pub(crate) form: Form,
    /// The model that an envelope names.
    pub(crate) model: Option<String>,
}

/// How the instances came, and so how the predictions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One by itself.
    Single,
    /// An array.
    Array,
    /// `{"instances": […]}`, answered with `{"predictions": […]}`.
    Envelope,
}

/// Cuts a text into instances, at most `most`.
///
/// # Errors
/// 400 for what is not JSON, or an envelope with keys that it does not have; 413 for more.
pub(crate) fn read(text: &str, most: usize) -> Result<JsonBody, Problem> {
    let refuse = |error: serde_json::Error| {
        Problem::input("invalid-json", format!("not valid JSON: {error}"))
    };
    match text.trim_start().bytes().next() {
        None => Err(Problem::input("empty-body", "the body is empty; send an instance")),
        Some(b'[') => {
            let mut texts = Texts { most, taken: Vec::new(), more: false };
            whole(text, |reader| texts.deserialize(reader)).map_err(|error| match texts.more {
                true => too_many(most),
                false => refuse(error),
            })?;
            Ok(JsonBody { texts: texts.taken, form: Form::Array, model: None })
        }
        Some(b'{') if has_instances(text).map_err(refuse)? => envelope(text, most),
        Some(_) => {
            let text = serde_json::from_str::<&RawValue>(text).map_err(refuse)?.get().to_owned();
            Ok(JsonBody { texts: vec![text], form: Form::Single, model: None })
        }
    }
}

fn too_many(most: usize) -> Problem {
    Problem::too_large(format!("more than {most} instances in one request; split it"))
}

fn whole<'de, T>(
    text: &'de str,
    read: impl FnOnce(
        &mut serde_json::Deserializer<serde_json::de::StrRead<'de>>,
    ) -> serde_json::Result<T>,
) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The elements of an array as texts.
struct Texts {
    most: usize,
    taken: Vec<String>,
    /// Whether there are more than that.
    more: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Texts {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Texts {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of instances")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            if self.taken.len() == self.most {
                self.more = true;
                return Err(A::Error::custom("too many instances"));
            }
            self.taken.push(element.get().to_owned());
        }
        Ok(())
    }
}

/// Whether an object has the key that makes it an envelope.
fn has_instances(text: &str) -> serde_json::Result<bool> {
    struct Keys(bool);
    impl<'de> Deserialize<'de> for Keys {
        fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
            struct Reader;
            impl<'de> Visitor<'de> for Reader {
                type Value = Keys;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                    let mut found = false;
                    while let Some((key, IgnoredAny)) = map.next_entry::<Key, IgnoredAny>()? {
                        found |= key.0;
                    }
                    Ok(Keys(found))
                }
            }
            reader.deserialize_map(Reader)
        }
    }
    /// Whether a key is the one.
    struct Key(bool);
    impl<'de> Deserialize<'de> for Key {
        fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
            struct Reader;
            impl Visitor<'_> for Reader {
                type Value = Key;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a key")
                }
                fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                    Ok(Key(key == "instances"))
                }
            }
            reader.deserialize_str(Reader)
        }
    }
    Ok(serde_json::from_str::<Keys>(text)?.0)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    instances: &'a RawValue,
    #[serde(default)]
    model: Option<String>,
    /// None is defined yet, so any would be ignored in silence.
    #[serde(default)]
    parameters: Option<NoParameters>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParameters {}

fn envelope(text: &str, most: usize) -> Result<JsonBody, Problem> {
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| {
        let message = format!(
            "an object with the key instances is an envelope of instances, and optionally model \
             and parameters (of which there are none yet): {error}"
        );
        Problem::input("invalid-envelope", message)
    })?;
    let (Some(NoParameters {}) | None) = envelope.parameters;
    let list = envelope.instances.get();
    if !list.starts_with('[') {
        return Err(Problem::from(&no_list(list)));
    }
    let mut texts = Texts { most, taken: Vec::new(), more: false };
    whole(list, |reader| texts.deserialize(reader)).map_err(|error| match texts.more {
        true => too_many(most),
        false => Problem::input("invalid-envelope", format!("instances: {error}")),
    })?;
    Ok(JsonBody { texts: texts.taken, form: Form::Envelope, model: envelope.model })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(Form, &[&str], Option<&str>), u16>) {
        let found = read(text, 3);
        let found = match &found {
            Ok(body) => Ok((
                body.form,
                body.texts.iter().map(String::as_str).collect::<Vec<_>>(),
                body.model.as_deref(),
            )),
            Err(problem) => Err(problem.kind().status().as_u16()),
        };
        let expected = expected.map(|(form, texts, model)| (form, texts.to_vec(), model));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn bodies_are_cut_into_instances() {
        check(r#" {"a": 1} "#, Ok((Form::Single, &[r#"{"a": 1}"#], None)));
        check("7", Ok((Form::Single, &["7"], None)));
        check("[]", Ok((Form::Array, &[], None)));
        check(r#"[{"a":1e0}, 2 ]"#, Ok((Form::Array, &[r#"{"a":1e0}"#, "2"], None)));
        check(r#"{"instances":[{"a":[1]}]}"#, Ok((Form::Envelope, &[r#"{"a":[1]}"#], None)));
        check(
            r#"{"model":"m","instances":[1],"parameters":{}}"#,
            Ok((Form::Envelope, &["1"], Some("m"))),
        );
        check(r#"{"\u0069nstances":[1]}"#, Ok((Form::Envelope, &["1"], None)));
        check(r#"{"model":"m"}"#, Ok((Form::Single, &[r#"{"model":"m"}"#], None)));
    }

    #[test]
    fn wrong_bodies_are_refused() {
        for text in ["", " ", "{", "[1,", "[1] 2", "nope", r#"{"a":1}{"#, "[1,]"] {
            check(text, Err(400));
        }
        for text in [
            r#"{"instances":1}"#,
            r#"{"instances":{"a":1}}"#,
            r#"{"instances":null,"model":"m"}"#,
            r#"{"instances":[1],"top":3}"#,
            r#"{"instances":[1],"parameters":{"top":3}}"#,
            r#"{"instances":[1],"instances":[2]}"#,
            r#"{"instances":[1],"model":7}"#,
        ] {
            check(text, Err(400));
        }
        check("[1,2,3,4]", Err(413));
        check(r#"{"instances":[1,2,3,4]}"#, Err(413));
        check(&format!("[{}1]", "1,".repeat(1_000_000)), Err(413));
    }
}
