//! The pages of a column, as the decoders of the crate `parquet` want them. What a page says of its size is
//! held against a budget before it is unpacked, and it is unpacked to that size and no further, so that
//! a small file can't become a large memory.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use parquet::basic::{CompressionCodec, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use ruzstd::decoding::FrameDecoder;

use crate::Source;
use crate::error::{damaged, too_large, unsupported};
use crate::thrift::{Compact, Fields};

/// What is read of a column at once.
const BLOCK: u64 = 1 << 20;
/// The longest head of a page. It has the column's smallest and largest value, which writers cut.
const HEAD: u64 = 64 << 10;
/// What a value of a dictionary takes once it is decoded, besides its bytes.
const VALUE: usize = 32;
/// Zstandard's own memory: what its standard levels need.
const ZSTD_WINDOW: u64 = 32 << 20;

/// How many bytes of pages may be in memory at once.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(super) fn new(most: usize) -> Self {
        Self { most, used: AtomicUsize::new(0) }
    }

    /// Exchanges what one page held for what another will.
    fn exchange(&self, held: usize, wanted: usize) -> Result<()> {
        let others = self.used.load(Ordering::Relaxed).saturating_sub(held);
        let all = others.saturating_add(wanted);
        if all > self.most {
            return Err(too_large(format!(
                "its pages take {all} bytes of memory at once, at most {} are accepted; write \
                 smaller pages, or give the function more memory",
                self.most
            )));
        }
        self.used.store(all, Ordering::Relaxed);
        Ok(())
    }
}

/// Bytes of a file that are read in blocks.
pub(super) struct Chunk {
    source: Arc<dyn Source>,
    block: Bytes,
    /// What is not in the block yet.
    rest: Range<u64>,
}

impl Chunk {
    pub(super) fn new(source: Arc<dyn Source>, range: Range<u64>) -> Self {
        Self { source, block: Bytes::new(), rest: range }
    }

    /// One that is in memory already.
    pub(super) fn held(source: Arc<dyn Source>, block: Bytes) -> Self {
        Self { source, block, rest: 0..0 }
    }

    fn left(&self) -> u64 {
        self.block.len() as u64 + (self.rest.end - self.rest.start)
    }

    /// Reads on until there are so many bytes.
    fn read(&mut self, count: u64) -> Result<()> {
        let missing = count.saturating_sub(self.block.len() as u64);
        if missing == 0 {
            return Ok(());
        }
        let end = self.rest.start.saturating_add(missing.max(BLOCK)).min(self.rest.end);
        let read = self.source.read(self.rest.start..end)?;
        self.rest.start = end;
        let mut block = BytesMut::with_capacity(self.block.len() + read.len());
        block.extend_from_slice(&self.block);
        block.extend_from_slice(&read);
        self.block = block.freeze();
        Ok(())
    }

    /// The next bytes; fewer than asked for at the end.
    pub(super) fn peek(&mut self, count: u64) -> Result<&[u8]> {
        self.read(count.min(self.left()))?;
        Ok(&self.block)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<Bytes> {
        if count as u64 > self.left() {
            return Err(damaged("a column ends within a page"));
        }
        self.read(count as u64)?;
        Ok(self.block.split_to(count))
    }
}

/// The pages of a column of one group of rows.
pub(super) struct Pages {
    chunk: Chunk,
    codec: CompressionCodec,
    budget: Arc<Budget>,
    /// Whether values may be absent, so that pages have levels.
    has_levels: bool,
    /// What the page before and the dictionary hold of the budget.
    page: usize,
    dictionary: usize,
    has_dictionary: bool,
}

/// What the head of a page says.
struct Head {
    packed: usize,
    unpacked: usize,
    fields: Fields,
}

impl Pages {
    pub(super) fn new(
        chunk: Chunk,
        codec: CompressionCodec,
        budget: Arc<Budget>,
        has_levels: bool,
    ) -> Self {
        Self { chunk, codec, budget, has_levels, page: 0, dictionary: 0, has_dictionary: false }
    }

    fn head(&mut self) -> Result<Head> {
        // Most heads have a few dozen bytes.
        for length in [256, HEAD] {
            let bytes = self.chunk.peek(length)?;
            let known = bytes.len();
            let mut compact = Compact::new(bytes);
            let Some(fields) = compact.fields(1) else { continue };
            let read = known - compact.left();
            drop(self.chunk.take(read)?);
            let size = |id| fields.number(id).and_then(|size| usize::try_from(size).ok());
            let (Some(unpacked), Some(packed)) = (size(2), size(3)) else {
                return Err(damaged("a page does not say its size"));
            };
            return Ok(Head { packed, unpacked, fields });
        }
        Err(damaged("a page has no head"))
    }

