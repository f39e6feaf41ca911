//! What can be wrong with a file, and with a row.

use parquet::errors::ParquetError;

/// Why a file is not read, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no Parquet file, or a damaged one.
    #[error("no Parquet file, or a damaged one: {0}")]
    Damaged(String),
    /// A column is no field, is there twice, or has lists.
    #[error("the column {column:?} {what}")]
    Column {
        /// The beginning of its name.
        column: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It has a type, a packing or an encoding that is not read.
    #[error("a Parquet file that can't be read: {0}")]
    Unsupported(String),
    /// It takes too much memory.
    #[error("a Parquet file that is too large: {0}")]
    TooLarge(String),
}

impl Error {
    /// A stable code in kebab case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "invalid-parquet",
            Self::Column { .. } => "invalid-header",
            Self::Unsupported(_) => "unsupported-parquet",
            Self::TooLarge(_) => "parquet-too-large",
        }
    }
}

/// The decoders pass on what pages say of themselves.
impl From<Error> for ParquetError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<ParquetError> for Error {
    fn from(error: ParquetError) -> Self {
        let reason = match error {
            ParquetError::External(error) => match error.downcast::<Self>() {
                Ok(error) => return *error,
                Err(error) => error.to_string(),
            },
            ParquetError::General(reason)
            | ParquetError::NYI(reason)
            | ParquetError::EOF(reason) => reason,
            other => other.to_string(),
        };
        Self::Damaged(reason)
    }
}

/// Why a row is no JSON object; the others go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A text of it is none.
    #[error("a row that is not UTF-8 text")]
    NotText,
    /// Its texts are longer than an instance may be.
    #[error("a row of more than {limit} bytes")]
    TooLong {
        /// How many bytes it may have.
        limit: usize,
    },
}

pub(crate) fn damaged(what: impl Into<String>) -> ParquetError {
    Error::Damaged(what.into()).into()
}

pub(crate) fn unsupported(what: impl Into<String>) -> ParquetError {
    Error::Unsupported(what.into()).into()
}

pub(crate) fn too_large(what: impl Into<String>) -> ParquetError {
    Error::TooLarge(what.into()).into()
}
