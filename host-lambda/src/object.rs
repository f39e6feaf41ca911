//! Objects of S3: each line of JSON, each row of a table, or each picture is an instance.
//!
//! An object is read as it streams in, predicted in parts, and each part is written before the next
//! is read, so that memory does not grow with the object. Results lie under a folder whose name
//! follows from the object's version, the package and the component; the manifest comes last. Who
//! finds a manifest there finds the whole result, so the same object is not predicted twice. What
//! was not reached in time is said in a partial manifest, from which the next try goes on.

mod format;
mod manifest;
mod parquet;
mod part;
mod results;
mod rows;
mod stream;

use bytes::Bytes;
use model_package::Digest;
use predictor_host::{Class, HostError};

use self::format::{Content, Format};
use self::manifest::Manifest;
use self::parquet::Step;
use self::part::Parts;
use self::results::{Results, put_request, unreadable};
use crate::event::Object;
use crate::failure::refused;
use crate::function::{Function, Work};
use crate::log::Level;
use aws_call::{AwsError, Client, Found, Head, Patience, Span};

/// The least memory of a Parquet file's pages.
const PAGES: usize = 64 << 20;

/// Where results of objects go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) bucket: &'a str,
    /// Ends with a slash if it is not empty.
    pub(crate) prefix: &'a str,
}

/// An object that is about to be read.
enum Opened {
    /// From its beginning.
    Stream(Found, Content, bool),
    /// From its end, which is here.
    Parquet(Head, Bytes),
}

impl Opened {
    async fn of(
        client: &Client,
        object: &Object,
        format: Format,
        patience: Patience,
    ) -> Result<Self, AwsError> {
        let (bucket, key, version) = (&object.bucket, &object.key, object.version.as_deref());
        let Format::Stream { content, gzip } = format else {
            let span = Span::Last(parquet::END);
            return match client.read_part(bucket, key, version, span, patience).await {
                Ok((head, end)) => Ok(Self::Parquet(head, end)),
                // An object without bytes has no last ones.
                Err(AwsError::Refused { status: 416, .. }) => {
                    Ok(Self::Parquet(Head::default(), Bytes::new()))
                }
                Err(error) => Err(error),
            };
        };
        let found = client.get_object(bucket, key, version, patience).await?;
        Ok(Self::Stream(found, content, gzip))
    }

    fn etag(&self) -> &str {
        match self {
            Self::Stream(found, ..) => &found.head.etag,
            Self::Parquet(head, _) => &head.etag,
        }
    }
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
    let opened = Opened::of(client, object, format, patience).await;
    let opened = opened.map_err(|error| unreadable(&error))?;
    let etag = opened.etag().to_owned();
    let folder = folder(work, place, object, &etag);
    let results = Results { client, place, folder };
    if let Some(text) = results.read("manifest.json", patience).await? {
        return manifest::finished(&text);
    }
    let before = results.read("manifest.partial.json", patience).await?;
    let mut manifest = Manifest::begun(before.as_deref(), &work.model.named, object, &etag);
    let parts = Parts::new(function, &results, &mut manifest);
    let done = match opened {
        Opened::Stream(found, content, gzip) => {
            stream::predict(work, parts, found, content, gzip).await
        }
        Opened::Parquet(head, end) => table(function, work, parts, client, object, head, end).await,
    };
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

/// Predicts the rows of a Parquet file, which a thread reads.
async fn table(
    function: &Function,
    work: &mut Work,
    mut parts: Parts<'_>,
    client: &Client,
    object: &Object,
    head: Head,
    end: Bytes,
) -> Result<(), HostError> {
    let patience = work.invocation.deadline.for_work();
    let size = head.size.unwrap_or_default();
    let fields = work.model.field_types.clone();
    let memory = (function.config.function.memory_mb as usize) << 18;
    let (mut steps, thread) = parquet::start(end, size, fields, parts.skipped(), memory.max(PAGES));
    while let Some(step) = steps.recv().await {
        match step {
            Step::Wanted(range, answer) => {
                let (bucket, key, version) =
                    (&object.bucket, &object.key, object.version.as_deref());
                let span = Span::Between(range);
                let read = client.read_part(bucket, key, version, span, patience).await;
                let (now, bytes) = read.map_err(|error| unreadable(&error))?;
                if now.etag != head.etag {
                    let message = "the object was written again while it was read";
                    return Err(refused(Class::Internal, "unreadable-object", message));
                }
                // A thread that is gone has said why.
                drop(answer.send(bytes));
            }
            Step::Rows(rows) => {
                for row in rows {
                    parts.add(work, row).await?;
                }
            }
        }
    }
    // A panic is a decoder's that was surprised.
    let stopped = |_| {
        let message = "no Parquet file, or a damaged one: it can't be decoded";
        refused(Class::InvalidInput, "invalid-parquet", message)
    };
    thread.await.map_err(stopped)??;
    parts.finish(work).await
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
