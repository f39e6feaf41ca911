//! The document beside an encrypted package: which key of KMS wraps its data key, for what, and the
//! wrapped key itself.
//!
//! KMS unwraps it for this package alone: name, version and digest are the encryption context. A reader
//! takes name and digest from what it asked for, never from the document.

use aws_call::{AwsError, Client, DataKey, EncryptionContext, NewDataKey, Patience};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model_package::{Digest, strict_json};
use serde::{Deserialize, Serialize};

use crate::cipher::CHUNK;
use crate::download::jittered;
use crate::reference::is_name;
use crate::{Place, StoreError};

const FORMAT: &str = "samebits-encryption/1";
const ALGORITHM: &str = "AES-256-GCM";
/// How often KMS is asked again after it was not there, beyond what its client tries.
const TRIES: u32 = 3;
/// The pause before the first of them; it doubles, and differs by up to a half.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// How a package is encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encryption {
    format: String,
    algorithm: String,
    chunk_bytes: usize,
    /// The ARN of the key of KMS.
    pub(crate) kms_key: String,
    /// The package's version.
    pub(crate) version: String,
    /// The data key as KMS wrapped it, in base64.
    wrapped_key: String,
}

impl Encryption {
    /// Has KMS make a data key for a package.
    pub(crate) async fn begin(
        client: &Client,
        kms_key: &str,
        place: &Place,
        version: &str,
        package: &Digest,
        patience: Patience,
    ) -> Result<(Self, DataKey), StoreError> {
        let context = context(place, version, package);
        let NewDataKey { key, wrapped, kms_key } = client
            .generate_data_key(kms_key, &context, patience)
            .await
            .map_err(|error| said(error, kms_key, &format!("{place}@{version}")))?;
        let found = Self {
            format: FORMAT.into(),
            algorithm: ALGORITHM.into(),
            chunk_bytes: CHUNK,
            kms_key,
            version: version.to_owned(),
            wrapped_key: STANDARD.encode(wrapped),
        };
        Ok((found, key))
    }

    /// Reads the document; `object` is for messages.
    pub(crate) fn parse(bytes: &[u8], object: &str) -> Result<Self, StoreError> {
        let wrong = |message| StoreError::Document { object: object.to_owned(), message };
        let found: Self = strict_json::from_slice(bytes)
            .map_err(|error| wrong(format!("not the document of an encryption: {error}")))?;
        for (field, found, expected) in [
            ("format", &found.format, FORMAT),
            ("algorithm", &found.algorithm, ALGORITHM),
            ("chunk_bytes", &found.chunk_bytes.to_string(), &CHUNK.to_string()),
        ] {
            if found != expected {
                return Err(wrong(format!("{field}: expected {expected:?}, found {found:?}")));
            }
        }
        if !is_name(&found.version) {
            return Err(wrong("version: expected a version".into()));
        }
        // KMS has at most 6144 bytes.
        match STANDARD.decode(&found.wrapped_key) {
            Ok(wrapped) if !wrapped.is_empty() && wrapped.len() <= 6144 => Ok(found),
            _ => Err(wrong("wrapped_key: expected 1 to 6144 bytes in base64".into())),
        }
    }

    /// Writes it; the same one gives the same bytes.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Has KMS unwrap the data key, for this package and no other.
    pub(crate) async fn unwrap(
        &self,
        client: &Client,
        place: &Place,
        package: &Digest,
        patience: Patience,
    ) -> Result<DataKey, StoreError> {
        let wrapped = STANDARD.decode(&self.wrapped_key).unwrap_or_default();
        let context = context(place, &self.version, package);
        let mut tries = 0;
        loop {
            let error =
                match client.decrypt_data_key(&wrapped, &self.kms_key, &context, patience).await {
                    Ok(key) => return Ok(key),
                    Err(error) => error,
                };
            let pause = jittered(PAUSE * 2_u32.pow(tries));
            tries += 1;
            if !error.passes() || tries >= TRIES || patience.left() < pause * 2 {
                return Err(said(error, &self.kms_key, &format!("{place}@{}", self.version)));
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// What a package's data key is for.
fn context(place: &Place, version: &str, package: &Digest) -> EncryptionContext {
    [
        ("samebits:package", format!("{}@{version}", place.model)),
        ("samebits:digest", package.to_string()),
    ]
    .into()
}

/// What an answer of KMS means; `package` is for messages.
fn said(error: AwsError, kms_key: &str, package: &str) -> StoreError {
    let (package, kms_key) = (package.to_owned(), kms_key.to_owned());
    let name = match &error {
        AwsError::Refused { message, .. } => message.as_str(),
        _ => "",
    };
    let is = |names: &[&str]| names.iter().any(|one| name.contains(one));
    if is(&["InvalidCiphertext", "IncorrectKey"]) {
        StoreError::OtherDataKey { package, kms_key }
    } else if is(&["AccessDenied"]) {
        StoreError::KeyDenied { package, kms_key, error: Box::new(error) }
    } else if is(&["DisabledException", "KMSInvalidState", "NotFoundException", "InvalidKeyUsage"])
    {
        StoreError::KeyUnusable { package, kms_key, error: Box::new(error) }
    } else {
        StoreError::Kms { package, error }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "format": FORMAT, "algorithm": ALGORITHM, "chunk_bytes": CHUNK,
            "kms_key": "arn:aws:kms:us-east-1:1:key/a", "version": "1.4.0", "wrapped_key": "AAAA",
        })
    }

    #[test]
    fn a_document_is_read_as_it_was_written() {
        let found = Encryption::parse(document().to_string().as_bytes(), "here").unwrap();
        assert_eq!(Encryption::parse(&found.to_json(), "here").unwrap(), found);
    }

    #[test]
    fn a_document_that_says_nothing_good_is_refused() {
        for (key, value, expected) in [
            ("format", json!("samebits-encryption/2"), "expected \"samebits-encryption/1\""),
            ("algorithm", json!("none"), "expected \"AES-256-GCM\", found \"none\""),
            ("chunk_bytes", json!(1), "chunk_bytes: expected \"65536\""),
            ("version", json!("../x"), "version: expected a version"),
            ("wrapped_key", json!("?"), "expected 1 to 6144 bytes"),
            ("wrapped_key", json!(""), "expected 1 to 6144 bytes"),
            ("more", json!(1), "unknown field"),
        ] {
            let mut document = document();
            document[key] = value;
            let error = Encryption::parse(document.to_string().as_bytes(), "here").unwrap_err();
            assert_eq!(error.code(), "invalid-store-document");
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn each_answer_of_kms_has_its_own_error() {
        let check = |status: u16, name: &str, expected: &str, outage: bool| {
            let error = AwsError::Refused {
                service: "kms",
                action: "Decrypt".into(),
                status,
                message: format!("{{\"__type\":\"{name}\"}}"),
            };
            let error = said(error, "arn", "fraud@1.4.0");
            assert_eq!((error.code(), error.is_outage()), (expected, outage), "{name}");
        };
        check(400, "AccessDeniedException", "kms-access-denied", false);
        check(400, "DisabledException", "kms-key-unusable", false);
        check(400, "KMSInvalidStateException", "kms-key-unusable", false);
        check(400, "NotFoundException", "kms-key-unusable", false);
        check(400, "InvalidCiphertextException", "other-data-key", false);
        check(400, "IncorrectKeyException", "other-data-key", false);
        check(400, "ThrottlingException", "kms-unreachable", true);
        check(500, "KMSInternalException", "kms-unreachable", true);
        check(500, "KeyUnavailableException", "kms-unreachable", true);
        check(400, "ValidationException", "kms-unreachable", false);
    }
}
