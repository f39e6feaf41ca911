//! The way of an encrypted package into memory. What is written to disk is what lies in the bucket;
//! what is decrypted stays in memory, and goes when its reader is done with it.

use std::path::Path;

use aws_call::{DataKey, Patience};
use model_package::store::Contents;
use model_package::{Digest, Limits, MANIFEST, Manifest, PackageFile, SIGNATURE};

use crate::cipher::{self, Opener, sealed_size};
use crate::download::{Check, Object, Partial};
use crate::encryption::Encryption;
use crate::layout::{DOCUMENT_BYTES, ENCRYPTION};
use crate::store::{Wanted, covered};
use crate::{Kind, Progress, Store, StoreError};

impl Store {
    /// Reads an encrypted package, of which the manifest came already; with a folder, what is encrypted
    /// gets into the cache by way of it.
    pub(crate) async fn sealed(
        &self,
        wanted: &Wanted<'_>,
        manifest: &[u8],
        folder: Option<&Path>,
        patience: Patience,
        progress: &Progress<'_>,
    ) -> Result<Contents, StoreError> {
        let package = wanted.package;
        let key = self.place.package_key(&package, ENCRYPTION);
        let document = self.object(&key, patience);
        let Some((_, bytes)) = document.small(DOCUMENT_BYTES).await? else {
            return Err(self.missing("encryption", key));
        };
        let encryption = self.encryption(&bytes, wanted, &document)?;
        let data_key = encryption.unwrap(&self.client, &self.place, &package, patience).await?;

        let manifest_key = self.place.package_key(&package, MANIFEST);
        let object = self.object(&manifest_key, patience);
        let (plain, parsed) =
            self.opened_manifest(&data_key, &encryption, wanted, manifest, &object)?;
        progress(manifest.len() as u64);

        let mut partials = Vec::new();
        let mut files = vec![PackageFile { path: MANIFEST.into(), content: plain }];
        for entry in &parsed.files {
            let key = self.place.package_key(&package, &entry.path);
            let object = self.object(&key, patience);
            covered(wanted.statement.as_ref(), &entry.path, &entry.sha256, &object)?;
            let limit = Limits::DEFAULT.file_bytes;
            if entry.size > limit {
                let found = entry.size;
                return Err(StoreError::TooLarge { object: object.name(), found, limit });
            }
            let size = sealed_size(entry.size);
            let mut opening = Opening::new(&data_key, &entry.path, &entry.sha256, size, &object)?;
            // Encrypted anew it would be another file.
            let name = [&bytes[..], entry.path.as_bytes()].concat();
            let mut partial = Partial::open(folder, &Digest::of(&name))?;
            object.save_checked(size, &mut opening, &mut partial, progress).await?;
            files.push(PackageFile { path: entry.path.clone(), content: opening.plain });
            // Without a folder, what is encrypted has done its work.
            if folder.is_some() {
                partials.push((entry.path.clone(), partial));
            }
        }
        let contents = Contents { files, signature: wanted.signature.clone() };
        let Some(folder) = folder else { return Ok(contents) };
        let small = [
            (ENCRYPTION, Some(&bytes[..])),
            (MANIFEST, Some(manifest)),
            (SIGNATURE, wanted.signature.as_deref()),
        ];
        for (name, bytes) in small {
            let Some(bytes) = bytes else { continue };
            partials.push((name.to_owned(), Partial::whole(folder, bytes)?));
        }
        self.cache.add(&Kind::Sealed(package), partials)?;
        Ok(contents)
    }

