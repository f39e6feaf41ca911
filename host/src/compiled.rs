//! Compiled components as files.
//!
//! Two files make one: the code (`NAME.cwasm`), and a record of what it is (`NAME.json`) with a
//! checksum of the code. Mapping trusts the code as it trusts this program, so the code's bytes are
//! checked against the record first, and both must lie where only those can write whom the process
//! trusts with its own program. The record guards against damage and mix-ups, not against somebody
//! who can write both; no digest beside the file could.
#![expect(unsafe_code, reason = "mapping compiled code is unsafe; this is the one place that does")]

use std::fs::File;
use std::path::{Path, PathBuf};

use model_package::Digest;
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

use crate::{Engine, HostError};

/// What lies in `NAME.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// The component that was compiled.
    component: Digest,
    /// The length of the code in bytes.
    bytes: u64,
    /// XXH3 (128 bits) of the code, in hexadecimal. A start has to read the code whole for it: 2 ms
    /// for 39 MB, where sha256 would take 26.
    xxh3: String,
}

/// Checks a compiled file against its record and maps it.
pub(crate) fn map(engine: &Engine, path: &Path) -> Result<(Component, Digest), HostError> {
    let record = read_record(path)?;
    let wrong = |message: &str| HostError::Compiled { path: path.into(), message: message.into() };
    let length = std::fs::metadata(path).map_err(io(path))?.len();
    if length != record.bytes {
        return Err(wrong("not as long as its record says; compile it again"));
    }
    let file = File::open(path).map_err(io(path))?;
    // SAFETY: the bytes are only read, and whoever could change them meanwhile could as well change
    // the code that is mapped below (see the module's head).
    let code = unsafe { memmap2::Mmap::map(&file) }.map_err(io(path))?;
    if checksum(&code) != record.xxh3 {
        return Err(wrong("its bytes are not those that were compiled; compile it again"));
    }
    // SAFETY: the bytes are those that a compiler of this project wrote, by the digest just
    // checked, in a place that is trusted like the program itself (see the module's head).
    // wasmtime checks that version and settings are its own.
    let component = unsafe { Component::deserialize_file(&engine.wasmtime, path) };
    let component = component.map_err(|error| wrong(&format!("{error:#}")))?;
    Ok((component, record.component))
}

/// Writes code and record, each whole or not at all.
#[cfg(feature = "compiler")]
pub(crate) fn write(path: &Path, component: Digest, code: &[u8]) -> Result<(), HostError> {
    let record = Record { component, bytes: code.len() as u64, xxh3: checksum(code) };
    let record = serde_json::to_vec(&record)
        .map_err(|error| HostError::Compiled { path: path.into(), message: error.to_string() })?;
    write_whole(path, code)?;
    write_whole(&record_path(path), &record)
}

/// Writes to a temporary file beside `path` and renames it.
#[cfg(feature = "compiler")]
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    use std::io::Write;

    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(io(directory))?;
    file.write_all(bytes).map_err(io(path))?;
    file.persist(path).map_err(|error| io(path)(error.error))?;
    Ok(())
}

fn checksum(code: &[u8]) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(code))
}

fn read_record(path: &Path) -> Result<Record, HostError> {
    let path = record_path(path);
    let text = std::fs::read(&path).map_err(io(&path))?;
    serde_json::from_slice(&text).map_err(|error| HostError::Compiled {
        path,
        message: format!("not the record of a compiled component: {error}"),
    })
}

fn record_path(path: &Path) -> PathBuf {
    path.with_extension("json")
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> HostError {
    let path = path.to_owned();
    |source| HostError::Io { path, source }
}
