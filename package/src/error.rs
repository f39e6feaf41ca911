//! Everything that can be wrong with a package, each with the file and the field at fault.

use crate::strict_json::JsonError;
use crate::{Digest, Ensemble};

/// Why some files are no package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// A JSON file that can't be read.
    #[error("{file}: {error}")]
    Json {
        /// The file.
        file: String,
        /// What is wrong with it.
        error: JsonError,
    },
    /// A value of the manifest that breaks a rule of the format.
    #[error("{file}: {field}: {message}")]
    Value {
        /// The file.
        file: String,
        /// The key at fault, as in `input.fields[3].min`.
        field: String,
        /// What was found and what is accepted.
        message: String,
    },
    /// A format version that this reader does not know.
    #[error("manifest.json: format: found {found:?}, this version reads \"samebits/1\"")]
    Format {
        /// What the manifest says.
        found: String,
    },
    /// A file that the manifest names is not there.
    #[error("{file}: missing; {named_by} names it")]
    Missing {
        /// The file.
        file: String,
        /// Who names it.
        named_by: String,
    },
    /// A file that the manifest does not name.
    #[error("{file}: not named in manifest.json; add it to `files` or take it out of the package")]
    Unlisted {
        /// The file.
        file: String,
    },
    /// Two files with one path.
    #[error("{file}: occurs twice in the package")]
    Twice {
        /// The file.
        file: String,
    },
    /// A path that leaves the package or is written in an ambiguous way.
    #[error(
        "{path:?} is not a path inside a package: use relative paths of at most 256 bytes with `/`, without parts that begin with `.`, and without `\\`, `:` or control characters"
    )]
    Path {
        /// The path as found.
        path: String,
    },
    /// A file, or the package as a whole, is larger than accepted.
    #[error("{file}: {found} bytes, at most {limit} are accepted")]
    TooLarge {
        /// The file, or `the package`.
        file: String,
        /// Its size in bytes.
        found: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// More files than accepted.
    #[error("the package has more than {limit} files")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// A member of an ensemble is no package.
    #[error("the member {name}: {error}")]
    Member {
        /// Its name.
        name: String,
        /// The file at fault inside the ensemble's package, if it is one file.
        file: Option<String>,
        /// What is wrong with it.
        error: Box<PackageError>,
    },
    /// A file of another length than the manifest says.
    #[error("{file}: {found} bytes, manifest.json says {expected}")]
    Size {
        /// The file.
        file: String,
        /// Its size in bytes.
        found: u64,
        /// The size that the manifest gives.
        expected: u64,
    },
    /// A file with other bytes than the manifest says.
    #[error(
        "{file}: its digest is {found}, manifest.json says {expected}; the file was changed or damaged"
    )]
    DigestMismatch {
        /// The file.
        file: String,
        /// The digest of its bytes.
        found: Digest,
        /// The digest that the manifest gives.
        expected: Digest,
    },
}

impl PackageError {
    /// The same, of a member of an ensemble.
    pub(crate) fn of_member(self, name: &str) -> Self {
        let file = self.file().map(|file| format!("{}{file}", Ensemble::folder(name)));
        Self::Member { name: name.into(), file, error: Box::new(self) }
    }

    /// A stable code in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json { error: JsonError::Syntax { .. }, .. } => "invalid-json",
            Self::Json { error: JsonError::Shape { .. }, .. } => "invalid-manifest",
            Self::Value { .. } => "invalid-manifest",
            Self::Format { .. } => "unknown-format",
            Self::Missing { .. } => "missing-file",
            Self::Unlisted { .. } => "unlisted-file",
            Self::Twice { .. } => "duplicate-file",
            Self::Path { .. } => "invalid-path",
            Self::TooLarge { .. } => "file-too-large",
            Self::TooManyFiles { .. } => "too-many-files",
            Self::Size { .. } => "size-mismatch",
            Self::DigestMismatch { .. } => "digest-mismatch",
            Self::Member { error, .. } => error.code(),
        }
    }

    /// The file at fault, if it is one file.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Json { file, .. }
            | Self::Value { file, .. }
            | Self::Missing { file, .. }
            | Self::Unlisted { file }
            | Self::Twice { file }
            | Self::TooLarge { file, .. }
            | Self::Size { file, .. }
            | Self::DigestMismatch { file, .. } => Some(file),
            Self::Path { path } => Some(path),
            Self::Format { .. } => Some(crate::MANIFEST),
            Self::TooManyFiles { .. } => None,
            Self::Member { file, .. } => file.as_deref(),
        }
    }

    /// The key of the manifest at fault, if it is one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Value { field, .. }
            | Self::Json { error: JsonError::Shape { field, .. }, .. } => Some(field),
            Self::Format { .. } => Some("format"),
            Self::Member { error, .. } => error.field(),
            _ => None,
        }
    }
}
