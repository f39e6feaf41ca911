//! The way into a store: files that never change first, pointers last.

use aws_call::{Patience, Put, PutRequest};
use bytes::Bytes;
use model_package::Digest;

use crate::layout::VersionPointer;
use crate::{AliasDocument, Store, StoreError};

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is written.
    Written,
    /// It was there.
    There,
}

/// Writes into a store.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
    /// Where to.
    pub store: &'a Store,
    /// The KMS key that encrypts what is written; empty for the account's own, `None` for the bucket's
    /// default.
    pub kms_key: Option<&'a str>,
    /// How long all of it may take.
    pub patience: Patience,
}

impl Upload<'_> {
    /// Whether an object is there with exactly these bytes.
    ///
    /// # Errors
    /// If S3 can't be asked, or it is there with others.
    pub async fn is_there(&self, key: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        let place = &self.store.place;
        let head = self.store.client.head_object(&place.bucket, key, self.patience).await?;
        let Some(head) = head else { return Ok(false) };
        // Objects that something else wrote have no digest beside them; their size has to do, and
        // whoever reads them compares digests in any case.
        let digest = head.sha256.is_none_or(|found| found == Digest::of(bytes).hex());
        if digest && head.size == Some(bytes.len() as u64) {
            return Ok(true);
        }
        let object = format!("s3://{}/{key}", place.bucket);
        let advice = "a package and a version never change: give the model a new version";
        Err(StoreError::Immutable { object, advice })
    }

    /// Writes an object that never changes.
    ///
    /// # Errors
    /// If it can't be written, or is there with other bytes.
    pub async fn immutable(&self, key: &str, bytes: &Bytes) -> Result<Sent, StoreError> {
        if self.is_there(key, bytes).await? {
            return Ok(Sent::There);
        }
        let request = self.request(key, bytes);
        match self.store.client.put_new_object(&request, self.patience).await? {
            Put::Written => Ok(Sent::Written),
            // Somebody else was faster: with the same bytes, or it is an error.
            Put::Exists => self.is_there(key, bytes).await.map(|_| Sent::There),
        }
    }

    /// Says which package a version is. Comes after the package's files.
    ///
    /// # Errors
    /// If it can't be written, or the version is another package.
    pub async fn version(&self, version: &str, package: Digest) -> Result<Sent, StoreError> {
        let place = &self.store.place;
        let pointer = VersionPointer::new(&place.model, version, package).to_json();
        self.immutable(&place.version_key(version), &pointer.into()).await
    }

    /// Writes a signed alias over the one that was read before, or where there was none.
    ///
    /// # Errors
    /// If it can't be written, or somebody else has changed it meanwhile.
    pub async fn alias(
        &self,
        name: &str,
        signed: Vec<u8>,
        before: Option<&AliasDocument>,
    ) -> Result<(), StoreError> {
        let place = &self.store.place;
        let (key, bytes) = (place.alias_key(name), Bytes::from(signed));
        let request = self.request(&key, &bytes);
        let client = &self.store.client;
        let put = match before {
            Some(before) => {
                client.put_changed_object(&request, &before.etag, self.patience).await?
            }
            None => client.put_new_object(&request, self.patience).await?,
        };
        match put {
            Put::Written => Ok(()),
            Put::Exists => {
                Err(StoreError::Changed { object: format!("s3://{}/{key}", place.bucket) })
            }
        }
    }

    fn request<'b>(&'b self, key: &'b str, body: &'b Bytes) -> PutRequest<'b> {
        PutRequest {
            bucket: &self.store.place.bucket,
            key,
            content_type: if key.ends_with(".json") {
                "application/json"
            } else {
                "application/octet-stream"
            },
            body,
            sha256: Some(Digest::of(body).hex()),
            kms_key: self.kms_key,
        }
    }
}
