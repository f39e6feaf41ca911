//! Weights that lie in files of their own, put where the format keeps small ones: into the model.
//!
//! A package has one graph with its weights inside. The model's bytes are rewritten field by field on
//! the level of the protobuf encoding (<https://protobuf.dev/programming-guides/encoding/>), so that
//! nothing that this program does not know is lost.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path};

use anyhow::{Context, Result};
use prost::Message as _;

use super::proto::EntryProto;
use crate::failure::ModelError;

/// Messages in messages. The core accepts graphs nested 16 deep.
const MAX_DEPTH: usize = 64;

/// The messages on the way to a tensor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Function,
    Tensor,
}

impl Kind {
    /// What the field of this number holds, if a tensor can lie in it (`onnx.proto`).
    fn field(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) => Some(Self::Tensor),
            (Self::Node, 5) => Some(Self::Attribute),
            _ => None,
        }
    }
}

/// `TensorProto.raw_data`, `external_data` and `data_location`, and the location that is elsewhere.
const RAW_DATA: u64 = 9;
const EXTERNAL_DATA: u64 = 13;
const DATA_LOCATION: u64 = 14;
const EXTERNAL: u64 = 1;

/// The model with all weights inside; `folder` is where it lies. What is no protobuf stays as it is,
/// for the component to say so.
///
/// # Errors
/// If a file with weights is not there, is too short, or lies outside of the folder.
pub(crate) fn inlined(onnx: Vec<u8>, folder: &Path) -> Result<Vec<u8>> {
    match is_external(&onnx, Kind::Model, 0) {
        Some(true) => Ok(rewritten(&onnx, Kind::Model, folder)?.into_owned()),
        _ => Ok(onnx),
    }
}

/// One field of a message.
struct Field<'a> {
    number: u64,
    /// The field as it lies in the message.
    whole: &'a [u8],
    /// What a field with a length holds.
    content: Option<&'a [u8]>,
    /// What a field with a number holds.
    value: u64,
}

/// The fields of a message, as long as they are well-formed.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<Field<'a>> {
        let start = self.0;
        let (tag, mut rest) = varint(start)?;
        let (mut content, mut value) = (None, 0);
        match tag & 7 {
            0 => (value, rest) = varint(rest)?,
            1 => rest = rest.get(8..)?,
            2 => {
                let (length, after) = varint(rest)?;
                let (inside, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
                (content, rest) = (Some(inside), after);
            }
            5 => rest = rest.get(4..)?,
            _ => return None,
        }
        self.0 = rest;
        let whole = start.get(..start.len() - rest.len())?;
        Some(Field { number: tag >> 3, whole, content, value })
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(place + 1..)?));
        }
    }
    None
}

/// Whether a tensor in a message lies elsewhere; `None` if it is malformed.
fn is_external(message: &[u8], kind: Kind, depth: usize) -> Option<bool> {
    let mut fields = Fields(message);
    while !fields.0.is_empty() {
        let field = fields.next()?;
        if kind == Kind::Tensor && field.number == DATA_LOCATION && field.value == EXTERNAL {
            return Some(true);
        }
        if let (Some(inner), Some(content)) = (kind.field(field.number), field.content)
            && (depth > MAX_DEPTH || is_external(content, inner, depth + 1)?)
        {
            return (depth <= MAX_DEPTH).then_some(true);
        }
    }
    Some(false)
}

/// A message that [`is_external`] found well-formed.
fn rewritten<'a>(message: &'a [u8], kind: Kind, folder: &Path) -> Result<Cow<'a, [u8]>> {
    if is_external(message, kind, 0) != Some(true) {
        return Ok(message.into());
    }
    let mut out = Vec::with_capacity(message.len());
    let mut fields = Fields(message);
    let mut entries = Vec::new();
    while let Some(field) = fields.next() {
        match (kind.field(field.number), field.content) {
            (Some(inner), Some(content)) => {
                let content = rewritten(content, inner, folder)?;
                put(&mut out, field.number, &content);
            }
            (None, Some(content)) if kind == Kind::Tensor && field.number == EXTERNAL_DATA => {
                entries.push(EntryProto::decode(content).context("not an ONNX model")?);
            }
            _ if kind == Kind::Tensor && matches!(field.number, DATA_LOCATION | RAW_DATA) => {}
            _ => out.extend_from_slice(field.whole),
        }
    }
    if kind == Kind::Tensor {
        put(&mut out, RAW_DATA, &read(&entries, folder)?);
    }
    Ok(out.into())
}

/// Appends a field with a length.
fn put(out: &mut Vec<u8>, number: u64, content: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The bytes that the entries of a tensor point to.
fn read(entries: &[EntryProto], folder: &Path) -> Result<Vec<u8>> {
    let entry = |key: &str| entries.iter().find(|entry| entry.key == key);
    let location = entry("location").map_or("", |entry| entry.value.as_str());
    let number = |key: &str| -> Result<Option<u64>> {
        let Some(entry) = entry(key) else { return Ok(None) };
        let value = entry.value.parse();
        let wrong = |_| ModelError(format!("{location}: {key}: {:?} is no number", entry.value));
        Ok(Some(value.map_err(wrong)?))
    };
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || !Path::new(location).components().all(inside) {
        let message = format!(
            "the model has weights in {location:?}, which is not in the model's folder; accepted is a \
             path below it"
        );
        return Err(ModelError(message).into());
    }
    let path = folder.join(location);
    let unreadable = |error: std::io::Error| {
        ModelError(format!(
            "the model has weights in {}, which can't be read: {error}; put the file beside the model",
            path.display()
        ))
    };
    let mut file = File::open(&path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let offset = number("offset")?.unwrap_or(0);
    let length = number("length")?.unwrap_or(size.saturating_sub(offset));
    if offset.checked_add(length).is_none_or(|end| end > size) {
        let message = format!(
            "{}: {size} bytes, the model has weights of {length} bytes at {offset} in it; the file \
             was cut short",
            path.display()
        );
        return Err(ModelError(message).into());
    }
    file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
