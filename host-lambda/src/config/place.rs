//! Where the model is.

use std::fmt;
use std::path::PathBuf;

/// Where the model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelPlace {
    /// A baked model, or a package (a folder or an archive).
    Disk(PathBuf),
    /// A package in a store.
    #[cfg(feature = "aws")]
    Store(model_store::Reference),
}

impl fmt::Display for ModelPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(path) => write!(f, "{}", path.display()),
            #[cfg(feature = "aws")]
            Self::Store(reference) => write!(f, "{reference}"),
        }
    }
}

impl ModelPlace {
    #[cfg(feature = "aws")]
    pub(super) fn read(text: &str) -> Result<Self, String> {
        match text.parse().map_err(|error: model_store::ReferenceError| error.to_string())? {
            model_store::ModelRef::Path(path) => Ok(Self::Disk(path)),
            model_store::ModelRef::Store(reference) => Ok(Self::Store(reference)),
            model_store::ModelRef::Url(_) => {
                Err(format!("expected a path, or s3://BUCKET/PREFIX/MODEL@WHICH, found {text:?}"))
            }
        }
    }

    #[cfg(not(feature = "aws"))]
    pub(super) fn read(text: &str) -> Result<Self, String> {
        match text.contains("://") {
            true => Err("this function was built without AWS's services; expected a path".into()),
            false => Ok(Self::Disk(PathBuf::from(text))),
        }
    }
}
