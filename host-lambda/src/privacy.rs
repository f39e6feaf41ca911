//! What of an input may be seen: in logs, in audit records, in metrics. The manifest marks fields as
//! sensitive; settings say what is done to them, and may mark more.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use model_package::{Manifest, Modality, hex};
use predictor_host::{HostError, Instance};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::Sha256;

/// What is done to a sensitive value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Three asterisks stand in its place.
    #[default]
    Mask,
    /// Its keyed hash stands in its place: equal values can be told, their values can't.
    Hash,
    /// It has no place.
    Drop,
}

/// What stands in the place of a masked value.
const MASKED: &str = "***";
/// An input that is longer is not shown: log services cut long lines.
const SHOWN_BYTES: usize = 16 << 10;
/// The shortest key.
const KEY_CHARACTERS: usize = 16;

impl FromStr for Treatment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mask" => Ok(Self::Mask),
            "hash" => Ok(Self::Hash),
            "drop" => Ok(Self::Drop),
            _ => Err(format!("expected mask, hash or drop, found {text:?}")),
        }
    }
}

/// What the settings say of sensitive fields: `mask`, or `hash,card_number=drop`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// What is done to the fields that the manifest marks.
    marked: Treatment,
    /// What is done to these, marked or not.
    named: BTreeMap<String, Treatment>,
}

impl FromStr for Wishes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut wishes = Self::default();
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some((field, treatment)) => {
                    wishes.named.insert(field.trim().to_owned(), treatment.trim().parse()?);
                }
                None => wishes.marked = part.parse()?,
            }
        }
        Ok(wishes)
    }
}

/// The secret of keyed hashes.
#[derive(Clone)]
pub(crate) struct Key(String);

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.chars().count() < KEY_CHARACTERS {
            return Err(format!("expected at least {KEY_CHARACTERS} characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The keyed hash of some bytes: `hmac-sha256:` and 64 hexadecimal digits.
    fn hash(&self, bytes: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes());
        let hashed = mac.map(|mac| mac.chain_update(bytes).finalize().into_bytes());
        // A key of any length is accepted.
        format!("hmac-sha256:{}", hex(hashed.unwrap_or_default()))
    }
}

/// What may be seen of a model's inputs.
#[derive(Debug)]
pub(crate) struct Privacy {
    modality: Modality,
    fields: Fields,
    key: Option<Key>,
}

/// The fields of a model.
#[derive(Debug)]
struct Fields {
    /// Sorted by name.
    all: Vec<Field>,
    /// Their places, sorted by the length of their names before the names: most are told apart by it.
    by_length: Vec<usize>,
}

/// A field, and what is done to its values.
#[derive(Debug)]
struct Field {
    name: String,
    treatment: Option<Treatment>,
}

impl Privacy {
    /// # Errors
    /// If the wishes name a field that the model does not have, or want hashes without a key: all
    /// such mistakes.
    pub(crate) fn new(
        manifest: &Manifest,
        wishes: Wishes,
        key: Option<Key>,
    ) -> Result<Self, Vec<String>> {
        let fields = manifest.input.fields.iter();
        let mut fields: BTreeMap<_, _> = fields
            .map(|field| (field.name.clone(), field.sensitive.then_some(wishes.marked)))
            .collect();
        let mut wrong = Vec::new();
        for (name, treatment) in wishes.named {
            match fields.get_mut(&name) {
                Some(field) => *field = Some(treatment),
                None => wrong.push(format!(
                    "SAMEBITS_SENSITIVE: {name:?} is not a field of the model {}",
                    manifest.name
                )),
            }
        }
        if key.is_none() && fields.values().any(|treatment| *treatment == Some(Treatment::Hash)) {
            wrong.push("SAMEBITS_SENSITIVE: hash needs a key; set SAMEBITS_KEY".into());
        }
        let modality = manifest.task.modality();
        let fields = Fields::new(fields);
        if wrong.is_empty() { Ok(Self { modality, fields, key }) } else { Err(wrong) }
    }

    /// An input as it may be seen. Of texts and pictures that is their length. What is no object,
    /// or too long to be shown, is not shown at all, and no more is a key that is no field.
    pub(crate) fn shown<'a>(&'a self, instance: &'a Instance) -> Option<Shown<'a>> {
        match instance {
            Instance::Json(text) if self.modality == Modality::Tabular => {
                (text.len() <= SHOWN_BYTES).then(|| self.treated(text))?
            }
            Instance::Json(text) => Some(Shown::length("json_bytes", text.len())),
            Instance::Text(text) => Some(Shown::length("text_bytes", text.len())),
            Instance::Image(bytes) => Some(Shown::length("image_bytes", bytes.len())),
        }
    }

    /// The object with its fields treated, sorted by name; nothing, if it is none.
    fn treated<'a>(&'a self, text: &'a str) -> Option<Shown<'a>> {
        let mut values = vec![None; self.fields.all.len()];
        let mut object = serde_json::Deserializer::from_str(text);
        object.deserialize_map(Values { fields: &self.fields, values: &mut values }).ok()?;
        object.end().ok()?;
        let mut shown = Vec::with_capacity(values.len());
        for (Field { name, treatment }, value) in self.fields.all.iter().zip(values) {
            let Some(value) = value else { continue };
            let value = match treatment {
                None => as_written(value)?,
                Some(Treatment::Mask) => ShownValue::Text(MASKED.into()),
                Some(Treatment::Hash) => {
                    let value: Value = serde_json::from_str(value.get()).ok()?;
                    ShownValue::Text(self.key.as_ref()?.hash(value.to_string().as_bytes()).into())
                }
                Some(Treatment::Drop) => continue,
            };
            shown.push((name.as_str(), value));
        }
        Some(Shown(shown))
    }

    /// What is done to a field's values.
    fn treatment(&self, field: &str) -> Option<Treatment> {
        let place = self.fields.place(field)?;
        self.fields.all.get(place)?.treatment
    }

    /// The keyed hash of an input, where there is a key.
    pub(crate) fn hash(&self, instance: &Instance) -> Option<String> {
        let bytes = match instance {
            Instance::Json(text) | Instance::Text(text) => text.as_bytes(),
            Instance::Image(bytes) => bytes,
        };
        Some(self.key.as_ref()?.hash(bytes))
    }

    /// What an error says, as it may be seen: a message about a sensitive field may quote its value.
    pub(crate) fn message(&self, error: &HostError) -> Cow<'static, str> {
        if error.field().is_some_and(|field| self.treatment(field).is_some()) {
            return "what was found is not shown: the field is sensitive".into();
        }
        error.to_string().into()
    }
}

