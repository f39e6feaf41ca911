//! Why a model can't be had from a store, or put into one.

use std::path::PathBuf;

use aws_call::AwsError;
use model_package::{Digest, PackageError};
use model_signing::TrustError;

/// Why a model can't be had from a store, or put into one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// S3 could not be asked, or refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// There is no such version, alias or package.
    #[error("there is no {what} at s3://{bucket}/{key}")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// A signature that is not there, is not good, or is of somebody else.
    #[error("{object}: {error}")]
    Trust {
        /// The object at fault.
        object: String,
        /// Why it is not trusted.
        error: TrustError,
    },
    /// An object that is not encrypted as the trust policy wants it.
    #[error(
        "{object}: encrypted at rest with {found}; the trust policy wants a key of AWS KMS (aws:kms)"
    )]
    Encryption {
        /// The object at fault.
        object: String,
        /// What S3 says of it.
        found: String,
    },
    /// An object with other bytes than it should have.
    #[error(
        "{object}: its digest is sha256:{found}, expected {expected}; it was changed or damaged"
    )]
    Digest {
        /// The object at fault.
        object: String,
        /// Of its bytes, in hexadecimal.
        found: String,
        /// What it should be.
        expected: Digest,
    },
    /// An object that is shorter or longer than it should be.
    #[error("{object}: {found} bytes, expected {expected}; it was cut or changed")]
    Size {
        /// The object at fault.
        object: String,
        /// Its size in bytes.
        found: u64,
        /// What it should be.
        expected: u64,
    },
    /// An object that is larger than anything that is accepted.
    #[error("{object}: {found} bytes, at most {limit} are accepted")]
    TooLarge {
        /// The object at fault.
        object: String,
        /// Its size in bytes.
        found: u64,
        /// How many are accepted.
        limit: u64,
    },
    /// A document of a store, such as an alias, that does not say what it should.
    #[error("{object}: {message}")]
    Document {
        /// The object at fault.
        object: String,
        /// What was found and what is accepted.
        message: String,
    },
    /// An alias that is older than one that was seen: somebody brought it back.
    #[error(
        "{object}: its counter is {found}, but {seen} was seen before; an older alias was put back"
    )]
    RolledBack {
        /// The object at fault.
        object: String,
        /// What it says.
        found: u64,
        /// What was seen.
        seen: u64,
    },
    /// An alias whose time is over.
    #[error("{object}: expired at {expires}; promote the model again")]
    Expired {
        /// The object at fault.
        object: String,
        /// When, as RFC 3339 has it.
        expires: String,
    },
    /// An alias from the future.
    #[error("{object}: issued at {issued}, which has not come yet; is a clock wrong?")]
    NotYet {
        /// The object at fault.
        object: String,
        /// When, as RFC 3339 has it.
        issued: String,
    },
    /// A package that is not the one that was asked for.
    #[error("{object}: it is {found}, not {expected}")]
    OtherModel {
        /// The object at fault.
        object: String,
        /// What it says.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// A package in plain text, where the trust policy wants none.
    #[error(
        "{object}: lies there in plain text; the trust policy wants packages that were encrypted before \
         they were written (require_encryption)"
    )]
    PlainText {
        /// The object at fault.
        object: String,
    },
    /// An encrypted file that does not open with the package's data key.
    #[error(
        "{object}: does not open with the package's data key; it was changed, cut, or is of another file"
    )]
    Tampered {
        /// The object at fault.
        object: String,
    },
    /// KMS could not be asked.
    #[error("the data key of {package}: {error}")]
    Kms {
        /// The package.
        package: String,
        /// Why.
        error: AwsError,
    },
    /// Who asks may not use the key of KMS.
    #[error(
        "the data key of {package}: the key {kms_key} may not be used by whoever runs this: {error}"
    )]
    KeyDenied {
        /// The package.
        package: String,
        /// The key of KMS.
        kms_key: String,
        /// What KMS says.
        error: Box<AwsError>,
    },
    /// The key of KMS is disabled, about to be deleted, or not there.
    #[error("the data key of {package}: the key {kms_key} can't be used now: {error}")]
    KeyUnusable {
        /// The package.
        package: String,
        /// The key of KMS.
        kms_key: String,
        /// What KMS says.
        error: Box<AwsError>,
    },
    /// A wrapped key that KMS does not unwrap for this package.
    #[error(
        "the data key of {package}: the key {kms_key} did not wrap it for this package and version; it was \
         changed, or is of another"
    )]
    OtherDataKey {
        /// The package.
        package: String,
        /// The key of KMS.
        kms_key: String,
    },
    /// A manifest that is none.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// An object that can never change, and is there with other bytes.
    #[error("{object} is there already, with other bytes; {advice}")]
    Immutable {
        /// The object.
        object: String,
        /// What to do.
        advice: &'static str,
    },
    /// Somebody else changed an alias at the same time.
    #[error("{object} was changed by somebody else meanwhile; look at it, and try again")]
    Changed {
        /// The object.
        object: String,
    },
    /// The file system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl StoreError {
    /// A stable code in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Aws(AwsError::OutOfTime { .. }) => "out-of-time",
            Self::Aws(_) => "store-unreachable",
            Self::Missing { .. } => "not-in-store",
            Self::Trust { error, .. } => error.code(),
            Self::Encryption { .. } => "not-encrypted",
            Self::Digest { .. } => "digest-mismatch",
            Self::Size { .. } => "size-mismatch",
            Self::TooLarge { .. } => "file-too-large",
            Self::Document { .. } => "invalid-store-document",
            Self::RolledBack { .. } => "rolled-back",
            Self::Expired { .. } => "expired-alias",
            Self::NotYet { .. } => "alias-from-the-future",
            Self::OtherModel { .. } => "other-model",
            Self::PlainText { .. } => "plain-text",
            Self::Tampered { .. } => "tampered-ciphertext",
            Self::Kms { .. } => "kms-unreachable",
            Self::KeyDenied { .. } => "kms-access-denied",
            Self::KeyUnusable { .. } => "kms-key-unusable",
            Self::OtherDataKey { .. } => "other-data-key",
            Self::Package(error) => error.code(),
            Self::Immutable { .. } => "immutable",
            Self::Changed { .. } => "changed-meanwhile",
            Self::Io { .. } => "io",
        }
    }

    /// Whether the store could not be asked, which says nothing against the model: what was there
    /// before goes on.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Aws(error) | Self::Kms { error, .. }
                if error.passes() || matches!(error, AwsError::OutOfTime { .. })
        )
    }

    /// Whether KMS did not give the data key, which says nothing against what lies here.
    pub(crate) fn is_of_kms(&self) -> bool {
        matches!(self, Self::Kms { .. } | Self::KeyDenied { .. } | Self::KeyUnusable { .. })
    }

    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }
}
