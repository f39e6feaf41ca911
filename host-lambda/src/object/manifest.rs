//! What is said of an object's results: counts, failures with their lines, digests of all parts.

use bytes::Bytes;
use model_package::Digest;
use predictor_host::{Class, HostError, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::{Body, Object, Record};
use crate::failure::refused;

/// The format's name and major version.
const FORMAT: &str = "samebits-results/1";
/// At most as many failures are listed; the rest is counted.
const FAILURES: usize = 1_000;
/// The largest manifest.
pub(super) const BYTES: usize = 16 << 20;

/// The manifest of an object's results.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: String,
    bucket: String,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    etag: String,
    model: String,
    model_version: String,
    package: String,
    component: String,
    /// Whether all rows of the object are done.
    complete: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    rows: u64,
    predictions: u64,
    failed: u64,
    /// The first failures.
    failures: Vec<Failed>,
    parts: Vec<PartEntry>,
    #[serde(skip)]
    principal: Option<String>,
}

/// A row without a prediction.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Failed {
    line: u64,
    class: String,
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// A part of the results.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct PartEntry {
    name: String,
    rows: u64,
    sha256: Digest,
}

/// Whether what lies there as a manifest says that all of an object is done. It is written whole, and by nobody
/// else, so anything else is not what was written.
pub(super) fn finished(text: &[u8]) -> Result<(), HostError> {
    let reason = match serde_json::from_slice::<Manifest>(text) {
        Ok(manifest) if manifest.format == FORMAT && manifest.complete => return Ok(()),
        Ok(manifest) if manifest.format != FORMAT => format!("its format is not {FORMAT}"),
        Ok(_) => "it is not complete".to_owned(),
        Err(error) => error.to_string(),
    };
    let message =
        format!("the results' manifest.json is no manifest: {reason}; remove it to begin anew");
    Err(refused(Class::Internal, "invalid-manifest", message))
}

impl Manifest {
    /// A new one, or that of an earlier try to go on from.
    pub(super) fn begun(
        before: Option<&[u8]>,
        named: &decision_audit::Model,
        object: &Object,
        etag: &str,
    ) -> Self {
        let before = before.and_then(|text| serde_json::from_slice::<Self>(text).ok());
        if let Some(before) = before.filter(|before| before.format == FORMAT) {
            let principal = object.principal.clone();
            return Self { complete: true, stopped: None, principal, ..before };
        }
        Self {
            format: FORMAT.into(),
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            version: object.version.clone(),
            etag: etag.into(),
            model: named.name.clone(),
            model_version: named.version.clone(),
            package: named.package.to_string(),
            component: named.component.to_string(),
            complete: true,
            stopped: None,
            rows: 0,
            predictions: 0,
            failed: 0,
            failures: Vec::new(),
            parts: Vec::new(),
            principal: object.principal.clone(),
        }
    }

    /// How many rows are done.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// How many parts are written.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Whose decisions the rows are, in audit records: the part's.
    pub(super) fn record(&self) -> Record {
        let id = format!("s3://{}/{}#part-{:05}", self.bucket, self.key, self.parts.len());
        Record { principal: self.principal.clone(), ..Record::new(id, Body::Nothing) }
    }

    /// Counts a part that is written.
    pub(super) fn add(&mut self, lines: &[u64], outcomes: &[Outcome], text: &Bytes) {
        let name = format!("part-{:05}.jsonl", self.parts.len());
        let rows = outcomes.len() as u64;
        self.parts.push(PartEntry { name, rows, sha256: Digest::of(text) });
        self.rows += rows;
        for (line, outcome) in lines.iter().zip(outcomes) {
            match outcome {
                Ok(_) => self.predictions += 1,
                Err(error) => {
                    self.failed += 1;
                    if self.failures.len() < FAILURES {
                        self.failures.push(Failed {
                            line: *line,
                            class: error.class().name().into(),
                            code: error.code().into(),
                            field: error.field().map(str::to_owned),
                        });
                    }
                }
            }
        }
    }

    /// Its text; with the reason where it stopped before the end.
    pub(super) fn text(&mut self, stopped: Option<&HostError>) -> Bytes {
        self.complete = stopped.is_none();
        self.stopped = stopped.map(ToString::to_string);
        serde_json::to_vec_pretty(self).unwrap_or_default().into()
    }
}

/// The text of a part: for each row its line, and its prediction or its error.
pub(super) fn part(lines: &[u64], outcomes: &[Outcome]) -> Bytes {
    let mut text = String::new();
    for (line, outcome) in lines.iter().zip(outcomes) {
        let row = match outcome {
            // Rendered by the component, so that the bits are the same everywhere.
            Ok(prediction) => format!("{{\"line\":{line},\"prediction\":{}}}", prediction.json),
            Err(error) => {
                let error: Value = json!({
                    "class": error.class().name(),
                    "code": error.code(),
                    "field": error.field(),
                });
                json!({"line": line, "error": error}).to_string()
            }
        };
        text.push_str(&row);
        text.push('\n');
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_manifest_says_that_all_is_done() {
        let manifest = |format: &str, complete: bool| {
            json!({
                "format": format, "bucket": "b", "key": "k", "etag": "e", "model": "m",
                "model_version": "1.0.0", "package": "sha256:…", "component": "sha256:…",
                "complete": complete, "rows": 1, "predictions": 1, "failed": 0,
                "failures": [], "parts": []
            })
            .to_string()
        };
        let check = |text: &str, expected: Option<&str>| {
            let found = finished(text.as_bytes()).err().map(|error| error.to_string());
            assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
            let expected = expected.unwrap_or_default();
            assert!(found.unwrap_or_default().contains(expected), "{expected}");
        };
        check(&manifest(FORMAT, true), None);
        check(&manifest(FORMAT, false), Some("it is not complete"));
        check(&manifest("samebits-results/2", true), Some("its format is not samebits-results/1"));
        check("<html>", Some("is no manifest: expected value at line 1"));
        check("{}", Some("remove it to begin anew"));
    }
}
