//! What can be wrong with a signature, a key or a policy, and why a model is not trusted.

use std::path::PathBuf;

use model_package::Digest;
use model_package::strict_json::JsonError;

/// Why some bytes are no signature in the model-signing format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// More bytes than a signature can have.
    #[error("the signature has more than {limit} bytes")]
    TooLarge {
        /// How many are accepted.
        limit: u64,
    },
    /// The bundle can't be read.
    #[error("the signature is no sigstore bundle: {0}")]
    Bundle(JsonError),
    /// A bundle of another version.
    #[error("the signature's mediaType is {found:?}; this version reads {expected:?}")]
    MediaType {
        /// What it says.
        found: String,
        /// What is read.
        expected: &'static str,
    },
    /// A part that is not in base64.
    #[error("the signature's {part} is not in base64")]
    Base64 {
        /// Which part.
        part: &'static str,
    },
    /// The envelope holds something else than a statement.
    #[error("the signature's payloadType is {found:?}; expected {expected:?}")]
    PayloadType {
        /// What it says.
        found: String,
        /// What is read.
        expected: &'static str,
    },
    /// None, or several signatures in the envelope.
    #[error("the signature's envelope has {found} signatures; expected one")]
    Count {
        /// How many.
        found: usize,
    },
    /// Neither a key nor certificates, or more than one kind.
    #[error(
        "the signature's verificationMaterial names neither one key nor one chain of certificates"
    )]
    Material,
    /// The statement can't be read.
    #[error("the signed statement is not valid: {0}")]
    Statement(JsonError),
    /// A value of the statement that this version does not read.
    #[error("the signed statement's {field} is {found:?}; expected {expected}")]
    Value {
        /// Which value.
        field: &'static str,
        /// What it says.
        found: String,
        /// What is read.
        expected: &'static str,
    },
    /// A file that is listed twice.
    #[error("the signed statement lists {file:?} twice")]
    Twice {
        /// The file.
        file: String,
    },
    /// The digest over all digests is another one.
    #[error("the signed statement's digest is {expected}, but that of its files is {found}")]
    RootDigest {
        /// That of the files.
        found: Digest,
        /// What the statement says.
        expected: Digest,
    },
}

/// Why some text is no key, or no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No such PEM block.
    #[error("found no {expected} in PEM (text that begins with -----BEGIN)")]
    Missing {
        /// What was looked for.
        expected: &'static str,
    },
    /// A private key that needs a passphrase.
    #[error(
        "the private key is encrypted, which is not supported; decrypt it with `openssl pkey -in KEY -out PLAIN` where only you can read it"
    )]
    Encrypted,
    /// A key of another algorithm, or a damaged one.
    #[error(
        "the {found} can't be read, or is of an algorithm that is not supported: ECDSA on P-256 or P-384, and Ed25519 are"
    )]
    Unsupported {
        /// What it is.
        found: &'static str,
    },
    /// A certificate that can't be read.
    #[error("a certificate can't be read: {message}")]
    Certificate {
        /// What is wrong with it.
        message: String,
    },
    /// A certificate for another key.
    #[error("the certificate is for another key than the private key that was given")]
    OtherKey,
}

/// Why some document is no trust policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A file can't be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not the JSON that was expected.
    #[error("not a trust policy: {0}")]
    Json(JsonError),
    /// A value that is not accepted.
    #[error("{field}: {message}")]
    Value {
        /// Where, as in `rules[0].models`.
        field: String,
        /// What was found and what is accepted.
        message: String,
    },
    /// A private key, where a public one belongs.
    #[error(
        "this is a private key, which belongs nowhere but where models are signed; give the public key (`openssl pkey -in KEY -pubout`)"
    )]
    PrivateKey,
    /// A key or certificate that is none.
    #[error("{field}: {error}")]
    Key {
        /// Where, as in `rules[0].keys[1]`.
        field: String,
        /// What is wrong with it.
        error: KeyError,
    },
}

/// Why a model is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// There is no signature, and the policy wants one.
    #[error(
        "the model {model} is not signed, and the trust policy does not accept it unsigned; sign it with `host-cli sign`"
    )]
    Unsigned {
        /// The model's name.
        model: String,
    },
    /// The signature can't be read.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The key that it names is none of the policy's.
    #[error("the model is signed with the key {hint}, which the trust policy does not name")]
    UnknownKey {
        /// The sha256 digest of the key's PEM text.
        hint: String,
    },
    /// No key of the policy made this signature.
    #[error(
        "the signature is not valid: it or the statement in it was changed, or another key made it"
    )]
    Invalid,
    /// The chain of certificates does not lead to a root of the policy.
    #[error("the certificates in the signature are not trusted: {message}")]
    Certificates {
        /// What is wrong.
        message: String,
    },
    /// The signer may not sign a model of this name.
    #[error(
        "the model is signed by {signer}, whom the trust policy does not trust with the model {model}"
    )]
    OtherModel {
        /// Who signed.
        signer: String,
        /// The model's name.
        model: String,
    },
    /// A file that was there when the model was signed is another one now.
    #[error(
        "{file}: its digest is {found}, the signature says {expected}; it was changed after it was signed"
    )]
    Changed {
        /// The file.
        file: String,
        /// The digest of its bytes.
        found: Digest,
        /// The signed digest.
        expected: Digest,
    },
    /// A file that the signature says nothing of.
    #[error("{file}: the signature does not cover it; it was added after the model was signed")]
    NotCovered {
        /// The file.
        file: String,
    },
}

impl TrustError {
    /// A stable code in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsigned { .. } => "unsigned-model",
            Self::Signature(_) => "malformed-signature",
            Self::UnknownKey { .. } => "unknown-key",
            Self::Invalid => "invalid-signature",
            Self::Certificates { .. } => "untrusted-certificate",
            Self::OtherModel { .. } => "untrusted-for-model",
            Self::Changed { .. } => "changed-after-signing",
            Self::NotCovered { .. } => "not-signed-file",
        }
    }

    /// The file at fault, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Changed { file, .. } | Self::NotCovered { file } => Some(file),
            Self::Signature(_)
            | Self::UnknownKey { .. }
            | Self::Invalid
            | Self::Certificates { .. } => Some(model_package::SIGNATURE),
            Self::Unsigned { .. } | Self::OtherModel { .. } => None,
        }
    }
}
