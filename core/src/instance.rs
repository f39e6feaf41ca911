//! From outside bytes to checked values: parse at the edge, never validate again.

use std::borrow::Cow;

use model_package::{Field, FieldType, Limits, MANIFEST, Manifest, strict_json};
use serde_json::{Map, Number, Value};

use crate::error::excerpt;
use crate::members::{Document, Given, Members};
use crate::timestamp::Timestamp;
use crate::{Error, ErrorKind};

/// One thing to predict, as the caller gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instance {
    /// A JSON object as text.
    Json(String),
    /// Plain text.
    Text(String),
    /// An encoded picture.
    Image(Vec<u8>),
}

/// A field's value after every check.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldValue<'a> {
    /// A number, or a boolean as 0 or 1.
    Number(f64),
    /// Any text.
    Text(Cow<'a, str>),
    /// The index of a category's value in the field's list.
    Category(usize),
    /// A point in time.
    Time(Timestamp),
}

impl FieldValue<'_> {
    /// The same, for as long as this is there.
    fn lent(&self) -> FieldValue<'_> {
        match self {
            Self::Number(number) => FieldValue::Number(*number),
            Self::Text(text) => FieldValue::Text(Cow::Borrowed(text)),
            Self::Category(code) => FieldValue::Category(*code),
            Self::Time(time) => FieldValue::Time(*time),
        }
    }
}

/// The values of the fields that have a default, in the schema's order.
pub(crate) type Defaults = Vec<Option<FieldValue<'static>>>;

/// Reads JSON instances by the manifest's input schema, one after the other.
pub(crate) struct Reader<'a> {
    manifest: &'a Manifest,
    limits: &'a Limits,
    defaults: &'a Defaults,
    members: Members<'a>,
    values: Vec<FieldValue<'a>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(manifest: &'a Manifest, limits: &'a Limits, defaults: &'a Defaults) -> Self {
        let names = manifest.input.fields.iter().map(|field| field.name.as_str()).collect();
        let values = Vec::with_capacity(defaults.len());
        Self { manifest, limits, defaults, members: Members::new(names), values }
    }

    /// Reads one instance. Its values are then in [`Self::values`]; what is given back are warnings.
    pub(crate) fn read(&mut self, instance: &'a Instance) -> Result<Vec<String>, Error> {
        let text = match instance {
            Instance::Json(text) => text,
            Instance::Text(_) => return Err(unsupported("plain text", self.manifest)),
            Instance::Image(_) => return Err(unsupported("an image", self.manifest)),
        };
        small_enough(text, self.limits.json_bytes)?;
        let fields = &self.manifest.input.fields;
        let document = self
            .members
            .read(text)
            .map_err(|error| Error::input("invalid-json", format!("not valid JSON: {error}")))?;
        match document {
            Document::Object { unknown: None } => {}
            Document::Object { unknown: Some(key) } => return Err(unknown_field(&key, fields)),
            Document::Other(value) => return Err(no_object(&value)),
        }
        self.values.clear();
        let mut warnings = Vec::new();
        let given = self.members.take().zip(self.defaults);
        for (field, (given, default)) in fields.iter().zip(given) {
            let value = match (given, default) {
                (Given::Nothing, _) if field.nullable => FieldValue::Number(f64::NAN),
                (Given::Nothing, None) => return Err(missing(field)),
                (Given::Nothing, Some(default)) => default.lent(),
                (given, _) => read_field(field, given).map_err(|error| error.at(&field.name))?,
            };
            warnings.extend(outside_training(field, &value));
            self.values.push(value);
        }
        Ok(warnings)
    }

    /// The values of the last instance, in the order of the fields.
    pub(crate) fn values(&self) -> &[FieldValue<'a>] {
        &self.values
    }
}

/// The JSON object in a text of at most so many bytes.
pub(crate) fn object(text: &str, limit: usize) -> Result<Map<String, Value>, Error> {
    small_enough(text, limit)?;
    let value = strict_json::value(text.as_bytes())
        .map_err(|error| Error::input("invalid-json", error.to_string()))?;
    match value {
        Value::Object(object) => Ok(object),
        other => Err(no_object(&other)),
    }
}

fn small_enough(text: &str, limit: usize) -> Result<(), Error> {
    let found = text.len();
    if found <= limit {
        return Ok(());
    }
    let message = format!("the instance has {found} bytes, at most {limit} are accepted");
    Err(Error::new(ErrorKind::TooLarge, "instance-too-large", message))
}

fn no_object(value: &Value) -> Error {
    let message = format!("expected a JSON object, found {}", describe(value));
    Error::input("not-an-object", message)
}

/// The defaults of all fields, each of which must be a value that an instance could have.
///
/// # Errors
/// Names the default at fault.
pub(crate) fn defaults(manifest: &Manifest) -> Result<Defaults, Error> {
    let read = |(index, field): (usize, &Field)| {
        let Some(default) = &field.default else { return Ok(None) };
        let value = read_field(field, Given::from(default.clone()));
        value.map(Some).map_err(|error| {
            let key = format!("input.fields[{index}].default");
            let message = format!("{MANIFEST}: {key}: {}", error.message);
            Error::model("invalid-manifest", message).in_file(MANIFEST).at(key)
        })
    };
    manifest.input.fields.iter().enumerate().map(read).collect()
}

fn unsupported(found: &str, manifest: &Manifest) -> Error {
    let message =
        format!("the model {} takes a JSON object with its fields, found {found}", manifest.name);
    Error::new(ErrorKind::UnsupportedInput, "unsupported-input", message)
}

fn missing(field: &Field) -> Error {
    let message = format!("{}: missing; expected {}", field.name, accepted(field));
    Error::input("missing-field", message).at(&field.name)
}

