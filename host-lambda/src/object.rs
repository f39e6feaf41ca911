//! Objects of S3: each line of JSON, each row of a table, or each picture is an instance.
//!
//! An object is read as it streams in, predicted in parts, and each part is written before the next
//! is read, so that memory does not grow with the object. Results lie under a folder whose name
//! follows from the object's version, the package and the component; the manifest comes last. Who
//! finds a manifest there finds the whole result, so the same object is not predicted twice. What
//! was not reached in time is said in a partial manifest, from which the next try goes on.

mod format;
mod manifest;
mod rows;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use model_package::Digest;
use predictor_host::{Class, HostError, Instance, Outcome};

use self::format::Format;
use self::manifest::Manifest;
use self::rows::{Row, Rows};
use crate::event::{Object, Source};
use crate::failure::refused;
use crate::function::{Function, Work};
use crate::log::Level;
use aws_call::{AwsError, Client, Found, Patience, Put, PutRequest};

/// Instances of one part.
const PART_ROWS: usize = 5_000;
/// Bytes of instances of one part.
const PART_BYTES: usize = 8 << 20;
/// What is unpacked at once: gzip grows it a thousandfold at most.
const PACKED_BYTES: usize = 8 << 10;

/// Where results of objects go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) bucket: &'a str,
    /// Ends with a slash if it is not empty.
    pub(crate) prefix: &'a str,
}

/// Predicts what is in an object, and writes the results.
pub(crate) async fn answer(
    function: &Function,
    work: &mut Work,
    client: &Client,
    place: Place<'_>,
    object: &Object,
) -> Result<(), HostError> {
    // What was written by this function must not invoke it for ever.
    if object.bucket == place.bucket && object.key.starts_with(place.prefix) {
        let fields = [("key", object.key.as_str().into())];
        let about = Some(work.invocation.about());
        function.log.write(Level::Debug, about, "an object among the results is left out", fields);
        return Ok(());
    }
    let format = Format::of(&object.key, work.model.modality)?;
    let patience = work.invocation.deadline.for_work();
    let version = object.version.as_deref();
    let found = client.get_object(&object.bucket, &object.key, version, patience).await;
    let mut found = found.map_err(|error| unreadable(&error))?;
    let folder = folder(work, place, object, &found.head.etag);
    let results = Results { client, place, folder };
    if results.read("manifest.json", patience).await?.is_some() {
        return Ok(());
    }
    let before = results.read("manifest.partial.json", patience).await?;
    let mut manifest =
        Manifest::begun(before.as_deref(), &work.model.named, object, &found.head.etag);
    let done = predict(function, work, &results, &mut found, format, &mut manifest).await;
    let last = work.invocation.deadline.for_answer();
    match done {
        Ok(()) => {
            let text = manifest.text(None);
            let put = results.write("manifest.json", "application/json", text, last).await;
            put.map(drop)
        }
        Err(error) => {
            let text = manifest.text(Some(&error));
            let key = results.key("manifest.partial.json");
            let put = put_request(place.bucket, &key, "application/json", &text);
            if let Err(unwritten) = client.put_object(&put, last).await {
                let fields =
                    [("key", key.as_str().into()), ("detail", unwritten.to_string().into())];
                let about = Some(work.invocation.about());
                function.log.write(Level::Warn, about, "a partial manifest is not written", fields);
            }
            Err(error)
        }
    }
}

/// The folder of an object's results, the same whenever the same version of it comes.
fn folder(work: &Work, place: Place<'_>, object: &Object, etag: &str) -> String {
    let named = &work.model.named;
    let (package, component) = (named.package.to_string(), named.component.to_string());
    let version = object.version.as_deref().unwrap_or_default();
    let parts = [object.bucket.as_str(), &object.key, version, etag, &package, &component];
    let digest = Digest::of(parts.join("\0").as_bytes()).hex();
    let short = digest.get(..16).unwrap_or_default();
    format!("{}{}/{short}/", place.prefix, object.key)
}

/// The results of one object.
struct Results<'a> {
    client: &'a Client,
    place: Place<'a>,
    folder: String,
}

impl Results<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// A file that is read whole, if it is there.
    async fn read(&self, name: &str, patience: Patience) -> Result<Option<Vec<u8>>, HostError> {
        let key = self.key(name);
        let found = self.client.get_object(self.place.bucket, &key, None, patience);
        let mut found = match found.await {
            Ok(found) => found,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = found.chunk(patience).await.map_err(|error| unreadable(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > manifest::BYTES {
                let message = format!("{} is no manifest: it is too large", self.key(name));
                return Err(refused(Class::Internal, "invalid-manifest", message));
            }
        }
        Ok(Some(bytes))
    }

    /// Writes a file, if it is not there.
    async fn write(
        &self,
        name: &str,
        content_type: &str,
        content: Bytes,
        patience: Patience,
    ) -> Result<Put, HostError> {
        let (bucket, key) = (self.place.bucket, self.key(name));
        let put = put_request(bucket, &key, content_type, &content);
        self.client.put_new_object(&put, patience).await.map_err(|error| {
            let message = format!("results can't be written: {error}");
            refused(Class::Internal, "undelivered", message)
        })
    }
}

fn put_request<'a>(
    bucket: &'a str,
    key: &'a str,
    content_type: &'a str,
    body: &'a Bytes,
) -> PutRequest<'a> {
    PutRequest { bucket, key, content_type, body, sha256: None, kms_key: None }
}

