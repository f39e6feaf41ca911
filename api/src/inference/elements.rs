//! Elements of tensors between JSON and bytes (little-endian, row-major).
//!
//! Numbers go through their own type, never through a wider one: a float of 32 bits is the nearest
//! to what the text says, and its text the shortest that gives its bits back.

use predictor_host::ElementType;
use predictor_host::element::{Strings, byte_size};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The elements of `data`, which may be nested as the shape is or flat. Strings have their length
/// (u32) before them.
pub(super) fn read(element_type: ElementType, data: &RawValue) -> Result<Vec<u8>, String> {
    let text = data.get();
    let mut out = Vec::new();
    match element_type {
        ElementType::Bool => each(text, &mut out, |token, out| {
            let value = match token {
                "true" | "1" => 1,
                "false" | "0" => 0,
                _ => return false,
            };
            out.push(value);
            true
        }),
        ElementType::Uint8 => numbers::<u8, 1>(text, &mut out, u8::to_le_bytes),
        ElementType::Uint16 => numbers::<u16, 2>(text, &mut out, u16::to_le_bytes),
        ElementType::Uint32 => numbers::<u32, 4>(text, &mut out, u32::to_le_bytes),
        ElementType::Uint64 => numbers::<u64, 8>(text, &mut out, u64::to_le_bytes),
        ElementType::Int8 => numbers::<i8, 1>(text, &mut out, i8::to_le_bytes),
        ElementType::Int16 => numbers::<i16, 2>(text, &mut out, i16::to_le_bytes),
        ElementType::Int32 => numbers::<i32, 4>(text, &mut out, i32::to_le_bytes),
        ElementType::Int64 => numbers::<i64, 8>(text, &mut out, i64::to_le_bytes),
        // A number that is too large for its type would become infinite.
        ElementType::Float32 => each(text, &mut out, |token, out| {
            let value = token.parse().ok().filter(|value: &f32| value.is_finite());
            value.inspect(|value| out.extend_from_slice(&value.to_le_bytes())).is_some()
        }),
        ElementType::Float64 => each(text, &mut out, |token, out| {
            let value = token.parse().ok().filter(|value: &f64| value.is_finite());
            value.inspect(|value| out.extend_from_slice(&value.to_le_bytes())).is_some()
        }),
        ElementType::String => each(text, &mut out, |token, out| {
            let Ok(value) = serde_json::from_str::<String>(token) else { return false };
            let Ok(length) = u32::try_from(value.len()) else { return false };
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(value.as_bytes());
            true
        }),
        _ => return Err("travels in binary only".into()),
    }?;
    Ok(out)
}

fn numbers<T: std::str::FromStr, const N: usize>(
    text: &str,
    out: &mut Vec<u8>,
    bytes: fn(T) -> [u8; N],
) -> Result<(), String> {
    each(text, out, |token, out| {
        let Ok(value) = token.parse() else { return false };
        out.extend_from_slice(&bytes(value));
        true
    })
}

/// Hands over every scalar of an array, nested or not. The text is valid JSON.
fn each(
    text: &str,
    out: &mut Vec<u8>,
    mut take: impl FnMut(&str, &mut Vec<u8>) -> bool,
) -> Result<(), String> {
    if !text.starts_with('[') {
        return Err("data is no array".into());
    }
    let mut rest = text;
    while let Some(first) = rest.bytes().next() {
        let length = match first {
            b'[' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' => {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            b'"' => string_length(rest),
            b'{' => return Err("data has an object among its elements".into()),
            _ => rest.find([',', ']', ' ', '\t', '\r', '\n']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if !take(token, out) {
            let shown: String = token.chars().take(40).collect();
            return Err(format!("data has {shown}, which is none of its datatype"));
        }
        rest = after;
    }
    Ok(())
}

/// Bytes of the string that a text begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

/// How many elements bytes hold, as [`read`] makes them.
pub(super) fn count(element_type: ElementType, data: &[u8]) -> usize {
    match element_type {
        ElementType::String => Strings(data).count(),
        other => data.len() / byte_size(other).unwrap_or(1),
    }
}

/// Bytes as a flat JSON array.
pub(super) struct Elements<'a> {
    pub(super) element_type: ElementType,
    pub(super) data: &'a [u8],
}

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let data = self.data;
        match self.element_type {
            ElementType::Bool => to.collect_seq(data.iter().map(|byte| *byte != 0)),
            ElementType::Uint8 => to.collect_seq(data),
            ElementType::Int8 => to.collect_seq(of(data, i8::from_le_bytes)),
            ElementType::Uint16 => to.collect_seq(of(data, u16::from_le_bytes)),
            ElementType::Int16 => to.collect_seq(of(data, i16::from_le_bytes)),
            ElementType::Uint32 => to.collect_seq(of(data, u32::from_le_bytes)),
            ElementType::Int32 => to.collect_seq(of(data, i32::from_le_bytes)),
            ElementType::Uint64 => to.collect_seq(of(data, u64::from_le_bytes)),
            ElementType::Int64 => to.collect_seq(of(data, i64::from_le_bytes)),
            ElementType::Float32 => finite(to, of(data, f32::from_le_bytes), |v| v.is_finite()),
            ElementType::Float64 => finite(to, of(data, f64::from_le_bytes), |v| v.is_finite()),
            ElementType::String => {
                let mut sequence = to.serialize_seq(None)?;
                for bytes in Strings(data) {
                    let text = std::str::from_utf8(bytes);
                    let text = text.map_err(|_| S::Error::custom("a string is not UTF-8"))?;
                    sequence.serialize_element(text)?;
                }
                sequence.end()
            }
            _ => Err(S::Error::custom("its datatype travels in binary only")),
        }
    }
}

