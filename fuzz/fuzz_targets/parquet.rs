//! Any bytes as a Parquet file with columns of the fraud model's.
//!
//! The decoders of the crate `parquet` panic on some files that are made to surprise them. Whoever reads takes that
//! for a damaged file, so such a panic counts as a refusal here; one anywhere else is a finding.

#![no_main]

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use model_package::{FieldType, MANIFEST, Manifest};
use parquet_rows::{Error, Row, Source, read};

/// What the pages of a group may take: a function's least.
const MEMORY: usize = 64 << 20;
/// After so many rows, or bytes of them, nobody wants more: a few bytes can be many absent values.
const ROWS: u64 = 5_000;
const BYTES: usize = 16 << 20;

static FIELDS: LazyLock<BTreeMap<String, FieldType>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/fraud/package");
    let text = std::fs::read(folder.join(MANIFEST)).expect("the package is in the repository");
    let manifest: Manifest = serde_json::from_slice(&text).expect("a manifest");
    manifest.input.fields.into_iter().map(|field| (field.name, field.kind)).collect()
});

struct Held(Bytes);

impl Source for Held {
    fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        assert!(range.start <= range.end && range.end <= self.0.len() as u64, "{range:?}");
        Ok(self.0.slice(range.start as usize..range.end as usize))
    }
}

fuzz_target!(
    init: {
        panic::set_hook(Box::new(|info| {
            let decoder = info.location().is_some_and(|at| at.file().contains("/parquet-6"));
            if !decoder {
                eprintln!("{info}");
                std::process::abort();
            }
        }));
    },
    |bytes: &[u8]| {
        drop(panic::catch_unwind(AssertUnwindSafe(|| rows_of(bytes))));
    }
);

fn rows_of(bytes: &[u8]) {
    let source: Arc<dyn Source> = Arc::new(Held(Bytes::copy_from_slice(bytes)));
    let (mut line, mut given) = (0, 0);
    let mut give = |rows: Vec<Row>| {
        for row in rows {
            line += 1;
            assert_eq!(row.line, line);
            let Ok(text) = row.text else { continue };
            given += text.len();
            let object: serde_json::Value = serde_json::from_str(&text).expect("a row is JSON");
            assert!(object.is_object());
        }
        match line < ROWS && given < BYTES {
            true => Ok(()),
            false => Err(Error::Damaged("enough".into())),
        }
    };
    if let Err(error) = read(&source, bytes.len() as u64, &FIELDS, 0, MEMORY, &mut give) {
        let text = error.to_string();
        assert!(text.len() < 2_000, "{} bytes", text.len());
    }
}