fn unreadable(error: &AwsError) -> HostError {
    let (class, code) = match error {
        // Whoever removed it in between does not want it predicted.
        error if error.is_missing() => (Class::InvalidInput, "missing-object"),
        AwsError::OutOfTime { .. } => (Class::DeadlineExceeded, "out-of-time"),
        _ => (Class::Internal, "unreadable-object"),
    };
    refused(class, code, error.to_string())
}

/// Reads rows as they come, and predicts and writes them part by part.
async fn predict(
    function: &Function,
    work: &mut Work,
    results: &Results<'_>,
    found: &mut Found,
    format: Format,
    manifest: &mut Manifest,
) -> Result<(), HostError> {
    let patience = work.invocation.deadline.for_work();
    let mut rows = Rows::new(format.content, &work.model);
    let mut unpacker = format.gzip.then(|| MultiGzDecoder::new(Vec::new()));
    let mut part = Part::default();
    // Rows that an earlier try has done.
    let mut skip = manifest.rows();
    loop {
        let chunk = found.chunk(patience).await.map_err(|error| unreadable(&error))?;
        let end = chunk.is_none();
        let chunk = chunk.unwrap_or_default();
        let pieces = chunk.chunks(PACKED_BYTES).chain(end.then_some(&[][..]));
        for piece in pieces {
            match &mut unpacker {
                None => rows.push(piece)?,
                Some(unpacker) => {
                    rows.push(&unpacked(unpacker, piece, end)?)?;
                }
            }
            if end {
                rows.finish()?;
            }
            while let Some(row) = rows.next() {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                part.add(row);
                if part.is_full() {
                    part.done(function, work, results, manifest).await?;
                }
            }
        }
        if end {
            break;
        }
    }
    if !part.rows.is_empty() {
        part.done(function, work, results, manifest).await?;
    }
    Ok(())
}

/// What a piece of gzip data unpacks to.
fn unpacked(
    unpacker: &mut MultiGzDecoder<Vec<u8>>,
    piece: &[u8],
    end: bool,
) -> Result<Vec<u8>, HostError> {
    use std::io::Write;
    let written = unpacker
        .write_all(piece)
        .and_then(|()| if end { unpacker.try_finish() } else { unpacker.flush() });
    written.map_err(|error| {
        let message = format!("gzip data that are damaged or cut short: {error}");
        refused(Class::InvalidInput, "invalid-gzip", message)
    })?;
    Ok(std::mem::take(unpacker.get_mut()))
}

/// Rows that are predicted and written together.
#[derive(Default)]
struct Part {
    rows: Vec<Row>,
    bytes: usize,
}

impl Part {
    fn add(&mut self, row: Row) {
        self.bytes += row.bytes();
        self.rows.push(row);
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= PART_ROWS || self.bytes >= PART_BYTES
    }

    /// Predicts the rows and writes the part.
    async fn done(
        &mut self,
        function: &Function,
        work: &mut Work,
        results: &Results<'_>,
        manifest: &mut Manifest,
    ) -> Result<(), HostError> {
        self.bytes = 0;
        let (lines, instances): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.rows).into_iter().map(Row::into_parts).unzip();
        let good: Vec<Instance> =
            instances.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
        let predicted: Option<Vec<Outcome>> =
            function.predict(work, &good).await.into_iter().collect();
        let Some(predicted) = predicted else { return Err(predictor_api::out_of_time()) };
        let mut predicted = predicted.into_iter();
        let outcomes: Vec<Outcome> = instances
            .into_iter()
            .filter_map(|instance| match instance {
                Ok(_) => predicted.next(),
                Err(error) => Some(Err(error)),
            })
            .collect();
        let text = manifest::part(&lines, &outcomes);
        let name = format!("part-{:05}.jsonl", manifest.parts());
        let patience = work.invocation.deadline.for_work();
        results.write(&name, "application/x-ndjson", text.clone(), patience).await?;
        work.measured.outcomes(&outcomes);
        let record = manifest.record();
        let decided = good.iter().zip(outcomes.iter().filter(|it| !is_unread(it)));
        function
            .audit(work, Source::S3, Some(&record), decided)
            // Memory does not grow with the object.
            .and_then(|()| work.flush())
            .map_err(|failure| refused(Class::Internal, "audit", failure.to_string()))?;
        manifest.add(&lines, &outcomes, &text);
        Ok(())
    }
}

/// Whether an outcome is of a row that never became an instance.
fn is_unread(outcome: &Outcome) -> bool {
    outcome.as_ref().is_err_and(|error| error.code() == rows::UNREAD)
}