fn of<T, const N: usize>(data: &[u8], from: fn([u8; N]) -> T) -> impl Iterator<Item = T> {
    data.as_chunks().0.iter().map(move |bytes| from(*bytes))
}

fn finite<S: Serializer, T: Serialize>(
    to: S,
    values: impl Iterator<Item = T>,
    is_finite: fn(&T) -> bool,
) -> Result<S::Ok, S::Error> {
    let mut sequence = to.serialize_seq(None)?;
    for value in values {
        if !is_finite(&value) {
            return Err(S::Error::custom("it has a value that JSON can't write (NaN, infinity)"));
        }
        sequence.serialize_element(&value)?;
    }
    sequence.end()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    /// Reads, and writes again.
    fn check(element_type: ElementType, text: &str, expected: Result<&str, &str>) {
        let found = read(element_type, &raw(text)).map(|data| {
            let elements = Elements { element_type, data: &data };
            format!("{} {}", count(element_type, &data), serde_json::to_string(&elements).unwrap())
        });
        let found = found.as_deref().map_err(String::as_str);
        match expected {
            Ok(expected) => assert_eq!(found, Ok(expected), "{text}"),
            Err(expected) => assert!(found.unwrap_err().contains(expected), "{text}"),
        }
    }

    #[test]
    fn elements_keep_their_values() {
        check(
            ElementType::Float32,
            "[0.1, [16777217, -0.0, 1e-45]]",
            Ok("4 [0.1,16777216.0,-0.0,1e-45]"),
        );
        check(ElementType::Float64, "[[0.1],[1e300]]", Ok("2 [0.1,1e+300]"));
        check(ElementType::Uint8, "[0,255]", Ok("2 [0,255]"));
        check(ElementType::Int8, "[-128]", Ok("1 [-128]"));
        check(ElementType::Uint16, "[65535]", Ok("1 [65535]"));
        check(ElementType::Int16, "[-32768]", Ok("1 [-32768]"));
        check(ElementType::Uint32, "[4294967295]", Ok("1 [4294967295]"));
        check(ElementType::Int32, "[-2147483648]", Ok("1 [-2147483648]"));
        check(ElementType::Uint64, "[18446744073709551615]", Ok("1 [18446744073709551615]"));
        check(ElementType::Int64, "[-9223372036854775808]", Ok("1 [-9223372036854775808]"));
        check(ElementType::Bool, "[true, 0, false, 1]", Ok("4 [true,false,false,true]"));
        check(ElementType::String, r#"["a\",]", "ä", ""]"#, Ok(r#"3 ["a\",]","ä",""]"#));
        check(ElementType::Float32, "[]", Ok("0 []"));
    }

    #[test]
    fn values_of_other_types_are_refused() {
        check(ElementType::Uint8, "[256]", Err("data has 256"));
        check(ElementType::Uint8, "[-1]", Err("data has -1"));
        check(ElementType::Int32, "[1.5]", Err("data has 1.5"));
        check(ElementType::Float32, "[null]", Err("data has null"));
        check(ElementType::Float32, "[1e39]", Err("data has 1e39"));
        check(ElementType::Float64, "[-1e309]", Err("data has -1e309"));
        check(ElementType::Float32, r#"["1"]"#, Err(r#"data has "1""#));
        check(ElementType::Float32, "[{}]", Err("an object among its elements"));
        check(ElementType::Float32, "7", Err("data is no array"));
        check(ElementType::String, "[1]", Err("data has 1"));
        check(ElementType::Float16, "[1]", Err("binary only"));
    }

    #[test]
    fn what_json_has_no_word_for_is_not_written() {
        for value in [f32::NAN, f32::INFINITY] {
            let data = value.to_le_bytes();
            let elements = Elements { element_type: ElementType::Float32, data: &data };
            assert!(serde_json::to_string(&elements).is_err());
        }
    }
}
