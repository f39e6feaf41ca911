//! The way into a store: files that never change first, pointers last; encrypted on the way if that is
//! wanted.

use aws_call::{DataKey, Patience, Put, PutRequest};
use bytes::Bytes;
use model_package::{Digest, MANIFEST, SIGNATURE};

use crate::encryption::Encryption;
use crate::layout::{DOCUMENT_BYTES, ENCRYPTION, VersionPointer};
use crate::{AliasDocument, Store, StoreError, cipher};

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

/// How a package is encrypted on its way.
#[derive(Clone, Debug)]
pub struct Sealing {
    encryption: Encryption,
    data_key: DataKey,
}

impl Sealing {
    /// The ARN of the key of KMS that wraps the data key.
    #[must_use]
    pub fn kms_key(&self) -> &str {
        &self.encryption.kms_key
    }

    /// The document that lies beside the package, which comes before its files: its name and its bytes.
    #[must_use]
    pub fn document(&self) -> (&'static str, Vec<u8>) {
        (ENCRYPTION, self.encryption.to_json())
    }

    /// A file of the package as it is written; the same one gives the same bytes. A signature stays as it
    /// is, so that it is checked before anything is decrypted.
    ///
    /// # Errors
    /// If it is too large.
    pub fn seal(&self, path: &str, plain: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        if path == SIGNATURE {
            return Ok(plain);
        }
        cipher::seal(&self.data_key, path, &plain).map_err(|_| {
            let (found, limit) = (plain.len() as u64, u64::from(u32::MAX) * cipher::CHUNK as u64);
            StoreError::TooLarge { object: path.to_owned(), found, limit }
        })
    }
}

impl Upload<'_> {
    /// A new data key for a package, or the one that it lies there with already.
    ///
    /// # Errors
    /// If KMS gives none, or the package lies there in plain text.
    pub async fn sealing(
        &self,
        kms_key: &str,
        version: &str,
        package: &Digest,
    ) -> Result<Sealing, StoreError> {
        let Store { client, place, .. } = self.store;
        if let Some((encryption, _)) = self.encryption(package).await? {
            let data_key = encryption.unwrap(client, place, package, self.patience).await?;
            return Ok(Sealing { encryption, data_key });
        }
        let key = place.package_key(package, MANIFEST);
        if client.head_object(&place.bucket, &key, self.patience).await?.is_some() {
            let object = format!("s3://{}/{key}", place.bucket);
            let advice = "the package lies there in plain text: give the model a new version";
            return Err(StoreError::Immutable { object, advice });
        }
        let begun =
            Encryption::begin(client, kms_key, place, version, package, self.patience).await?;
        let (encryption, data_key) = begun;
        Ok(Sealing { encryption, data_key })
    }

    /// Refuses a package that lies there encrypted, before plain text comes beside it.
    ///
    /// # Errors
    /// If it does, or S3 can't be asked.
    pub async fn in_plain_text(&self, package: &Digest) -> Result<(), StoreError> {
        match self.encryption(package).await? {
            None => Ok(()),
            Some((_, object)) => {
                let advice = "the package lies there encrypted: push it with --encrypt";
                Err(StoreError::Immutable { object, advice })
            }
        }
    }

    /// How a package that lies there is encrypted, and what messages call that.
    async fn encryption(
        &self,
        package: &Digest,
    ) -> Result<Option<(Encryption, String)>, StoreError> {
        let key = self.store.place.package_key(package, ENCRYPTION);
        let object = self.store.object(&key, self.patience);
        let Some((_, bytes)) = object.small(DOCUMENT_BYTES).await? else { return Ok(None) };
        Ok(Some((Encryption::parse(&bytes, &object.name())?, object.name())))
    }

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
