//! The files of an object's results: read whole, written where none is.

use bytes::Bytes;
use predictor_host::{Class, HostError};

use super::{Place, manifest};
use crate::failure::refused;
use aws_call::{AwsError, Client, Patience, Put, PutRequest};

/// The results of one object.
pub(super) struct Results<'a> {
    pub(super) client: &'a Client,
    pub(super) place: Place<'a>,
    /// Ends with a slash.
    pub(super) folder: String,
}

impl Results<'_> {
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    /// A file that is read whole, if it is there.
    pub(super) async fn read(
        &self,
        name: &str,
        patience: Patience,
    ) -> Result<Option<Vec<u8>>, HostError> {
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
    pub(super) async fn write(
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

pub(super) fn put_request<'a>(
    bucket: &'a str,
    key: &'a str,
    content_type: &'a str,
    body: &'a Bytes,
) -> PutRequest<'a> {
    PutRequest { bucket, key, content_type, body, sha256: None, kms_key: None }
}

pub(super) fn unreadable(error: &AwsError) -> HostError {
    let (class, code) = match error {
        // Whoever removed it in between does not want it predicted.
        error if error.is_missing() => (Class::InvalidInput, "missing-object"),
        AwsError::OutOfTime { .. } => (Class::DeadlineExceeded, "out-of-time"),
        _ => (Class::Internal, "unreadable-object"),
    };
    refused(class, code, error.to_string())
}
