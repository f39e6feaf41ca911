//! Files as common writers write them (`tests/parquet/make.py`), whole, damaged, and made to do harm.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// The fraud model's fields.
fn fields() -> BTreeMap<String, FieldType> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/fraud/package/manifest.json");
    let manifest: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let fields = manifest["input"]["fields"].as_array().unwrap().clone();
    let kind = |field: &Value| serde_json::from_value(field["type"].clone()).unwrap();
    fields.iter().map(|it| (it["name"].as_str().unwrap().to_owned(), kind(it))).collect()
}

fn file(name: &str) -> Bytes {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/parquet");
    std::fs::read(folder.join(name)).unwrap().into()
}

/// Bytes in memory, and the most that was asked for at once.
struct Held {
    bytes: Bytes,
    most: AtomicUsize,
}

impl Source for Held {
    fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        assert!(range.start <= range.end && range.end <= self.bytes.len() as u64, "{range:?}");
        let range = range.start as usize..range.end as usize;
        self.most.fetch_max(range.len(), Ordering::Relaxed);
        Ok(self.bytes.slice(range))
    }
}

/// The rows of a file behind the first ones.
fn rows_from(bytes: Bytes, skipped: u64) -> Result<Vec<(u64, String)>, Error> {
    let size = bytes.len() as u64;
    let source: Arc<dyn Source> = Arc::new(Held { bytes, most: AtomicUsize::new(0) });
    let mut all = Vec::new();
    let mut give = |rows: Vec<Row>| {
        let text = |row: Row| (row.line, row.text.unwrap_or_else(|error| error.to_string()));
        all.extend(rows.into_iter().map(text));
        Ok(())
    };
    read(&source, size, &fields(), skipped, 64 << 20, &mut give)?;
    Ok(all)
}

fn rows(bytes: Bytes) -> Result<Vec<(u64, String)>, Error> {
    rows_from(bytes, 0)
}

/// The rows as they were before they were written.
fn expected() -> Vec<(u64, Value)> {
    let text = file("rows.jsonl");
    let lines = std::str::from_utf8(&text).unwrap().lines();
    (1..).zip(lines.map(|line| serde_json::from_str(line).unwrap())).collect()
}

const WRITERS: [&str; 6] = ["pandas", "gzip", "spark", "polars", "duckdb", "fastparquet"];

#[test]
fn what_common_writers_write_is_read() {
    for writer in WRITERS {
        let found = rows(file(&format!("{writer}.parquet"))).unwrap();
        let found: Vec<(u64, Value)> =
            found.iter().map(|(line, text)| (*line, serde_json::from_str(text).unwrap())).collect();
        assert_eq!(found, expected(), "{writer}");
    }
}

#[test]
fn rows_that_are_done_are_passed_over() {
    for skipped in [0, 1, 6, 7, 8, 39, 40, 41, u64::MAX] {
        let found = rows_from(file("gzip.parquet"), skipped).unwrap();
        let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, (skipped.saturating_add(1)..41).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_not_read_is_said() {
    let cases = [
        ("lz4", "unsupported-parquet", "the column \"transaction_id\" is packed with LZ4"),
        ("index", "invalid-header", "the column \"__index_level_0__\" is not a field of the model"),
        ("nested", "unsupported-parquet", "it has nested columns"),
        ("naive", "unsupported-parquet", "the column \"timestamp\" has times without a time zone"),
        ("delta", "unsupported-parquet", "texts as differences"),
        ("bomb", "parquet-too-large", "its pages take 2684"),
    ];
    for (name, code, message) in cases {
        let error = rows(file(&format!("refused/{name}.parquet"))).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(error.to_string().contains(message), "{name}: {error}");
    }
    for text in ["", "PAR1", "{\"amount\": 1}\n{\"amount\": 2}\n"] {
        let error = rows(text.into()).unwrap_err();
        assert_eq!(error.code(), "invalid-parquet");
        assert!(error.to_string().contains("it does not end as Parquet files do"), "{error}");
    }
    let mut secret = file("pandas.parquet").to_vec();
    *secret.last_mut().unwrap() = b'E';
    assert!(rows(secret.into()).unwrap_err().to_string().contains("it is encrypted"));
}

#[test]
fn a_column_is_read_in_blocks() {
    let bytes: Vec<u8> = (0..3_500_000_u32).map(|it| (it % 251) as u8).collect();
    let held = Arc::new(Held { bytes: bytes.clone().into(), most: AtomicUsize::new(0) });
    let source: Arc<dyn Source> = held.clone();
    let mut chunk = Chunk::new(source, 10..3_400_000);
    let mut place = 10;
    for count in [1, 2_000_000, 0, 1_399_988] {
        assert!(chunk.peek(256).unwrap().starts_with(&bytes[place..place + count.min(1)]));
        assert_eq!(chunk.take(count).unwrap(), bytes[place..place + count]);
        place += count;
    }
    assert_eq!(chunk.take(1).unwrap(), bytes[3_399_999..3_400_000]);
    assert!(chunk.take(1).is_err());
    assert!(held.most.load(Ordering::Relaxed) < 1_400_000);
}

/// Each of 256 MiB of a gzip page is a byte of a row; the page says that it has few.
#[test]
fn a_page_that_says_less_than_it_unpacks_to_is_refused() {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..256 {
        packed.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    let packed = packed.finish().unwrap();
    let mut room = [0; 100];
    let error = page::fill(CompressionCodec::GZIP, &packed, &mut room).unwrap_err();
    assert!(error.to_string().contains("larger than it says"), "{error}");
}

#[test]
fn a_cut_file_is_damaged() {
    let whole = file("gzip.parquet");
    for end in (0..whole.len()).step_by(97) {
        assert_eq!(rows(whole.slice(..end)).unwrap_err().code(), "invalid-parquet");
    }
}

/// Whatever a byte becomes, there are rows or an error.
#[test]
fn damaged_files_are_errors() {
    for writer in WRITERS {
        let whole = file(&format!("{writer}.parquet"));
        for place in (0..whole.len()).step_by(5) {
            let mut bytes = whole.to_vec();
            bytes[place] ^= [0x01, 0x7f, 0xff][place % 3];
            drop(rows(bytes.into()));
        }
    }
}

/// The same for several bytes at once: one change may hide what the other would show. Decoders are surprised by
/// some, which the thread that reads is watched for; none may take all memory or go on for ever.
#[test]
fn files_damaged_in_several_places_come_to_an_end() {
    let files = WRITERS.map(|writer| file(&format!("{writer}.parquet")));
    let rounds = std::env::var("PARQUET_ROUNDS").ok().and_then(|it| it.parse().ok());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        // Marsaglia's xorshift64: the same numbers in each run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    for round in 0..rounds.unwrap_or(2_000) {
        let whole = &files[round % files.len()];
        let mut bytes = whole.to_vec();
        // Most of what describes a file is at its end.
        let from = if random(2) == 0 { 0 } else { bytes.len().saturating_sub(1_500) };
        for _ in 0..=random(6) {
            let place = from + random(whole.len() - from);
            bytes[place] = random(256) as u8;
        }
        drop(std::panic::catch_unwind(|| rows(bytes.into())));
    }
}
