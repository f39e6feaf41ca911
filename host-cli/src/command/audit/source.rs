//! Audit records in what holds them: logs as they were printed, exported or asked for, and copies.
//!
//! A record begins where its first key does. What stands before it on its line, such as a time, and
//! every line without one is passed over. Where a record is a string of a JSON document, as in what
//! `aws logs` prints, it is taken out of it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;
use flate2::bufread::MultiGzDecoder;

use crate::failure::InputError;
use crate::progress::Progress;

/// How a record begins, and how it does within a string of JSON.
const RECORD: &str = "{\"audit\":\"";
const QUOTED: &str = "\"{\\\"audit\\\":\\\"";
/// How a gzip member begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// From so many bytes on people see how far it is.
const LONG_BYTES: u64 = 64 << 20;
/// How deep folders are looked into; links may lead in circles.
const DEPTH: usize = 16;
/// The longest line: a subscription's record has many log lines in one.
const LINE_BYTES: u64 = 64 << 20;

/// Where a record was found.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: String,
    /// From 1.
    pub(super) line: u64,
}

/// Hands over every record in these files and folders, in the order of the paths.
pub(super) fn each(paths: &[PathBuf], mut take: impl FnMut(&Place, &str)) -> Result<()> {
    let mut found = Vec::new();
    for path in paths {
        match path == Path::new("-") {
            true => found.push(path.clone()),
            false => found.append(&mut files(path, DEPTH)?),
        }
    }
    let sizes = found.iter().filter_map(|file| file.metadata().ok()).map(|it| it.len());
    let total: u64 = sizes.sum();
    let progress =
        (total >= LONG_BYTES).then(|| Progress::of_bytes("reading audit records", total));
    for file in found {
        if file == Path::new("-") {
            read("standard input", &mut io::stdin().lock(), &mut take)?;
            continue;
        }
        let name = file.display().to_string();
        let opened = File::open(&file).map_err(|error| unreadable(&name, &error))?;
        let counted = Counted { source: opened, progress: progress.as_ref() };
        read(&name, &mut BufReader::new(counted), &mut take)?;
    }
    if let Some(progress) = progress {
        progress.end();
    }
    Ok(())
}

/// A source whose bytes are progress.
struct Counted<'a> {
    source: File,
    progress: Option<&'a Progress>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        if let Some(progress) = self.progress {
            progress.more(read as u64);
        }
        Ok(read)
    }
}

fn unreadable(name: &str, error: &io::Error) -> InputError {
    InputError(format!("can't read {name}: {error}"))
}

/// The file itself, or the files of a folder and its folders, sorted.
fn files(path: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let about = |error| unreadable(&path.display().to_string(), &error);
    if !path.exists() {
        return Err(InputError(format!("there is no {}", path.display())).into());
    }
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let Some(below) = depth.checked_sub(1) else {
        let message = format!("{}: folders lie in folders, more than {DEPTH} deep", path.display());
        return Err(InputError(message).into());
    };
    let entries = path.read_dir().map_err(about)?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(about)?;
    paths.sort();
    let found = paths.iter().map(|path| files(path, below)).collect::<Result<Vec<_>>>()?;
    Ok(found.into_iter().flatten().collect())
}

fn read(name: &str, source: &mut impl BufRead, take: &mut impl FnMut(&Place, &str)) -> Result<()> {
    let begin = source.fill_buf().map_err(|error| unreadable(name, &error))?;
    let packed = begin.starts_with(&GZIP);
    if packed {
        return lines(name, &mut BufReader::new(MultiGzDecoder::new(source)), take);
    }
    lines(name, source, take)
}

fn lines(name: &str, source: &mut impl BufRead, take: &mut impl FnMut(&Place, &str)) -> Result<()> {
    let mut place = Place { file: name.to_owned(), line: 0 };
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = source.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line);
        if read.map_err(|error| unreadable(name, &error))? == 0 {
            return Ok(());
        }
        place.line += 1;
        if line.len() as u64 == LINE_BYTES && line.last() != Some(&b'\n') {
            let message = format!("{name}: line {}: longer than {LINE_BYTES} bytes", place.line);
            return Err(InputError(message).into());
        }
        for record in records(&String::from_utf8_lossy(&line)) {
            take(&place, &record);
        }
    }
}

/// The records of a line: one that ends with it, or any number within strings of JSON.
fn records(line: &str) -> Vec<Cow<'_, str>> {
    // It begins a line, or comes after a space.
    let begins = |place: &usize| {
        line.get(..*place)
            .is_some_and(|before| before.chars().next_back().is_none_or(char::is_whitespace))
    };
    if let Some(begin) = line.match_indices(RECORD).map(|(place, _)| place).find(begins) {
        return line.get(begin..).map(|record| record.trim_end().into()).into_iter().collect();
    }
    let places = line.match_indices(QUOTED).map(|(place, _)| place);
    let strings = places.filter_map(|place| {
        let text = serde_json::Deserializer::from_str(line.get(place..)?);
        text.into_iter::<String>().next()?.ok()
    });
    strings.map(|text| text.trim_end().to_owned().into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_in_lines() {
        let check = |line: &str, expected: &[&str]| assert_eq!(records(line), expected, "{line}");
        check(r#"{"audit":"a/1"}"#, &[r#"{"audit":"a/1"}"#]);
        check("2026-03-14T02:11:09.123Z {\"audit\":\"a/1\"}\r\n", &[r#"{"audit":"a/1"}"#]);
        check(r#"   "message": "{\"audit\":\"a/1\",\"é\":1}\n","#, &[r#"{"audit":"a/1","é":1}"#]);
        let two = r#"{"logEvents":[{"message":"{\"audit\":\"1\"}"},{"message":"START"},{"message":"{\"audit\":\"2\"}"}]}"#;
        check(two, &[r#"{"audit":"1"}"#, r#"{"audit":"2"}"#]);
        check(r#"{"timestamp":"2026-03-14","level":"INFO","message":"ready"}"#, &[]);
        check(r#""{\"audit\":\"cut off"#, &[]);
        check(r#"a value of '{"audit":"a/1"}'"#, &[]);
        check("", &[]);
    }
}
