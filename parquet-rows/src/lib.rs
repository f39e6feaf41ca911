//! The rows of a Parquet file, each as a JSON object: a table in columns, packed, with its description at the
//! end.
//!
//! The description is read first, then the rows, page by page of each column that is read in blocks, so
//! that memory does not grow with the file. The decoders are those of the crate `parquet`; what a file
//! says of its sizes is looked at before they see it. **They may panic** on a file that was made to surprise them:
//! whoever reads files of strangers watches for it, and takes such a file for a damaged one.

mod column;
mod error;
mod page;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
mod thrift;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use model_package::{FieldType, Limits};
use parquet::basic::{CompressionCodec, Repetition};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, FooterTail, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use serde_json::{Map, Value};

use crate::column::{Cell, Meaning, cells};
pub use crate::error::{Error, RowError};
use crate::error::{damaged, too_large, unsupported};
use crate::page::{Budget, Chunk, Pages};
use crate::thrift::Compact;

/// The longest description.
const DESCRIPTION: u64 = 16 << 20;
/// The last bytes: the description's length, and the format's name.
const TAIL: u64 = 8;
/// A group of rows of at most so many bytes is read at once.
const AT_ONCE: u64 = 4 << 20;
/// Rows that are decoded at once.
const ROWS: usize = 1024;
/// Rows are handed over when they have so many bytes.
const HANDED: usize = 1 << 20;

/// Where bytes of the file come from.
pub trait Source: Send + Sync {
    /// Exactly these bytes, which lie within the file.
    ///
    /// # Errors
    /// If they can't be had; nothing more is read then.
    fn read(&self, range: Range<u64>) -> Result<Bytes, Error>;
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number in the file, from 1.
    pub line: u64,
    /// A JSON object.
    pub text: Result<String, RowError>,
}

impl Row {
    /// How many bytes its text has.
    fn bytes(&self) -> usize {
        self.text.as_ref().map_or(0, String::len)
    }
}

/// Reads rows, and hands them over.
///
/// `size` is the file's, `skipped` how many rows at its beginning are not wanted, `memory` how many bytes
/// the pages of its columns may take at once.
///
/// # Errors
/// If it is no Parquet file of flat columns that are fields, is damaged, or takes too much memory; or if
/// nobody wants its rows any more.
///
/// # Panics
/// The decoders of the crate `parquet` may, on a damaged file.
pub fn read(
    source: &Arc<dyn Source>,
    size: u64,
    fields: &BTreeMap<String, FieldType>,
    skipped: u64,
    memory: usize,
    give: &mut dyn FnMut(Vec<Row>) -> Result<(), Error>,
) -> Result<(), Error> {
    let description = description(source, size)?;
    let columns = columns(&description, fields)?;
    let mut line = 0_u64;
    for group in description.row_groups() {
        let rows = u64::try_from(group.num_rows()).map_err(|_| damaged("a number of rows"))?;
        if line.saturating_add(rows) <= skipped {
            line = line.saturating_add(rows);
            continue;
        }
        let mut group = Group::open(source, size, group, &columns, memory)?;
        let mut left = rows;
        while left > 0 {
            let now = left.min(ROWS as u64) as usize;
            let mut cells = group.cells(now)?;
            let mut ready = Ready::default();
            for _ in 0..now {
                line = line.saturating_add(1);
                let row = cells.iter_mut().filter_map(Iterator::next);
                if line > skipped {
                    ready.add(row_of(line, columns.iter().zip(row)));
                    ready.give(HANDED, give)?;
                }
            }
            ready.give(0, give)?;
            left -= now as u64;
        }
    }
    Ok(())
}

/// Rows that are handed over together.
#[derive(Default)]
struct Ready {
    rows: Vec<Row>,
    bytes: usize,
}

impl Ready {
    fn add(&mut self, row: Row) {
        self.bytes += row.bytes();
        self.rows.push(row);
    }

    /// Hands them over, if they have more than so many bytes.
    fn give(
        &mut self,
        bytes: usize,
        give: &mut dyn FnMut(Vec<Row>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.rows.is_empty() || self.bytes < bytes {
            return Ok(());
        }
        self.bytes = 0;
        give(std::mem::take(&mut self.rows))
    }
}

/// What the file says of itself.
fn description(source: &Arc<dyn Source>, size: u64) -> Result<ParquetMetaData, ParquetError> {
    let none = || damaged("it does not end as Parquet files do");
    let end = size.checked_sub(TAIL).ok_or_else(none)?;
    let tail = source.read(end..size)?;
    let tail = FooterTail::try_from(&tail[..]).map_err(|_| none())?;
    if tail.is_encrypted_footer() {
        return Err(unsupported("it is encrypted"));
    }
    let length = tail.metadata_length() as u64;
    if length > DESCRIPTION {
        let message = format!(
            "its description has {length} bytes, at most {DESCRIPTION} are read; write larger groups of rows"
        );
        return Err(too_large(message));
    }
    let begin = end.checked_sub(length).ok_or_else(none)?;
    let text = source.read(begin..end)?;
    if !is_flat(&text).ok_or_else(none)? {
        return Err(unsupported(
            "it has nested columns; expected one column a field, and JSON Lines for lists",
        ));
    }
    ParquetMetaDataReader::decode_metadata(&text)
}

/// Whether all columns are flat, so that reading their description does not go deep.
fn is_flat(text: &[u8]) -> Option<bool> {
    /// Where the description has its columns, and a column how many are in it.
    const SCHEMA: i16 = 2;
    const CHILDREN: i16 = 5;
    let mut compact = Compact::new(text);
    let columns = compact.list(SCHEMA)?.checked_sub(1)?;
    let root = compact.fields(0)?.number(CHILDREN)?;
    if usize::try_from(root).ok()? != columns {
        return Some(false);
    }
    for _ in 0..columns {
        if compact.fields(0)?.number(CHILDREN).unwrap_or_default() != 0 {
            return Some(false);
        }
    }
    Some(true)
}

/// A column that is a field.
struct Column {
    name: String,
    meaning: Meaning,
}

/// The columns, each a field of the model.
fn columns(
    description: &ParquetMetaData,
    fields: &BTreeMap<String, FieldType>,
) -> Result<Vec<Column>, ParquetError> {
    let found = description.file_metadata().schema_descr().columns();
    let mut names = std::collections::BTreeSet::new();
    let read = found.iter().map(|column| {
        let name = column.name();
        let wrong = |what: &'static str| {
            let column = name.chars().take(80).collect();
            ParquetError::from(Error::Column { column, what })
        };
        let Some(field) = fields.get(name) else {
            return Err(wrong("is not a field of the model"));
        };
        if !names.insert(name) {
            return Err(wrong("is there twice"));
        }
        if column.self_type().get_basic_info().repetition() == Repetition::REPEATED {
            return Err(wrong("has lists"));
        }
        Ok(Column { name: name.to_owned(), meaning: Meaning::of(column, *field)? })
    });
    read.collect()
}