impl Fields {
    fn new(fields: BTreeMap<String, Option<Treatment>>) -> Self {
        let fields = fields.into_iter().map(|(name, treatment)| Field { name, treatment });
        let all: Vec<_> = fields.collect();
        let mut by_length: Vec<_> = (0..all.len()).collect();
        by_length.sort_by_key(|place| all.get(*place).map(|field| by_length_and_name(&field.name)));
        Self { all, by_length }
    }

    /// The place of a field in `all`.
    fn place(&self, name: &str) -> Option<usize> {
        let order =
            |place: &usize| self.all.get(*place).map(|field| by_length_and_name(&field.name));
        let found = self.by_length.binary_search_by_key(&Some(by_length_and_name(name)), order);
        self.by_length.get(found.ok()?).copied()
    }
}

fn by_length_and_name(name: &str) -> (usize, &str) {
    (name.len(), name)
}

/// An input as it may be seen: an object of these.
#[derive(Debug)]
pub(crate) struct Shown<'a>(Vec<(&'a str, ShownValue<'a>)>);

/// A value as it may be seen.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ShownValue<'a> {
    /// As it was written.
    Written(&'a RawValue),
    /// What stands in its place.
    Text(Cow<'static, str>),
    /// As we write it.
    Read(Value),
}

impl Shown<'_> {
    fn length(name: &'static str, length: usize) -> Self {
        Self(vec![(name, ShownValue::Read(length.into()))])
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A value as it was written, if any reader takes it so and it is on one line; else as we write it.
fn as_written(value: &RawValue) -> Option<ShownValue<'_>> {
    let text = value.get();
    let as_it_is = match text.as_bytes().first()? {
        b't' | b'f' | b'n' => true,
        // An escape may name half a character.
        b'"' => !text.contains('\\'),
        b'{' | b'[' => false,
        _ => text.parse().is_ok_and(f64::is_finite),
    };
    if as_it_is {
        return Some(ShownValue::Written(value));
    }
    serde_json::from_str(text).ok().map(ShownValue::Read)
}

/// Finds the values of fields in an object. Of a key that comes twice it takes the last.
struct Values<'p, 'de> {
    fields: &'p Fields,
    values: &'p mut [Option<&'de RawValue>],
}

