//! Compiled components as files.
//!
//! Two files make one: the code (`NAME.cwasm`), and a record of what it is (`NAME.json`) with a
//! checksum of the code. Mapping trusts the code as it trusts this program, so both must lie where
//! only those can write whom the process trusts with its own program. The record guards against
//! damage and mix-ups, not against somebody who can write both; no digest beside the file could.
#![expect(unsafe_code, reason = "mapping compiled code is unsafe; this is the one place that does")]

use std::fs::File;
use std::path::{Path, PathBuf};

use model_package::Digest;
use serde::{Deserialize, Serialize};
use wasmtime::component::Component;

use crate::{Engine, HostError};

/// What a file of code is: enough to find damage and mix-ups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    /// The length of the code in bytes.
    pub(crate) bytes: u64,
    /// XXH3 (128 bits) of the code, in hexadecimal. A start has to read the code whole for it: 2 ms
    /// for 39 MB, where sha256 would take 26.
    pub(crate) xxh3: String,
}

/// What lies in `NAME.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// The component that was compiled.
    component: Digest,
    code: Code,
}

/// Checks a compiled file against the record beside it and maps it.
pub(crate) fn map(engine: &Engine, path: &Path) -> Result<(Component, Digest), HostError> {
    let record = read_record(path)?;
    check(path, &record.code)?;
    Ok((map_code(engine, path, &record.code)?, record.component))
}

/// Checks a file of code byte by byte.
pub(crate) fn check(path: &Path, code: &Code) -> Result<(), HostError> {
    let wrong = |message: &str| HostError::Compiled { path: path.into(), message: message.into() };
    let length = std::fs::metadata(path).map_err(io(path))?.len();
    if length != code.bytes {
        return Err(wrong("not as long as its record says; compile it again"));
    }
    let file = File::open(path).map_err(io(path))?;
    // SAFETY: the bytes are only read, and whoever could change them meanwhile could as well change
    // the code that is mapped below (see the module's head).
    let bytes = unsafe { memmap2::Mmap::map(&file) }.map_err(io(path))?;
    if checksum(&bytes) != code.xxh3 {
        return Err(wrong("its bytes are not those that were compiled; compile it again"));
    }
    Ok(())
}

/// Maps a file of code whose length is that of the record. Its pages are read when they are needed;
/// [`check`] reads them all.
pub(crate) fn map_code(engine: &Engine, path: &Path, code: &Code) -> Result<Component, HostError> {
    let wrong = |message: &str| HostError::Compiled { path: path.into(), message: message.into() };
    if std::fs::metadata(path).map_err(io(path))?.len() != code.bytes {
        return Err(wrong("not as long as its record says; compile it again"));
    }
    // SAFETY: the file lies in a place that is trusted like the program itself (see the module's
    // head). wasmtime checks that version and settings are its own.
    let component = unsafe { Component::deserialize_file(&engine.wasmtime, path) };
    component.map_err(|error| wrong(&format!("{error:#}")))
}

/// Writes code and record, each whole or not at all.
#[cfg(feature = "compiler")]
pub(crate) fn write(path: &Path, component: Digest, bytes: &[u8]) -> Result<(), HostError> {
    let record = Record { component, code: write_code(path, bytes)? };
    write_json(&record_path(path), &record)
}

/// Copies code and record, each whole or not at all.
#[cfg(feature = "compiler")]
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), HostError> {
    for (from, to) in [(from, to), (&*record_path(from), &*record_path(to))] {
        write_whole(to, &std::fs::read(from).map_err(io(from))?)?;
    }
    Ok(())
}

/// Writes a file of code, whole or not at all.
#[cfg(feature = "compiler")]
pub(crate) fn write_code(path: &Path, bytes: &[u8]) -> Result<Code, HostError> {
    write_whole(path, bytes)?;
    Ok(Code { bytes: bytes.len() as u64, xxh3: checksum(bytes) })
}

/// Writes a JSON document, whole or not at all.
#[cfg(feature = "compiler")]
pub(crate) fn write_json(path: &Path, document: &impl Serialize) -> Result<(), HostError> {
    let mut text = serde_json::to_vec_pretty(document)
        .map_err(|error| HostError::Compiled { path: path.into(), message: error.to_string() })?;
    text.push(b'\n');
    write_whole(path, &text)
}

/// Writes to a temporary file beside `path` and renames it.
#[cfg(feature = "compiler")]
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    use std::io::Write;

    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // As any other file: what the user's umask leaves.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory).map_err(io(directory))?;
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

pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> HostError {
    let path = path.to_owned();
    |source| HostError::Io { path, source }
}
