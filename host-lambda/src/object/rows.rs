//! Cuts bytes, as they come, into rows: lines, records of a table, or one picture.

use std::collections::{BTreeMap, VecDeque};

use model_package::{FieldType, Limits};
use predictor_host::{Class, HostError, Instance};
use serde_json::{Map, Number, Value};

use super::format::Content;
use crate::failure::refused;
use crate::model::Served;

/// The code of a row that can't be read.
pub(super) const UNREAD: &str = "unreadable-row";

/// A row, with the line that it begins on.
#[derive(Debug)]
pub(super) struct Row {
    line: u64,
    instance: Result<Instance, HostError>,
}

impl Row {
    pub(super) fn new(line: u64, instance: Instance) -> Self {
        Self { line, instance: Ok(instance) }
    }

    /// One that is no instance.
    pub(super) fn unread(line: u64, error: HostError) -> Self {
        Self { line, instance: Err(error) }
    }

    pub(super) fn bytes(&self) -> usize {
        match &self.instance {
            Ok(Instance::Json(text) | Instance::Text(text)) => text.len(),
            Ok(Instance::Image(bytes)) => bytes.len(),
            Err(_) => 0,
        }
    }

    pub(super) fn into_parts(self) -> (u64, Result<Instance, HostError>) {
        (self.line, self.instance)
    }
}

/// Rows that are being cut out of bytes.
pub(super) struct Rows {
    content: Content,
    fields: BTreeMap<String, FieldType>,
    /// The names of a table's columns, once they are read.
    header: Option<Vec<String>>,
    /// The bytes of the row that has begun.
    begun: Vec<u8>,
    /// Whether the row that has begun is longer than one may be, so that its bytes are not kept.
    too_long: bool,
    /// Whether the row that has begun is within quotes.
    quoted: bool,
    /// The line that the row begins on, and the one that is being read; from 1.
    line: u64,
    reading: u64,
    most: usize,
    ready: VecDeque<Row>,
}

impl Rows {
    pub(super) fn new(content: Content, model: &Served) -> Self {
        Self::with_fields(content, model.field_types.clone())
    }

