//! A `tokenizer.json`, made safe for the crate that reads it, which trusts some parts of it: it stops
//! (a panic) at a decoder that is not JSON, and at a character map that is cut or points out of itself.
//! Decoders are not needed here and are left out; character maps are checked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokenizers::normalizers::Precompiled;

/// Positions in the trie that differ in their lowest byte only; a step goes to one of them.
const BLOCK: usize = 256;

/// What is read of the document. Truncation, padding and decoders are not, nor is what is unknown.
#[derive(Deserialize, Serialize)]
struct Document<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    version: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    added_tokens: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalizer: Option<Value>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pre_tokenizer: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    post_processor: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    model: Option<&'a RawValue>,
}

/// The parts that are needed, checked.
///
/// # Errors
/// What is wrong, as a text.
pub(super) fn sound(json: &[u8]) -> Result<Vec<u8>, String> {
    let document: Document<'_> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if let Some(normalizer) = &document.normalizer {
        check(normalizer)?;
    }
    serde_json::to_vec(&document).map_err(|error| error.to_string())
}

/// Checks every character map in a normaliser.
fn check(normalizer: &Value) -> Result<(), String> {
    match normalizer {
        Value::Array(values) => values.iter().try_for_each(check),
        Value::Object(fields) => {
            let named = fields.get("type").and_then(Value::as_str) == Some("Precompiled");
            let map = fields.get("precompiled_charsmap");
            if named || map.is_some() {
                let map = map.and_then(Value::as_str).ok_or("a normalizer without its map")?;
                let wrong = |what: &str| format!("precompiled_charsmap: {what}");
                let bytes = STANDARD.decode(map).map_err(|error| wrong(&error.to_string()))?;
                check_map(&bytes).map_err(wrong)?;
                let whole = normalizer.to_string();
                drop(
                    serde_json::from_str::<Precompiled>(&whole)
                        .map_err(|it| wrong(&it.to_string()))?,
                );
            }
            fields.values().try_for_each(check)
        }
        _ => Ok(()),
    }
}

/// Whether every step through a character map stays in it.
///
/// It is what SentencePiece writes: the length of a trie in bytes, the trie as a
/// [double array](https://github.com/s-yata/darts-clone) of 32-bit units, and texts that end with a zero byte.
fn check_map(bytes: &[u8]) -> Result<(), &'static str> {
    let (length, rest) = bytes.split_first_chunk().ok_or("it is cut")?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| "it is cut")?;
    let (units, texts) = rest.split_at_checked(length / 4 * 4).ok_or("it is cut")?;
    let texts = std::str::from_utf8(texts).map_err(|_| "its texts are not UTF-8")?;
    let units: Vec<u32> =
        units.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();

    let outside = "it points out of itself";
    let mut seen = vec![false; units.len()];
    let mut bases = vec![base(0, *units.first().ok_or("it is empty")?)];
    while let Some(base_of_node) = bases.pop() {
        let first = base_of_node / BLOCK * BLOCK;
        let block = units.get(first..first.saturating_add(BLOCK)).ok_or(outside)?;
        let visited = seen.get_mut(base_of_node).ok_or(outside)?;
        if std::mem::replace(visited, true) {
            continue;
        }
        for (place, unit) in block.iter().enumerate() {
            let byte = place ^ (base_of_node - first);
            if byte == 0 || label(*unit) != u32::try_from(byte).map_err(|_| outside)? {
                continue;
            }
            let next = base(first + place, *unit);
            if unit >> 8 & 1 == 1 {
                let text = units.get(next).ok_or(outside)? & 0x7fff_ffff;
                let text = usize::try_from(text).map_err(|_| outside)?;
                if !texts.is_char_boundary(text) {
                    return Err("it has an entry without a text");
                }
            }
            bases.push(next);
        }
    }
    Ok(())
}

fn label(unit: u32) -> u32 {
    unit & 0x8000_00ff
}

/// Where the units of a node's children begin.
fn base(position: usize, unit: u32) -> usize {
    let offset = (unit >> 10) << ((unit & 1 << 9) >> 6);
    position ^ usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn map(units: &[(usize, u32)], texts: &[u8]) -> Vec<u8> {
        let mut all = vec![0_u32; BLOCK];
        for (place, unit) in units {
            all[*place] = *unit;
        }
        let mut bytes = u32::try_from(BLOCK * 4).unwrap().to_le_bytes().to_vec();
        bytes.extend(all.iter().flat_map(|unit| unit.to_le_bytes()));
        bytes.extend(texts);
        bytes
    }

    /// One entry: the byte 0x41 becomes the text at `text`. Its node has base 1, its leaf base 2.
    fn entry(text: u32) -> [(usize, u32); 3] {
        let leaf = 1 << 8;
        [(0, 1 << 10), (1 ^ 0x41, ((0x40 ^ 2) << 10) | leaf | 0x41), (2, text | 0x8000_0000)]
    }

    #[test]
    fn a_map_stays_in_itself() {
        let good = map(&entry(2), "a\0é\0".as_bytes());
        check_map(&good).unwrap();
        let precompiled = Precompiled::from(&good).unwrap();
        assert_eq!(precompiled.normalize_string("AB"), "éB");
        for (bad, expected) in [
            (map(&entry(3), "a\0é\0".as_bytes()), "it has an entry without a text"),
            (map(&entry(9), "a\0é\0".as_bytes()), "it has an entry without a text"),
            (map(&[(0, 1 << 18)], b""), "it points out of itself"),
            (map(&[(0, 1 << 10), (0x40, (1 << 18) | 0x41)], b""), "it points out of itself"),
            (map(&entry(0), &[0xff, 0]), "its texts are not UTF-8"),
            (vec![0, 4, 0], "it is cut"),
            (0x4000_0000_u32.to_le_bytes().to_vec(), "it is cut"),
            (vec![0; 4], "it is empty"),
        ] {
            assert_eq!(check_map(&bad), Err(expected));
        }
    }

    #[test]
    fn what_is_not_needed_is_left_out() {
        let json = br#"{"version": "1.0", "decoder": {"type": 1e}, "model": {}}"#;
        sound(json).unwrap_err();
        let json =
            br#"{"decoder": 7, "padding": {}, "model": {"a": [1]}, "normalizer": null, "x": 1}"#;
        assert_eq!(sound(json).unwrap(), br#"{"model":{"a": [1]}}"#);
        let check = |normalizer: &str, expected: &str| {
            let json = format!(r#"{{"normalizer": {{"normalizers": [{normalizer}]}}}}"#);
            assert_eq!(sound(json.as_bytes()).unwrap_err(), expected);
        };
        check(r#"{"type": "Precompiled"}"#, "a normalizer without its map");
        check(r#"{"precompiled_charsmap": 1}"#, "a normalizer without its map");
        check(r#"{"precompiled_charsmap": "AAAA"}"#, "precompiled_charsmap: it is cut");
    }
}