    /// A package that lies encrypted in the cache. What is damaged there is thrown away, and read anew.
    pub(crate) async fn sealed_here(
        &self,
        package: Digest,
        version: Option<&str>,
        patience: Patience,
    ) -> Result<Option<Contents>, StoreError> {
        let kind = Kind::Sealed(package);
        let Some(folder) = self.cache.find(&kind) else { return Ok(None) };
        let read = |name: &str, limit: u64| {
            let path = folder.join(name);
            crate::cache::read(&path, limit).map_err(StoreError::io(&path))
        };
        let opened = async {
            let key = self.place.package_key(&package, MANIFEST);
            let object = self.object(&key, patience);
            let limits = Limits::DEFAULT;
            let signature = match folder.join(SIGNATURE).is_file() {
                true => Some(read(SIGNATURE, model_signing::SIGNATURE_BYTES)?),
                false => None,
            };
            let signature_key = self.place.package_key(&package, SIGNATURE);
            let statement = self.judged(&signature_key, signature.as_deref())?;
            let wanted = Wanted { package, version, statement, signature };
            let encryption = read(ENCRYPTION, DOCUMENT_BYTES as u64)?;
            let encryption = self.encryption(&encryption, &wanted, &object)?;
            let data_key = encryption.unwrap(&self.client, &self.place, &package, patience).await?;
            let manifest = read(MANIFEST, sealed_size(limits.manifest_bytes))?;
            let (plain, parsed) =
                self.opened_manifest(&data_key, &encryption, &wanted, &manifest, &object)?;
            let mut files = vec![PackageFile { path: MANIFEST.into(), content: plain }];
            for entry in &parsed.files {
                let key = self.place.package_key(&package, &entry.path);
                let object = self.object(&key, patience);
                covered(wanted.statement.as_ref(), &entry.path, &entry.sha256, &object)?;
                let sealed = read(&entry.path, sealed_size(limits.file_bytes))?;
                let size = sealed.len() as u64;
                let mut opening =
                    Opening::new(&data_key, &entry.path, &entry.sha256, size, &object)?;
                opening.more(&sealed)?;
                opening.done()?;
                files.push(PackageFile { path: entry.path.clone(), content: opening.plain });
            }
            Ok::<_, StoreError>(Contents { files, signature: wanted.signature })
        };
        match opened.await {
            Ok(contents) => Ok(Some(contents)),
            Err(error) if error.is_of_kms() => Err(error),
            Err(_) => {
                drop(self.cache.remove(&kind));
                Ok(None)
            }
        }
    }

    /// How a package is encrypted, if it is the one that is wanted.
    fn encryption(
        &self,
        bytes: &[u8],
        wanted: &Wanted<'_>,
        object: &Object<'_>,
    ) -> Result<Encryption, StoreError> {
        let encryption = Encryption::parse(bytes, &object.name())?;
        match wanted.version {
            Some(version) if version != encryption.version => Err(StoreError::OtherModel {
                object: object.name(),
                found: format!("the encryption of {} {}", self.place.model, encryption.version),
                expected: format!("that of {} {version}", self.place.model),
            }),
            _ => Ok(encryption),
        }
    }

    /// The manifest of an encrypted package, in plain text and as it says.
    fn opened_manifest(
        &self,
        key: &DataKey,
        encryption: &Encryption,
        wanted: &Wanted<'_>,
        sealed: &[u8],
        object: &Object<'_>,
    ) -> Result<(Vec<u8>, Manifest), StoreError> {
        let plain = cipher::open(key, MANIFEST, &wanted.package, sealed);
        let plain = plain.map_err(|_| StoreError::Tampered { object: object.name() })?;
        let version = Some(encryption.version.as_str());
        let (package, statement) = (wanted.package, wanted.statement.clone());
        let wanted = Wanted { package, version, statement, signature: None };
        let parsed = self.manifest(&wanted, &plain, object)?;
        Ok((plain, parsed))
    }
}

/// Decrypts a file as it comes in, and compares the digest of what it is.
struct Opening {
    opener: Option<Opener>,
    plain: Vec<u8>,
    expected: Digest,
    /// For messages.
    object: String,
}

impl Opening {
    fn new(
        key: &DataKey,
        path: &str,
        digest: &Digest,
        size: u64,
        object: &Object<'_>,
    ) -> Result<Self, StoreError> {
        let object = object.name();
        let opener = Opener::new(key, path, digest, size);
        let opener = opener.map_err(|_| StoreError::Tampered { object: object.clone() })?;
        Ok(Self { opener: Some(opener), plain: Vec::new(), expected: *digest, object })
    }

    fn tampered(&self) -> StoreError {
        StoreError::Tampered { object: self.object.clone() }
    }
}

impl Check for Opening {
    fn more(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let opened = self.opener.as_mut().map(|opener| opener.more(bytes));
        opened.and_then(Result::ok).ok_or_else(|| self.tampered())
    }

    fn done(&mut self) -> Result<(), StoreError> {
        let opened = self.opener.take().map(Opener::finish);
        self.plain = opened.and_then(Result::ok).ok_or_else(|| self.tampered())?;
        let found = Digest::of(&self.plain);
        if found == self.expected {
            return Ok(());
        }
        let (object, found) = (self.object.clone(), found.hex());
        Err(StoreError::Digest { object, found, expected: self.expected })
    }
}
