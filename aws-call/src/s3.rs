//! S3: objects read as they stream in or in part, written where nothing is or where nothing changed,
//! and listed.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

use crate::client::{Call, Client, LONGEST, Named, Patience};
use crate::{AwsError, reasons};

/// What stays as it is in a key: the unreserved characters of RFC 3986, and the slash.
const KEY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// The same in a query, where a slash is written out.
const QUERY: &AsciiSet = &KEY.add(b'/');
/// S3 names the content of whatever it gives or takes. Who does not may be a proxy with a page of its own.
const NO_ETAG: &str = "the answer has no ETag, so it is none of S3";

/// What the head of an answer says of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its ETag, without quotes; it changes with the content.
    pub etag: String,
    /// Its whole size in bytes, if the answer says so.
    pub size: Option<u64>,
    /// How it is encrypted at rest, such as `aws:kms`.
    pub encryption: Option<String>,
    /// The sha256 digest that it was written with ([`PutRequest::sha256`]), in hexadecimal.
    pub sha256: Option<String>,
}

impl Head {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // `bytes 0-99/1234` of a part; the length of the whole else.
        let size = match text("content-range") {
            Some(range) => range.rsplit_once('/').and_then(|(_, size)| size.parse().ok()),
            None => text("content-length").and_then(|size| size.parse().ok()),
        };
        Self {
            etag: text("etag").unwrap_or_default().trim_matches('"').to_owned(),
            size,
            encryption: text("x-amz-server-side-encryption").map(str::to_owned),
            sha256: text("x-amz-meta-sha256").map(str::to_owned),
        }
    }
}

/// An object that is being read.
#[derive(Debug)]
pub struct Found {
    /// What is known of it.
    pub head: Head,
    /// Whether these are the bytes that were asked for, and no more.
    partial: bool,
    named: Named,
    body: Incoming,
}

/// Which bytes of an object are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Those between two places.
    Between(Range<u64>),
    /// At most so many at its end.
    Last(u64),
}

/// What became of a write with a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is written.
    Written,
    /// There is one already, or another one, which was left alone.
    Exists,
}

/// An object to write.
#[derive(Clone, Debug)]
pub struct PutRequest<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// The bytes.
    pub body: &'a Bytes,
    /// Their sha256 digest in hexadecimal, kept beside the object.
    pub sha256: Option<String>,
    /// The KMS key that encrypts it; empty for the account's own.
    pub kms_key: Option<&'a str>,
}

/// The objects under a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Keys.
    pub keys: Vec<String>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