    fn with_fields(content: Content, fields: BTreeMap<String, FieldType>) -> Self {
        let limits = Limits::DEFAULT;
        let most = match content {
            Content::JsonLines if fields.is_empty() => limits.media_json_bytes,
            Content::JsonLines | Content::Csv => limits.json_bytes,
            Content::Text => limits.text_bytes,
            Content::Image => limits.image_bytes,
        };
        Self {
            content,
            fields,
            header: None,
            begun: Vec::new(),
            too_long: false,
            quoted: false,
            line: 1,
            reading: 1,
            most,
            ready: VecDeque::new(),
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        if self.content == Content::Image {
            self.keep(bytes);
            return Ok(());
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.content == Content::Csv {
                // Within quotes a line break is one of the value's. A quote in a value is doubled,
                // so that counting them all tells which it is.
                let quotes = line.iter().filter(|byte| **byte == b'"').count();
                self.quoted ^= quotes % 2 == 1;
            }
            self.keep(line);
            if line.ends_with(b"\n") {
                self.reading += 1;
                if !self.quoted {
                    self.end_row()?;
                }
            }
        }
        Ok(())
    }

    /// Ends the last row, which may have no line break.
    pub(super) fn finish(&mut self) -> Result<(), HostError> {
        if self.begun.is_empty() && !self.too_long { Ok(()) } else { self.end_row() }
    }

    /// The next row that is whole.
    pub(super) fn next(&mut self) -> Option<Row> {
        self.ready.pop_front()
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.too_long |= self.begun.len() + bytes.len() > self.most;
        if self.too_long {
            self.begun.clear();
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }

    fn end_row(&mut self) -> Result<(), HostError> {
        let line = std::mem::replace(&mut self.line, self.reading);
        let bytes = std::mem::take(&mut self.begun);
        if std::mem::take(&mut self.too_long) {
            self.ready.push_back(Row { line, instance: Err(too_long(self.most)) });
            return Ok(());
        }
        let instance = match self.content {
            Content::Image => Ok(Instance::Image(bytes)),
            Content::Csv => match self.record(&bytes)? {
                Some(instance) => instance,
                None => return Ok(()),
            },
            Content::JsonLines | Content::Text => {
                let Some(text) = text(&bytes) else {
                    self.ready.push_back(Row { line, instance: Err(not_text()) });
                    return Ok(());
                };
                if text.trim().is_empty() {
                    return Ok(());
                }
                let text = text.trim_end_matches(['\r', '\n']).to_owned();
                let json = self.content == Content::JsonLines;
                Ok(if json { Instance::Json(text) } else { Instance::Text(text) })
            }
        };
        self.ready.push_back(Row { line, instance });
        Ok(())
    }

    /// A record of a table; none for its header and for empty ones.
    fn record(&mut self, bytes: &[u8]) -> Result<Option<Result<Instance, HostError>>, HostError> {
        // A byte order mark is what some programs begin a table with.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let record = match reader.records().next() {
            None => return Ok(None),
            Some(Ok(record)) => record,
            Some(Err(_)) => return Ok(Some(Err(not_text()))),
        };
        let Some(header) = &self.header else {
            let header: Vec<_> = record.iter().map(|name| name.trim().to_owned()).collect();
            if let Some(unknown) = header.iter().find(|name| !self.fields.contains_key(*name)) {
                let unknown: String = unknown.chars().take(80).collect();
                let message = format!("the column {unknown:?} is not a field of the model");
                return Err(refused(Class::InvalidInput, "invalid-header", message));
            }
            self.header = Some(header);
            return Ok(None);
        };
        if record.len() != header.len() {
            let (found, expected) = (record.len(), header.len());
            let message = format!("a row of {found} values, the header has {expected} names");
            return Ok(Some(Err(refused(Class::InvalidInput, UNREAD, message))));
        }
        let values = header.iter().zip(record.iter()).filter_map(|(name, text)| {
            let kind = self.fields.get(name)?;
            Some((name.clone(), value(*kind, text)?))
        });
        let object: Map<String, Value> = values.collect();
        Ok(Some(Ok(Instance::Json(Value::Object(object).to_string()))))
    }
}

/// A value of a table as JSON; none where there is nothing, so that a default stands in. What is not
/// of the field's type stays a text, which the component refuses with a good message.
fn value(kind: FieldType, text: &str) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    let plain = text.trim();
    let value = match kind {
        FieldType::Number | FieldType::Integer => {
            serde_json::from_str::<Number>(plain).ok().map(Value::Number)
        }
        FieldType::Boolean => match plain.to_ascii_lowercase().as_str() {
            "true" => Some(true.into()),
            "false" => Some(false.into()),
            _ => None,
        },
        FieldType::String | FieldType::Category | FieldType::Timestamp => None,
    };
    Some(value.unwrap_or_else(|| text.into()))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

pub(super) fn too_long(limit: usize) -> HostError {
    let message = format!("a row of more than {limit} bytes");
    refused(Class::TooLarge, UNREAD, message)
}

pub(super) fn not_text() -> HostError {
    refused(Class::InvalidInput, UNREAD, "a row that is not UTF-8 text")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn fields() -> BTreeMap<String, FieldType> {
        [("a", FieldType::Number), ("b", FieldType::Boolean), ("s", FieldType::String)]
            .map(|(name, kind)| (name.to_owned(), kind))
            .into()
    }

    /// The rows of bytes that come in pieces of this size.
    fn cut(content: Content, bytes: &[u8], piece: usize) -> Vec<String> {
        let mut rows = Rows::with_fields(content, fields());
        let mut all = Vec::new();
        let pushed = bytes.chunks(piece).try_for_each(|piece| rows.push(piece));
        if let Err(error) = pushed.and_then(|()| rows.finish()) {
            all.push(format!("{}: {error}", error.code()));
        }
        while let Some(row) = rows.next() {
            let (line, instance) = row.into_parts();
            all.push(match instance {
                Ok(Instance::Json(text) | Instance::Text(text)) => format!("{line} {text}"),
                Ok(Instance::Image(bytes)) => format!("{line} {bytes:?}"),
                Err(error) => format!("{line} {}: {error}", error.code()),
            });
        }
        all
    }

    fn check(content: Content, bytes: &[u8], expected: &[&str]) {
        for piece in [1, 2, 7, bytes.len().max(1)] {
            assert_eq!(cut(content, bytes, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn lines() {
        let two = ["1 {\"a\":1}", "3 {\"a\":2}"];
        check(Content::JsonLines, b"{\"a\":1}\n\n{\"a\":2}\n", &two);
        check(Content::JsonLines, b"{\"a\":1}\r\n\r\n{\"a\":2}", &two);
        check(Content::JsonLines, b"", &[]);
        check(
            Content::JsonLines,
            b"\xff\nx",
            &["1 unreadable-row: a row that is not UTF-8 text", "2 x"],
        );
        check(Content::Text, b"well done\nbad", &["1 well done", "2 bad"]);
        check(Content::Image, b"\x01\n\x02", &["1 [1, 10, 2]"]);
    }

    #[test]
    fn records_of_a_table() {
        let table = b"\xef\xbb\xbfa,b,s\n1.50,TRUE,\"x, \"\"y\"\"\nz\"\r\n,,\n2,no,q\n1\n";
        check(
            Content::Csv,
            table,
            &[
                r#"2 {"a":1.5,"b":true,"s":"x, \"y\"\nz"}"#,
                "4 {}",
                r#"5 {"a":2,"b":"no","s":"q"}"#,
                "6 unreadable-row: a row of 1 values, the header has 3 names",
            ],
        );
        check(
            Content::Csv,
            b"a,z\n1,2",
            &[r#"invalid-header: the column "z" is not a field of the model"#],
        );
    }

    #[test]
    fn a_row_without_end_takes_no_memory() {
        let mut rows = Rows::with_fields(Content::JsonLines, fields());
        for _ in 0..64 {
            rows.push(&[b'x'; 1 << 16]).unwrap();
            assert!(rows.begun.len() <= 1 << 20);
        }
        rows.push(b"\n{}\n").unwrap();
        let (line, instance) = rows.next().unwrap().into_parts();
        assert_eq!((line, instance.unwrap_err().class()), (1, Class::TooLarge));
        assert_eq!(rows.next().unwrap().line, 2);
    }
}