/// A group of rows that is being read.
struct Group {
    columns: Vec<(ColumnReader, Meaning)>,
}

impl Group {
    fn open(
        source: &Arc<dyn Source>,
        size: u64,
        group: &RowGroupMetaData,
        columns: &[Column],
        memory: usize,
    ) -> Result<Self, ParquetError> {
        let chunks = group.columns();
        if chunks.len() != columns.len() {
            return Err(damaged("a group of rows has other columns than the file"));
        }
        let ranges = chunks.iter().map(|chunk| range(chunk, size));
        let ranges: Vec<_> = ranges.collect::<Result<_, _>>()?;
        let begin = ranges.iter().map(|it| it.start).min().unwrap_or_default();
        let end = ranges.iter().map(|it| it.end).max().unwrap_or_default();
        let whole = (end - begin <= AT_ONCE).then(|| source.read(begin..end)).transpose()?;
        let budget = Arc::new(Budget::new(memory));
        let open = chunks.iter().zip(ranges).zip(columns).map(|((chunk, range), column)| {
            let codec = chunk.compression_codec();
            let known = matches!(
                codec,
                CompressionCodec::UNCOMPRESSED
                    | CompressionCodec::SNAPPY
                    | CompressionCodec::GZIP
                    | CompressionCodec::ZSTD
            );
            if !known {
                return Err(unsupported(format!(
                    "the column {:?} is packed with {codec}; expected SNAPPY, ZSTD, GZIP or UNCOMPRESSED",
                    column.name
                )));
            }
            let chunk_of = match &whole {
                Some(whole) => {
                    let (from, to) = ((range.start - begin) as usize, (range.end - begin) as usize);
                    Chunk::held(Arc::clone(source), whole.slice(from..to))
                }
                None => Chunk::new(Arc::clone(source), range),
            };
            let described = chunk.column_descr_ptr();
            let has_levels = described.max_def_level() > 0;
            let pages = Pages::new(chunk_of, codec, Arc::clone(&budget), has_levels);
            let reader = get_column_reader(described, Box::new(pages));
            Ok((reader, column.meaning))
        });
        Ok(Self { columns: open.collect::<Result<_, _>>()? })
    }

    /// The next values of each column.
    fn cells(&mut self, rows: usize) -> Result<Vec<std::vec::IntoIter<Cell>>, ParquetError> {
        let read = self.columns.iter_mut().map(|(reader, meaning)| cells(reader, *meaning, rows));
        read.map(|cells| Ok(cells?.into_iter())).collect()
    }
}

/// Where a column of a group lies.
fn range(chunk: &ColumnChunkMetaData, size: u64) -> Result<Range<u64>, ParquetError> {
    let data = chunk.data_page_offset();
    // Some writers say 0 where there is none.
    let dictionary = chunk.dictionary_page_offset().filter(|it| *it > 0 && *it < data);
    let start = u64::try_from(dictionary.unwrap_or(data)).ok();
    let length = u64::try_from(chunk.compressed_size()).ok();
    let range =
        start.zip(length).and_then(|(start, length)| Some(start..start.checked_add(length)?));
    let range = range.filter(|range| range.end <= size);
    range.ok_or_else(|| damaged("a column lies outside of the file"))
}

/// A row as an instance.
fn row_of<'a>(line: u64, cells: impl Iterator<Item = (&'a Column, Cell)>) -> Row {
    let most = Limits::DEFAULT.json_bytes;
    let (mut object, mut bytes) = (Map::new(), 0_usize);
    for (column, cell) in cells {
        let value = match cell {
            Cell::Absent => continue,
            Cell::Value(value) => value,
            Cell::Text(text) => {
                bytes = bytes.saturating_add(text.len());
                if bytes > most {
                    return Row { line, text: Err(RowError::TooLong { limit: most }) };
                }
                match std::str::from_utf8(text.data()) {
                    Ok(text) => Value::from(text),
                    Err(_) => return Row { line, text: Err(RowError::NotText) },
                }
            }
        };
        object.insert(column.name.clone(), value);
    }
    Row { line, text: Ok(Value::Object(object).to_string()) }
}