impl Client {
    /// Begins to read an object, or one version of it; tries again where that can't be begun.
    ///
    /// # Errors
    /// If it is not there or can't be read.
    pub async fn get_object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        patience: Patience,
    ) -> Result<Found, AwsError> {
        let path = path_of(bucket, key, version);
        let mut tries = Tries::default();
        loop {
            match self.get(key, &path, Vec::new(), patience).await {
                Ok(found) => return Ok(found),
                Err(error) => tries.again(error, patience).await?,
            }
        }
    }

    /// Begins to read a part of an object.
    ///
    /// # Errors
    /// If it is not there or can't be read, or the service sends something else.
    pub async fn get_range(
        &self,
        bucket: &str,
        key: &str,
        range: Range<u64>,
        patience: Patience,
    ) -> Result<Found, AwsError> {
        let last = range.end.saturating_sub(1);
        let headers = vec![("range", format!("bytes={}-{last}", range.start))];
        let found = self.get(key, &path(bucket, key), headers, patience).await?;
        if found.partial || range.start == 0 {
            return Ok(found);
        }
        Err(found.named.unreachable("a part was asked for, and the whole was sent".into()))
    }

    /// Reads some bytes of one version of an object, and tries again where they stop coming.
    ///
    /// # Errors
    /// If it is not there or can't be read, or the service sends something else.
    pub async fn read_part(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        span: Span,
        patience: Patience,
    ) -> Result<(Head, Bytes), AwsError> {
        let path = path_of(bucket, key, version);
        let (range, limit) = match span {
            Span::Between(Range { start, end }) => {
                (format!("bytes={start}-{}", end.saturating_sub(1)), end.saturating_sub(start))
            }
            Span::Last(count) => (format!("bytes=-{count}"), count),
        };
        let mut tries = Tries::default();
        loop {
            let read = async {
                let mut found =
                    self.get(key, &path, vec![("range", range.clone())], patience).await?;
                let body =
                    found.read(usize::try_from(limit).unwrap_or(usize::MAX), patience).await?;
                Ok::<_, AwsError>((found.head, body))
            };
            match read.await {
                Ok(read) => return Ok(read),
                Err(error) => tries.again(error, patience).await?,
            }
        }
    }

    /// Reads a small object whole, unless it is still the one with this ETag: then there is nothing.
    ///
    /// # Errors
    /// If it is not there or can't be read, or has more than `limit` bytes.
    pub async fn get_changed(
        &self,
        bucket: &str,
        key: &str,
        known: Option<&str>,
        limit: usize,
        patience: Patience,
    ) -> Result<Option<(Head, Bytes)>, AwsError> {
        let path = path(bucket, key);
        let mut tries = Tries::default();
        loop {
            let condition = known.map(|etag| ("if-none-match", format!("\"{etag}\"")));
            let read = async {
                let headers = condition.into_iter().collect();
                let mut found = self.get(key, &path, headers, patience).await?;
                let body = found.read(limit, patience).await?;
                Ok::<_, AwsError>((found.head, body))
            };
            match read.await {
                Ok(read) => return Ok(Some(read)),
                Err(AwsError::Refused { status: 304, .. }) => return Ok(None),
                Err(error) => tries.again(error, patience).await?,
            }
        }
    }

    /// What is known of an object, if it is there.
    ///
    /// # Errors
    /// If the service can't be asked.
    pub async fn head_object(
        &self,
        bucket: &str,
        key: &str,
        patience: Patience,
    ) -> Result<Option<Head>, AwsError> {
        let path = path(bucket, key);
        let call = || call(Method::HEAD, format!("HeadObject of {key:?}"), &path, Vec::new());
        match self.answered(call, patience).await {
            Ok((parts, _)) => Ok(Some(Head::of(&parts.headers))),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The keys under a prefix, at most `most`, sorted.
    ///
    /// # Errors
    /// If the bucket can't be listed.
    pub async fn list_objects(
        &self,
        bucket: &str,
        prefix: &str,
        most: u16,
        patience: Patience,
    ) -> Result<Listing, AwsError> {
        let prefix = utf8_percent_encode(prefix, QUERY);
        let path = format!("/{bucket}?list-type=2&max-keys={most}&prefix={prefix}");
        let action = format!("ListObjectsV2 of {bucket:?}");
        let call = || call(Method::GET, action.clone(), &path, Vec::new());
        let (_, body) = self.answered(call, patience).await?;
        listing(&body).map_err(|reason| AwsError::Unreachable {
            service: "s3",
            action: action.clone(),
            reason: format!("the answer is no listing: {reason}"),
        })
    }

    /// Writes an object where there is none.
    ///
    /// # Errors
    /// If it can't be written.
    pub async fn put_new_object(
        &self,
        request: &PutRequest<'_>,
        patience: Patience,
    ) -> Result<Put, AwsError> {
        self.put(request, Some(("if-none-match", "*".into())), patience).await
    }

    /// Writes an object over the one with this ETag.
    ///
    /// # Errors
    /// If it can't be written.
    pub async fn put_changed_object(
        &self,
        request: &PutRequest<'_>,
        etag: &str,
        patience: Patience,
    ) -> Result<Put, AwsError> {
        self.put(request, Some(("if-match", format!("\"{etag}\""))), patience).await
    }

    /// Writes an object, over one that may be there.
    ///
    /// # Errors
    /// If it can't be written.
    pub async fn put_object(
        &self,
        request: &PutRequest<'_>,
        patience: Patience,
    ) -> Result<(), AwsError> {
        self.put(request, None, patience).await.map(drop)
    }

    async fn put(
        &self,
        request: &PutRequest<'_>,
        condition: Option<(&'static str, String)>,
        patience: Patience,
    ) -> Result<Put, AwsError> {
        let path = path(request.bucket, request.key);
        let call = || {
            let mut headers = vec![("content-type", request.content_type.to_owned())];
            headers.extend(condition.clone());
            if let Some(digest) = &request.sha256 {
                headers.push(("x-amz-meta-sha256", digest.clone()));
            }
            if let Some(key) = request.kms_key {
                headers.push(("x-amz-server-side-encryption", "aws:kms".into()));
                if !key.is_empty() {
                    let name = "x-amz-server-side-encryption-aws-kms-key-id";
                    headers.push((name, key.to_owned()));
                }
            }
            let action = format!("PutObject of {:?}", request.key);
            Call { body: request.body.clone(), ..call(Method::PUT, action, &path, headers) }
        };
        match self.answered(call, patience).await {
            Ok((parts, _)) if Head::of(&parts.headers).etag.is_empty() => {
                let (service, action) = ("s3", format!("PutObject of {:?}", request.key));
                Err(AwsError::Unreachable { service, action, reason: NO_ETAG.into() })
            }
            Ok(_) => Ok(Put::Written),
            Err(AwsError::Refused { status: 412, .. }) if condition.is_some() => Ok(Put::Exists),
            Err(error) => Err(error),
        }
    }

    async fn get(
        &self,
        key: &str,
        path: &str,
        headers: Vec<(&'static str, String)>,
        patience: Patience,
    ) -> Result<Found, AwsError> {
        let call = call(Method::GET, format!("GetObject of {key:?}"), path, headers);
        let (named, response) = self.once(call, patience).await?;
        let found = Found::of(named, response);
        match found.head.etag.is_empty() {
            false => Ok(found),
            true => Err(found.named.unreachable(NO_ETAG.into())),
        }
    }
}

fn call<'a>(
    method: Method,
    action: String,
    path: &'a str,
    headers: Vec<(&'static str, String)>,
) -> Call<'a> {
    Call { service: "s3", action, method, path, headers, body: Bytes::new() }
}

impl Found {
    pub(crate) fn of(named: Named, response: Response<Incoming>) -> Self {
        let head = Head::of(response.headers());
        let partial = response.status().as_u16() == 206;
        Self { head, partial, named, body: response.into_body() }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// If none come, or time is up.
    pub async fn chunk(&mut self, patience: Patience) -> Result<Option<Bytes>, AwsError> {
        loop {
            let left = patience.left().min(LONGEST);
            let frame = tokio::time::timeout(left, self.body.frame()).await;
            let Ok(frame) = frame else {
                let stalled = !patience.left().is_zero();
                return Err(match stalled {
                    true => self.named.unreachable(format!("no bytes came for {LONGEST:?}")),
                    false => self.named.out_of_time(),
                });
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(self.named.unreachable(reasons(&error))),
                // Trailers say nothing that matters here.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(_) => continue,
                },
            }
        }
    }

    /// Reads what is left of it.
    ///
    /// # Errors
    /// If it has more than `limit` bytes, or can't be read.
    pub async fn read(&mut self, limit: usize, patience: Patience) -> Result<Bytes, AwsError> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.chunk(patience).await? {
            if bytes.len() + chunk.len() > limit {
                return Err(self.named.too_large(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    }
}

/// Attempts at a call whose answer is read as it streams in.
#[derive(Debug, Default)]
struct Tries {
    made: u32,
}

impl Tries {
    /// Waits for the next attempt, if it can help.
    async fn again(&mut self, error: AwsError, patience: Patience) -> Result<(), AwsError> {
        self.made += 1;
        crate::client::pause(self.made, error, patience).await
    }
}

fn path(bucket: &str, key: &str) -> String {
    format!("/{bucket}/{}", utf8_percent_encode(key, KEY))
}

fn path_of(bucket: &str, key: &str, version: Option<&str>) -> String {
    let mut path = path(bucket, key);
    if let Some(version) = version {
        path += &format!("?versionId={}", utf8_percent_encode(version, QUERY));
    }
    path
}

/// Reads an answer to `ListObjectsV2`.
fn listing(body: &[u8]) -> Result<Listing, String> {
    let body = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(body);
    let mut listing = Listing::default();
    let mut text = String::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(_) => text.clear(),
            Event::Text(found) => text += &found.xml10_content(),
            Event::GeneralRef(found) => match found.resolve_char_ref() {
                Ok(Some(character)) => text.push(character),
                Ok(None) => {
                    text += resolve_predefined_entity(&found.xml10_content())
                        .ok_or("an entity that XML does not have")?;
                }
                Err(error) => return Err(error.to_string()),
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "Key" => listing.keys.push(std::mem::take(&mut text)),
                "IsTruncated" => listing.more = text == "true",
                _ => {}
            },
            Event::Eof => return Ok(listing),
            _ => {}
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read() {
        let text = "<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name>\
            <IsTruncated>true</IsTruncated><Contents><Key>a&amp;b&#47;c</Key><Size>3</Size>\
            </Contents><Contents><Key>d</Key></Contents></ListBucketResult>";
        let found = listing(text.as_bytes()).unwrap();
        assert_eq!(found, Listing { keys: vec!["a&b/c".into(), "d".into()], more: true });
        assert_eq!(listing(b"<a/>").unwrap(), Listing::default());
        assert!(listing(b"<a>&nope;</b>").is_err());
    }

    #[test]
    fn the_size_of_the_whole_is_told_with_a_part() {
        let check = |headers: &[(&'static str, &'static str)], expected: Option<u64>| {
            let headers = headers.iter().map(|(name, value)| {
                (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap())
            });
            assert_eq!(Head::of(&headers.collect()).size, expected);
        };
        check(&[("content-length", "5")], Some(5));
        check(&[("content-length", "5"), ("content-range", "bytes 0-4/70")], Some(70));
        check(&[("content-length", "5"), ("content-range", "bytes 0-4/*")], None);
    }

    #[test]
    fn keys_are_encoded_once() {
        let check = |key: &str, expected: &str| assert_eq!(path("b", key), expected);
        check("in/a-b_c.~1.jsonl", "/b/in/a-b_c.~1.jsonl");
        check("a b+c%é", "/b/a%20b%2Bc%25%C3%A9");
        check("../x?y#z", "/b/../x%3Fy%23z");
    }
}