    /// The next page that has values.
    fn next_page(&mut self) -> Result<Option<Page>> {
        let page = self.page()?;
        match &page {
            Some(Page::DictionaryPage { .. }) => self.has_dictionary = true,
            Some(Page::DataPage { encoding, .. } | Page::DataPageV2 { encoding, .. }) => {
                let is_of_it =
                    matches!(encoding, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY);
                // The decoders take it for granted.
                if is_of_it && !self.has_dictionary {
                    return Err(damaged("a page is of a dictionary that is not there"));
                }
            }
            None => {}
        }
        Ok(page)
    }

    fn page(&mut self) -> Result<Option<Page>> {
        while self.chunk.left() > 0 {
            let head = self.head()?;
            let kind = head.fields.number(1);
            let (extra, part) = match kind {
                Some(0) => (0, head.fields.part(5)),
                Some(2) => (0, head.fields.part(7)),
                Some(3) => (0, head.fields.part(8)),
                // An index, or what a later version of the format has: no values are in it.
                _ => {
                    drop(self.chunk.take(head.packed)?);
                    continue;
                }
            };
            let part = part.ok_or_else(|| damaged("a page does not say what is in it"))?;
            let values = count(part, 1)?;
            let extra = if kind == Some(2) { entries(values, head.unpacked)? } else { extra };
            let held = if kind == Some(2) { &mut self.dictionary } else { &mut self.page };
            let wanted = head.unpacked.saturating_add(extra).max(head.packed);
            self.budget.exchange(*held, wanted)?;
            *held = wanted;
            let bytes = self.chunk.take(head.packed)?;
            return match kind {
                Some(0) => self.data(part, values, self.unpacked(&bytes, 0, head.unpacked)?),
                Some(2) => dictionary(part, values, self.unpacked(&bytes, 0, head.unpacked)?),
                _ => self.data_of_v2(part, values, &bytes, head.unpacked),
            }
            .map(Some);
        }
        Ok(None)
    }

    fn data(&self, part: &Fields, num_values: u32, buf: Bytes) -> Result<Page> {
        let (encoding, def_level_encoding) = (encoding(part, 2)?, encoding(part, 3)?);
        let values = match def_level_encoding {
            _ if !self.has_levels => Some(&buf[..]),
            Encoding::RLE => behind_runs(&buf),
            // Their length is not said. No writer of them packs values in runs.
            _ => Some(&[][..]),
        };
        has_room(encoding, values)?;
        Ok(Page::DataPage {
            buf,
            num_values,
            encoding,
            def_level_encoding,
            rep_level_encoding: self::encoding(part, 4)?,
            statistics: None,
        })
    }

    /// Levels come first in the second version of a page, and are not packed.
    fn data_of_v2(
        &self,
        part: &Fields,
        num_values: u32,
        bytes: &Bytes,
        unpacked: usize,
    ) -> Result<Page> {
        let (def_levels, rep_levels) = (count(part, 5)?, count(part, 6)?);
        let levels = (def_levels as usize).saturating_add(rep_levels as usize);
        let buf = match part.number(7) {
            Some(0) if bytes.len() == unpacked => bytes.clone(),
            Some(0) => return Err(damaged("a page has another size than it says")),
            _ => self.unpacked(bytes, levels, unpacked)?,
        };
        let encoding = encoding(part, 4)?;
        has_room(encoding, buf.get(levels..))?;
        Ok(Page::DataPageV2 {
            buf,
            num_values,
            encoding,
            num_nulls: count(part, 2)?,
            num_rows: count(part, 3)?,
            def_levels_byte_len: def_levels,
            rep_levels_byte_len: rep_levels,
            is_compressed: false,
            statistics: None,
        })
    }

