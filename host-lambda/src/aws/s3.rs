//! S3: an object read as it streams in, and one written if it is not there yet.

use aws_call::reasons;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::AwsError;
use super::client::{Call, Client, Named, Patience};

/// What stays as it is in a key: the unreserved characters of RFC 3986, and the slash.
const KEY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// An object that is being read.
pub(crate) struct Found {
    /// Its ETag, which changes with its content.
    pub(crate) etag: String,
    named: Named,
    body: Incoming,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is written.
    Written,
    /// There is one already, which was left alone.
    Exists,
}

impl Client {
    /// Begins to read an object.
    pub(crate) async fn get_object(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        patience: Patience,
    ) -> Result<Found, AwsError> {
        let mut path = path(bucket, key);
        if let Some(version) = version {
            path += &format!("?versionId={}", utf8_percent_encode(version, KEY));
        }
        let call = Call {
            service: "s3",
            action: format!("GetObject of {key:?}"),
            method: Method::GET,
            path: &path,
            headers: Vec::new(),
            body: Bytes::new(),
        };
        let (named, response) = self.once(call, patience).await?;
        let etag = response.headers().get("etag").and_then(|etag| etag.to_str().ok());
        let etag = etag.unwrap_or_default().trim_matches('"').to_owned();
        Ok(Found { etag, named, body: response.into_body() })
    }

    /// Writes an object where there is none.
    pub(crate) async fn put_new_object(
        &self,
        bucket: &str,
        key: &str,
        content_type: &str,
        body: &Bytes,
        patience: Patience,
    ) -> Result<Put, AwsError> {
        let new = [("if-none-match", "*")];
        match self.put(bucket, key, content_type, body, &new, patience).await {
            Ok(()) => Ok(Put::Written),
            Err(AwsError::Refused { status: 412, .. }) => Ok(Put::Exists),
            Err(error) => Err(error),
        }
    }

    /// Writes an object, over one that may be there.
    pub(crate) async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        content_type: &str,
        body: &Bytes,
        patience: Patience,
    ) -> Result<(), AwsError> {
        self.put(bucket, key, content_type, body, &[], patience).await
    }

    async fn put(
        &self,
        bucket: &str,
        key: &str,
        content_type: &str,
        body: &Bytes,
        conditions: &[(&'static str, &str)],
        patience: Patience,
    ) -> Result<(), AwsError> {
        let path = path(bucket, key);
        let call = || {
            let mut headers = vec![("content-type", content_type.to_owned())];
            headers.extend(conditions.iter().map(|(name, value)| (*name, (*value).to_owned())));
            let action = format!("PutObject of {key:?}");
            let (method, path, body) = (Method::PUT, path.as_str(), body.clone());
            Call { service: "s3", action, method, path, headers, body }
        };
        self.answered(call, patience).await.map(drop)
    }
}

impl Found {
    /// The next bytes; `None` at the end.
    pub(crate) async fn chunk(&mut self, patience: Patience) -> Result<Option<Bytes>, AwsError> {
        loop {
            let frame = tokio::time::timeout(patience.left(), self.body.frame()).await;
            let Ok(frame) = frame else { return Err(self.named.out_of_time()) };
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
}

fn path(bucket: &str, key: &str) -> String {
    format!("/{bucket}/{}", utf8_percent_encode(key, KEY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_once() {
        let check = |key: &str, expected: &str| assert_eq!(path("b", key), expected);
        check("in/a-b_c.~1.jsonl", "/b/in/a-b_c.~1.jsonl");
        check("a b+c%é", "/b/a%20b%2Bc%25%C3%A9");
        check("../x?y#z", "/b/../x%3Fy%23z");
    }
}
