//! Where things lie in a bucket, and the pointer that a version is.
//!
//! Below `PREFIX/MODEL/`:
//! - `packages/HEX/…`: the files of a package, `manifest.json` last, and its `model.sig`; `HEX` is the
//!   digest that names the package. Written once, never changed. Where `encryption.json` lies beside
//!   them, they are encrypted (`model.sig` is not), and it has the wrapped key.
//! - `baked/HEX/COMPONENT-WASMTIME/…`: the package baked for a component and a version of wasmtime.
//!   Likewise, `baked.json` last.
//! - `versions/1.4.0.json`: which package a version is. Likewise.
//! - `aliases/champion.json`: a signed document that may change.

use model_package::{Digest, strict_json};
use serde::{Deserialize, Serialize};

use crate::reference::is_name;
use crate::{Place, StoreError};

/// The largest pointer or alias, in bytes.
pub const DOCUMENT_BYTES: usize = 256 << 10;
/// The name of a baked model's record.
pub const BAKED: &str = "baked.json";

/// The name of the document beside an encrypted package.
pub(crate) const ENCRYPTION: &str = "encryption.json";

const VERSION_FORMAT: &str = "samebits-version/1";

impl Place {
    /// The key of a file of a package, or where one is given, of no file: the folder.
    #[must_use]
    pub fn package_key(&self, package: &Digest, file: &str) -> String {
        format!("{}{}/packages/{}/{file}", self.prefix, self.model, package.hex())
    }

    /// The key of a file of a package that was baked for a component and a version of wasmtime.
    #[must_use]
    pub fn baked_key(
        &self,
        package: &Digest,
        component: &Digest,
        wasmtime: &str,
        file: &str,
    ) -> String {
        let (package, component) = (package.hex(), component.hex());
        format!("{}{}/baked/{package}/{component}-{wasmtime}/{file}", self.prefix, self.model)
    }

    /// The key of a version's pointer.
    #[must_use]
    pub fn version_key(&self, version: &str) -> String {
        format!("{}{}/versions/{version}.json", self.prefix, self.model)
    }

    /// The key of an alias.
    #[must_use]
    pub fn alias_key(&self, alias: &str) -> String {
        format!("{}{}/aliases/{alias}.json", self.prefix, self.model)
    }
}

/// Which package a version is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionPointer {
    format: String,
    /// The model's name.
    pub model: String,
    /// The version.
    pub version: String,
    /// The digest that names the package.
    pub package: Digest,
}

impl VersionPointer {
    /// A pointer.
    #[must_use]
    pub fn new(model: &str, version: &str, package: Digest) -> Self {
        let format = VERSION_FORMAT.into();
        Self { format, model: model.to_owned(), version: version.to_owned(), package }
    }

    /// Reads one; `object` is for messages.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(bytes: &[u8], object: &str) -> Result<Self, StoreError> {
        let wrong = |message| StoreError::Document { object: object.to_owned(), message };
        let found: Self = strict_json::from_slice(bytes)
            .map_err(|error| wrong(format!("not the pointer of a version: {error}")))?;
        if found.format != VERSION_FORMAT {
            let message = format!("format: expected {VERSION_FORMAT:?}, found {:?}", found.format);
            return Err(wrong(message));
        }
        if !is_name(&found.model) || !is_name(&found.version) {
            return Err(wrong("model and version: expected names".into()));
        }
        Ok(found)
    }

    /// Writes it; the same pointer gives the same bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}
