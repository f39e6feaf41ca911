//! The members of a JSON object, each at the place of its field: one pass over the text, and no tree of
//! values in between.
//!
//! What a text must be is the same as for [`strict_json`]: RFC 8259, and a key once in an object. What
//! the values mean is for [`crate::instance`] to say.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use model_package::strict_json::{Strict, repeated};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

/// A value as the text has it.
#[derive(Debug)]
pub(crate) enum Given<'a> {
    /// `null` or no member at all.
    Nothing,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    /// An array or an object.
    Nested(Value),
}

impl From<Value> for Given<'static> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(Cow::Owned(text)),
            nested => Self::Nested(nested),
        }
    }
}

impl From<Given<'_>> for Value {
    fn from(given: Given<'_>) -> Self {
        match given {
            Given::Nothing => Self::Null,
            Given::Bool(value) => Self::Bool(value),
            Given::Number(number) => Self::Number(number),
            Given::Text(text) => Self::String(text.into_owned()),
            Given::Nested(value) => value,
        }
    }
}

/// What a text is.
#[derive(Debug)]
pub(crate) enum Document {
    /// An object. `unknown` is the first of its keys, in their order, that is no field.
    Object { unknown: Option<String> },
    /// Something else.
    Other(Value),
}

/// Reads objects with the same fields, one after the other.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    names: Vec<&'a str>,
    given: Vec<Given<'a>>,
    /// The places of the object before, in the order of its text: most likely those of the next one.
    order: Vec<usize>,
    seen: Vec<bool>,
}

impl<'a> Members<'a> {
    /// A reader of objects with fields of these names.
    pub(crate) fn new(names: Vec<&'a str>) -> Self {
        let count = names.len();
        let given = (0..count).map(|_| Given::Nothing).collect();
        Self { names, given, order: Vec::with_capacity(count), seen: vec![false; count] }
    }

    /// Reads a text; what it gives for each field is then to be had of [`Self::take`].
    pub(crate) fn read(&mut self, text: &'a str) -> serde_json::Result<Document> {
        self.given.fill_with(|| Given::Nothing);
        self.seen.fill(false);
        let mut reader = serde_json::Deserializer::from_str(text);
        let document = DocumentSeed { members: self }.deserialize(&mut reader)?;
        reader.end()?;
        Ok(document)
    }

    /// What the last text gave, in the order of the fields.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Given<'a>> {
        self.given.iter_mut().map(|given| std::mem::replace(given, Given::Nothing))
    }

    /// The place of a key, which the last object had as its member number `index`.
    fn place(&mut self, key: &str, index: usize) -> Option<usize> {
        let likely = self.order.get(index).copied();
        if let Some(place) = likely
            && self.names.get(place).is_some_and(|name| same(name, key))
        {
            return Some(place);
        }
        let place = self.names.iter().position(|name| same(name, key))?;
        self.order.truncate(index);
        self.order.push(place);
        Some(place)
    }
}

/// Whether two short texts are the same. Compares eight bytes at once: WebAssembly has no instruction
/// for it, and a call for a few bytes costs more than they do.
fn same(a: &str, b: &str) -> bool {
    let ((a, a_rest), (b, b_rest)) = (a.as_bytes().as_chunks::<8>(), b.as_bytes().as_chunks::<8>());
    a.len() == b.len()
        && a_rest.len() == b_rest.len()
        && a.iter().zip(b).all(|(a, b)| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b))
        && a_rest.iter().zip(b_rest).all(|(a, b)| a == b)
}

struct DocumentSeed<'m, 'a> {
    members: &'m mut Members<'a>,
}

impl<'a> DeserializeSeed<'a> for DocumentSeed<'_, 'a> {
    type Value = Document;

    fn deserialize<D: serde::Deserializer<'a>>(self, reader: D) -> Result<Document, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for DocumentSeed<'_, 'a> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Document, A::Error> {
        let members = self.members;
        let mut unknown = BTreeSet::new();
        let mut index = 0;
        while let Some(found) = map.next_key_seed(KeySeed { members, index })? {
            match found {
                Ok(place) => {
                    if members.seen.get(place) == Some(&true) {
                        return Err(repeated(members.names.get(place).unwrap_or(&"")));
                    }
                    let value = map.next_value_seed(GivenSeed)?;
                    if let (Some(seen), Some(given)) =
                        (members.seen.get_mut(place), members.given.get_mut(place))
                    {
                        *seen = true;
                        *given = value;
                    }
                    index += 1;
                }
                Err(key) if unknown.contains(&key) => return Err(repeated(&key)),
                Err(key) => {
                    map.next_value_seed(Strict)?;
                    unknown.insert(key);
                }
            }
        }
        Ok(Document::Object { unknown: unknown.pop_first() })
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Document, E> {
        Strict.visit_bool(value).map(Document::Other)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Document, E> {
        Strict.visit_i64(value).map(Document::Other)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Document, E> {
        Strict.visit_u64(value).map(Document::Other)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Document, E> {
        Strict.visit_f64(value).map(Document::Other)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Document, E> {
        Strict.visit_str(value).map(Document::Other)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Document, E> {
        Strict.visit_unit().map(Document::Other)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, seq: A) -> Result<Document, A::Error> {
        Strict.visit_seq(seq).map(Document::Other)
    }
}

/// A key: its field's place, or itself if there is no such field.
struct KeySeed<'m, 'a> {
    members: &'m mut Members<'a>,
    index: usize,
}

impl<'a> DeserializeSeed<'a> for KeySeed<'_, 'a> {
    type Value = Result<usize, String>;

    fn deserialize<D: serde::Deserializer<'a>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for KeySeed<'_, 'a> {
    type Value = Result<usize, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.members.place(key, self.index).ok_or_else(|| key.to_owned()))
    }
}

/// The value of a field.
struct GivenSeed;

impl<'a> DeserializeSeed<'a> for GivenSeed {
    type Value = Given<'a>;

    fn deserialize<D: serde::Deserializer<'a>>(self, reader: D) -> Result<Given<'a>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for GivenSeed {
    type Value = Given<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Given<'a>, E> {
        Ok(Given::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Given<'a>, E> {
        Ok(Given::Number(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Given<'a>, E> {
        Ok(Given::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Given<'a>, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"));
        number.map(Given::Number)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Given<'a>, E> {
        Ok(Given::Text(Cow::Owned(value.into())))
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, value: &'a str) -> Result<Given<'a>, E> {
        Ok(Given::Text(Cow::Borrowed(value)))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Given<'a>, E> {
        Ok(Given::Nothing)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, seq: A) -> Result<Given<'a>, A::Error> {
        Strict.visit_seq(seq).map(Given::Nested)
    }

    fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Given<'a>, A::Error> {
        Strict.visit_map(map).map(Given::Nested)
    }
}