/// A key, owned only if it is written with escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Values<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Name(name), value)) = map.next_entry()? {
            let place = self.fields.place(&name);
            if let Some(found) = place.and_then(|place| self.values.get_mut(place)) {
                *found = Some(value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use model_package::Limits;
    use predictor_host::{Class, Problem};
    use serde_json::json;

    use super::*;

    fn manifest() -> Manifest {
        let text = include_bytes!("../../models/fraud/package/manifest.json");
        Manifest::parse(text, &Limits::DEFAULT).unwrap()
    }

    fn privacy(wishes: &str, key: Option<&str>) -> Result<Privacy, Vec<String>> {
        let key = key.map(|key| key.parse().unwrap());
        Privacy::new(&manifest(), wishes.parse().unwrap(), key)
    }

    const INSTANCE: &str =
        r#"{"amount": 42.8, "customer_id": "c-01842", "custmer_id": "c-01842", "channel": "chip"}"#;
    const KEY: &str = "0123456789abcdef";

    fn text(shown: &Shown<'_>) -> String {
        serde_json::to_string(shown).unwrap()
    }

    #[track_caller]
    fn check(wishes: &str, expected: &Value) {
        check_of(INSTANCE, wishes, expected);
    }

    #[track_caller]
    fn check_of(instance: &str, wishes: &str, expected: &Value) {
        let (privacy, instance) =
            (privacy(wishes, Some(KEY)).unwrap(), Instance::Json(instance.into()));
        let shown = serde_json::to_value(privacy.shown(&instance).unwrap()).unwrap();
        assert_eq!(shown, *expected, "{wishes}");
    }

    #[test]
    fn sensitive_values_are_not_seen() {
        check("mask", &json!({"amount": 42.8, "customer_id": "***", "channel": "chip"}));
        check("drop", &json!({"amount": 42.8, "channel": "chip"}));
        check("drop, amount = mask", &json!({"amount": "***", "channel": "chip"}));
        // What Python's hmac module gives for the JSON text with its quotes.
        let hash = "hmac-sha256:b9d5118ff5c00427fdfba66fdf85fff9188ff8eda61bc05bfadedff00b90da98";
        check("hash", &json!({"amount": 42.8, "customer_id": hash, "channel": "chip"}));
    }

    #[test]
    fn values_are_shown_so_that_any_reader_takes_them() {
        let privacy = privacy("mask", None).unwrap();
        let shown =
            |json: &str| privacy.shown(&Instance::Json(json.into())).map(|shown| text(&shown));
        let check = |json: &str, expected: Option<&str>| {
            assert_eq!(shown(json).as_deref(), expected, "{json}");
        };
        check("{}", Some("{}"));
        // On one line, sorted, each key once, as numbers were written.
        check(
            "{\"channel\": [\n1 ], \"amount\": 1.50e1}",
            Some(r#"{"amount":1.50e1,"channel":[1]}"#),
        );
        check(r#"{"amount": 1, "\u0061mount": 2}"#, Some(r#"{"amount":2}"#));
        check(r#"{"channel": "\u0063hip"}"#, Some(r#"{"channel":"chip"}"#));
        for unreadable in [r#"{"amount": 1e999}"#, r#"{"channel": "\ud800"}"#, r#"{"amount": 1} 2"#]
        {
            check(unreadable, None);
        }
        check_of(r#"{"customer_id": "c-\u00308"}"#, "mask", &json!({"customer_id": "***"}));
    }

    #[test]
    fn of_what_is_no_object_nothing_is_seen() {
        let privacy = privacy("mask", None).unwrap();
        for json in
            ["", "c-01842", "\"c-01842\"", "[1]", &format!("{{\"channel\": {:1>20000}}}", 1)]
        {
            assert!(privacy.shown(&Instance::Json(json.into())).is_none(), "{json}");
        }
        let secret = Instance::Text("secret".into());
        assert_eq!(text(&privacy.shown(&secret).unwrap()), r#"{"text_bytes":6}"#);
        assert_eq!(privacy.hash(&secret), None);
    }

    #[test]
    fn wishes_that_cannot_be_met_are_refused() {
        let check = |wishes: &str, expected: &str| {
            let wrong = privacy(wishes, None).unwrap_err().join("; ");
            assert!(wrong.contains(expected), "{wrong}");
        };
        check("pan=drop", "\"pan\" is not a field of the model fraud");
        check("hash", "hash needs a key; set SAMEBITS_KEY");
        check("amount=hash", "hash needs a key");
    }

    #[test]
    fn messages_about_sensitive_fields_quote_nothing() {
        let privacy = privacy("mask", None).unwrap();
        let check = |field: Option<&str>, expected: &str| {
            let message = "expected a string, found the number 4111".to_owned();
            let field = field.map(str::to_owned);
            let problem = Problem { message, code: "wrong-type".into(), file: None, field };
            let error = HostError::Answer { class: Class::InvalidInput, problem };
            let found = privacy.message(&error);
            assert!(found.contains(expected), "{found}");
        };
        check(Some("amount"), "4111");
        check(None, "4111");
        check(Some("customer_id"), "the field is sensitive");
    }
}