    /// Unpacks what comes after some plain bytes, to a size that is known.
    fn unpacked(&self, bytes: &Bytes, plain: usize, size: usize) -> Result<Bytes> {
        let packed = bytes.get(plain..).ok_or_else(|| damaged("a page is too short"))?;
        if self.codec == CompressionCodec::UNCOMPRESSED {
            let fits = bytes.len() == size;
            return if fits {
                Ok(bytes.clone())
            } else {
                Err(damaged("a page has another size than it says"))
            };
        }
        let mut all = vec![0; size];
        let (before, room) = all
            .split_at_mut_checked(plain)
            .ok_or_else(|| damaged("a page has another size than it says"))?;
        before.copy_from_slice(bytes.get(..plain).unwrap_or_default());
        // A page of nothing but absent values may have no bytes at all.
        let filled = if packed.is_empty() { 0 } else { fill(self.codec, packed, room)? };
        if filled != room.len() {
            return Err(damaged("a page has another size than it says"));
        }
        Ok(all.into())
    }
}

/// Unpacks into room that is there, and says how much of it was needed.
pub(super) fn fill(codec: CompressionCodec, packed: &[u8], room: &mut [u8]) -> Result<usize> {
    let wrong = |reason: String| damaged(format!("a page can't be unpacked: {reason}"));
    match codec {
        CompressionCodec::SNAPPY => {
            snap::raw::Decoder::new().decompress(packed, room).map_err(|it| wrong(it.to_string()))
        }
        CompressionCodec::GZIP => {
            let mut decoder = MultiGzDecoder::new(packed);
            decoder.read_exact(room).map_err(|it| wrong(it.to_string()))?;
            // One byte more would be one too many; at the end, the checksum is compared.
            match decoder.read(&mut [0]) {
                Ok(0) => Ok(room.len()),
                Ok(_) => Err(wrong("it is larger than it says".into())),
                Err(error) => Err(wrong(error.to_string())),
            }
        }
        CompressionCodec::ZSTD => {
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(ZSTD_WINDOW);
            decoder.decode_all(packed, room).map_err(|it| wrong(it.to_string()))
        }
        other => Err(unsupported(format!("{other} is not unpacked"))),
    }
}

/// What comes behind runs, which begin with their length.
fn behind_runs(bytes: &[u8]) -> Option<&[u8]> {
    let (length, runs) = bytes.split_first_chunk()?;
    runs.get(usize::try_from(u32::from_le_bytes(*length)).ok()?..)
}

/// Checks lengths that the decoders take for granted: of levels, and of truth values in runs.
fn has_room(encoding: Encoding, values: Option<&[u8]>) -> Result<()> {
    let values = values.ok_or_else(|| damaged("a page has no room for its levels"))?;
    match encoding {
        Encoding::RLE if behind_runs(values).is_none() => {
            Err(damaged("a page has no room for its values"))
        }
        _ => Ok(()),
    }
}

fn dictionary(part: &Fields, num_values: u32, buf: Bytes) -> Result<Page> {
    let encoding = encoding(part, 2)?;
    Ok(Page::DictionaryPage { buf, num_values, encoding, is_sorted: false })
}

/// What the values of a dictionary take besides their bytes. Each has at least one.
fn entries(values: u32, bytes: usize) -> Result<usize> {
    let values = values as usize;
    if values > bytes {
        return Err(damaged("a dictionary has more values than bytes"));
    }
    Ok(values.saturating_mul(VALUE))
}

fn count(part: &Fields, id: i16) -> Result<u32> {
    let found = part.number(id).and_then(|count| u32::try_from(count).ok());
    found.ok_or_else(|| damaged("a page does not say what is in it"))
}

#[expect(deprecated, reason = "files have it")]
fn bit_packed() -> Encoding {
    Encoding::BIT_PACKED
}

fn encoding(part: &Fields, id: i16) -> Result<Encoding> {
    Ok(match part.number(id) {
        Some(0) => Encoding::PLAIN,
        Some(2) => Encoding::PLAIN_DICTIONARY,
        Some(3) => Encoding::RLE,
        // Of levels, in old files; said even where there are none.
        Some(4) => bit_packed(),
        Some(5) => Encoding::DELTA_BINARY_PACKED,
        Some(8) => Encoding::RLE_DICTIONARY,
        Some(9) => Encoding::BYTE_STREAM_SPLIT,
        // What they say of their sizes would have to be believed.
        Some(6 | 7) => {
            return Err(unsupported(
                "texts as differences (DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY) are not read; \
                 write them plain or with a dictionary",
            ));
        }
        Some(other) => return Err(unsupported(format!("the encoding {other} is not read"))),
        None => return Err(damaged("a page does not say its encoding")),
    })
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.next_page()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        Err(ParquetError::NYI("pages are read one after the other".into()))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        Err(ParquetError::NYI("pages are read one after the other".into()))
    }

    /// Columns are flat, so that a value is a record.
    fn at_record_boundary(&mut self) -> Result<bool> {
        Ok(true)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let held = self.page + self.dictionary;
        let others = self.budget.used.load(Ordering::Relaxed).saturating_sub(held);
        self.budget.used.store(others, Ordering::Relaxed);
    }
}