fn unknown_field(key: &str, fields: &[Field]) -> Error {
    let names = || fields.iter().map(|field| field.name.as_str());
    let nearest = names()
        .map(|name| (edit_distance(key, name), name))
        .filter(|(distance, name)| *distance <= name.len() / 3 + 1)
        .min();
    let hint = match nearest {
        Some((_, name)) => format!("did you mean {name:?}"),
        None => format!("the fields are {}", names().take(40).collect::<Vec<_>>().join(", ")),
    };
    let found = excerpt(key);
    let field = key.chars().take(60).collect::<String>();
    Error::input("unknown-field", format!("{found} is not a field of this model; {hint}")).at(field)
}

/// Levenshtein's distance between two short names.
fn edit_distance(a: &str, b: &str) -> usize {
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let above = *cell;
            *cell = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            (diagonal, left) = (above, *cell);
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

fn read_field<'a>(field: &Field, given: Given<'a>) -> Result<FieldValue<'a>, Error> {
    match (field.kind, given) {
        (FieldType::Number, Given::Number(number)) => {
            in_range(field, number.as_f64().unwrap_or(f64::NAN)).map(FieldValue::Number)
        }
        (FieldType::Integer, Given::Number(number)) => {
            in_range(field, integer(field, &number)?).map(FieldValue::Number)
        }
        (FieldType::Boolean, Given::Bool(value)) => {
            Ok(FieldValue::Number(f64::from(u8::from(value))))
        }
        (FieldType::String, Given::Text(text)) => short_enough(field, text),
        (FieldType::Category, Given::Text(text)) => {
            let code = field.values.iter().position(|value| *value == text);
            code.map(FieldValue::Category).ok_or_else(|| out_of_domain(field, excerpt(&text)))
        }
        (FieldType::Timestamp, Given::Text(text)) => {
            let time = Timestamp::parse(&text);
            time.map(FieldValue::Time).ok_or_else(|| out_of_domain(field, excerpt(&text)))
        }
        (_, other) => {
            let other = Value::from(other);
            let found = if field.sensitive { kind(&other).into() } else { describe(&other) };
            let message = format!("{}: expected {}, found {found}", field.name, accepted(field));
            Err(Error::input("wrong-type", message))
        }
    }
}

fn out_of_domain(field: &Field, found: String) -> Error {
    let found = shown(field, found);
    let message = format!("{}: expected {}, found {found}", field.name, accepted(field));
    Error::input("invalid-value", message)
}

/// Whole, and small enough that binary64 holds it exactly.
fn integer(field: &Field, number: &Number) -> Result<f64, Error> {
    const EXACT: u64 = 1 << 53;
    let value = number.as_f64().unwrap_or(f64::NAN);
    let fits = match number.as_i64() {
        // As a float, a larger one might have been rounded to one that fits.
        Some(whole) => whole.unsigned_abs() <= EXACT,
        None => libm::trunc(value) == value && value.abs() <= EXACT as f64,
    };
    if fits { Ok(value) } else { Err(out_of_domain(field, number.to_string())) }
}

fn in_range(field: &Field, value: f64) -> Result<f64, Error> {
    let above = field.min.is_none_or(|min| value >= min);
    let below = field.max.is_none_or(|max| value <= max);
    if above && below && value.is_finite() {
        return Ok(value);
    }
    let found = shown(field, value.to_string());
    let message = format!("{}: expected {}, found {found}", field.name, accepted(field));
    Err(Error::input("out-of-range", message))
}

fn short_enough<'a>(field: &Field, text: Cow<'a, str>) -> Result<FieldValue<'a>, Error> {
    match field.max_length {
        Some(longest) if text.len() as u64 > u64::from(longest) => {
            let message =
                format!("{}: {} bytes, at most {longest} are accepted", field.name, text.len());
            Err(Error::input("too-long", message))
        }
        _ => Ok(FieldValue::Text(text)),
    }
}

fn outside_training(field: &Field, value: &FieldValue<'_>) -> Option<String> {
    let (FieldValue::Number(value), Some([low, high])) = (value, field.training_range) else {
        return None;
    };
    (!(low..=high).contains(value)).then(|| {
        let value = shown(field, value.to_string());
        format!("{}: {value} lies outside the range seen in training, {low} to {high}", field.name)
    })
}

/// A value for messages, which end in logs: that of a sensitive field is not among it.
fn shown(field: &Field, value: String) -> String {
    if field.sensitive { "a value that is not shown".into() } else { value }
}

/// What a field accepts, for messages.
fn accepted(field: &Field) -> String {
    match field.kind {
        FieldType::Number => format!("a number{}", range(field)),
        FieldType::Integer => format!("a whole number{}", range(field)),
        FieldType::Boolean => "true or false".into(),
        FieldType::String => match field.max_length {
            Some(longest) => format!("a string of at most {longest} bytes"),
            None => "a string".into(),
        },
        FieldType::Category => {
            let shown = field.values.iter().take(30).map(|value| format!("{value:?}"));
            let more = if field.values.len() > 30 { ", …" } else { "" };
            format!("one of {}{more}", shown.collect::<Vec<_>>().join(", "))
        }
        FieldType::Timestamp => "an RFC 3339 timestamp such as \"2026-03-14T02:11:09Z\"".into(),
    }
}

fn range(field: &Field) -> String {
    match (field.min, field.max) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(" of at least {min}"),
        (None, Some(max)) => format!(" of at most {max}"),
        (None, None) => String::new(),
    }
}

/// What a JSON value is, for messages.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => format!("the boolean {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", excerpt(text)),
        Value::Array(values) => format!("an array of {}", values.len()),
        Value::Object(object) => format!("an object of {}", object.len()),
    }
}

/// The same without the value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
