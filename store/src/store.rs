//! The way from a reference to a package on this machine: alias or version first, then its files, each
//! checked before it is used. What is encrypted is `crate::sealed`'s affair.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use aws_call::{Client, Patience};
use model_package::store::{Contents, read_contents};
use model_package::{Digest, Limits, MANIFEST, Manifest, PackageFile, SIGNATURE};
use model_signing::{SIGNATURE_BYTES, Statement, TrustPolicy};

use crate::cipher::{MAGIC, sealed_size};
use crate::download::{Expected, Object, Partial};
use crate::layout::{BAKED, DOCUMENT_BYTES, VersionPointer};
use crate::{Alias, AliasDocument, Cache, Kind, Place, Progress, StoreError};

/// The largest file of code.
const CODE_BYTES: u64 = 2 << 30;
/// The largest record of a baked model.
const RECORD_BYTES: u64 = 1 << 20;

/// The packages of one model in S3.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) client: Arc<Client>,
    pub(crate) place: Place,
    pub(crate) trust: Arc<TrustPolicy>,
    pub(crate) cache: Cache,
}

/// Where a package is on this machine.
#[derive(Clone, PartialEq, Eq)]
pub enum Held {
    /// In a folder, or an archive.
    Folder(PathBuf),
    /// In memory, and nowhere else: it is encrypted where it lies.
    Memory(Contents),
}

impl Held {
    /// Its files and its signature.
    ///
    /// # Errors
    /// If they can't be read, or break the limits.
    pub fn contents(self) -> Result<Contents, model_package::store::StoreError> {
        match self {
            Self::Folder(folder) => read_contents(&folder, &Limits::DEFAULT),
            Self::Memory(contents) => Ok(contents),
        }
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => f.debug_tuple("Folder").field(folder).finish(),
            // Nobody meant it to be shown.
            Self::Memory(_) => f.write_str("Memory(…)"),
        }
    }
}

/// A package on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub held: Held,
    /// Whether it lay there already.
    pub was_there: bool,
    /// Why it is not in the cache, where it should be: there is no room, say.
    pub uncached: Option<String>,
}

impl Fetched {
    fn there(held: Held) -> Self {
        Self { held, was_there: true, uncached: None }
    }
}

/// A baked model on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedBaked {
    /// Where it lies.
    pub folder: PathBuf,
    /// Whether it lay there already.
    pub was_there: bool,
}

impl Store {
    /// The packages at a place, of which those are used that `trust` trusts.
    #[must_use]
    pub fn new(client: Arc<Client>, place: Place, trust: Arc<TrustPolicy>, cache: Cache) -> Self {
        Self { client, place, trust, cache }
    }

    /// Where they lie.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The cache.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    pub(crate) fn object<'a>(&'a self, key: &'a str, patience: Patience) -> Object<'a> {
        let encrypted = self.trust.wants_encryption();
        Object { client: &self.client, bucket: &self.place.bucket, key, encrypted, patience }
    }

    pub(crate) fn missing(&self, what: &'static str, key: String) -> StoreError {
        StoreError::Missing { what, bucket: self.place.bucket.clone(), key }
    }

    /// What an alias says now; `None` if it is still the one that is known. It is checked, and
    /// remembered: from then on no older one is accepted.
    ///
    /// # Errors
    /// If it is not there, not trusted, expired, or older than one that was seen.
    pub async fn alias(
        &self,
        name: &str,
        known: Option<&AliasDocument>,
        now: SystemTime,
        patience: Patience,
    ) -> Result<Option<AliasDocument>, StoreError> {
        let key = self.place.alias_key(name);
        let object = self.object(&key, patience);
        let etag = known.map(|known| known.etag.as_str()).filter(|etag| !etag.is_empty());
        let read = match object.changed(etag, DOCUMENT_BYTES).await {
            Err(StoreError::Aws(error)) if error.is_missing() => {
                return Err(self.missing("alias", key));
            }
            read => read?,
        };
        let Some((etag, bytes)) = read else {
            if let Some(known) = known {
                known.alias.judge(now, None, &object.name())?;
            }
            return Ok(None);
        };
        let found = self.opened(name, &bytes, &etag)?;
        let remembered = self.remembered(name);
        let before = [known, remembered.as_ref()].into_iter().flatten();
        let before = before.max_by_key(|before| before.alias.counter);
        let seen = before.map(|before| before.alias.counter);
        found.alias.judge(now, seen, &object.name())?;
        if let Some(before) = before
            && before.alias.counter == found.alias.counter
            && before.alias != found.alias
        {
            let message = format!(
                "it was changed without a new counter: {} was seen with other versions",
                found.alias.counter
            );
            return Err(StoreError::Document { object: object.name(), message });
        }
        // One that can't be remembered is as good.
        drop(self.cache.remember(&self.full(name), &bytes));
        Ok(Some(found))
    }

    /// What an alias said before it expired: for whoever signs the next one, and for nobody else.
    ///
    /// # Errors
    /// If it is not there or not trusted.
    pub async fn expired_alias(
        &self,
        name: &str,
        patience: Patience,
    ) -> Result<AliasDocument, StoreError> {
        let key = self.place.alias_key(name);
        let Some((etag, bytes)) = self.object(&key, patience).small(DOCUMENT_BYTES).await? else {
            return Err(self.missing("alias", key));
        };
        self.opened(name, &bytes, &etag)
    }

    /// The alias that was seen last on this machine, if it still holds: for when S3 can't be reached.
    #[must_use]
    pub fn last_alias(&self, name: &str, now: SystemTime) -> Option<AliasDocument> {
        self.remembered(name).filter(|found| found.alias.judge(now, None, "").is_ok())
    }

    fn remembered(&self, name: &str) -> Option<AliasDocument> {
        let bytes = self.cache.alias(&self.full(name))?;
        // Whoever can write the cache can't sign.
        self.opened(name, &bytes, "").ok()
    }

    fn opened(&self, name: &str, bytes: &[u8], etag: &str) -> Result<AliasDocument, StoreError> {
        let object = format!("s3://{}/{}", self.place.bucket, self.place.alias_key(name));
        Alias::open(bytes, etag, &self.trust, &self.place.model, name, &object)
    }

    fn full(&self, name: &str) -> String {
        format!("{}@{name}", self.place)
    }

    /// Which package a version is.
    ///
    /// # Errors
    /// If there is no such version.
    pub async fn version(&self, version: &str, patience: Patience) -> Result<Digest, StoreError> {
        let key = self.place.version_key(version);
        let object = self.object(&key, patience);
        let Some((_, bytes)) = object.small(DOCUMENT_BYTES).await? else {
            return Err(self.missing("version", key));
        };
        let pointer = VersionPointer::parse(&bytes, &object.name())?;
        if pointer.model != self.place.model || pointer.version != version {
            return Err(StoreError::OtherModel {
                object: object.name(),
                found: format!("{} {}", pointer.model, pointer.version),
                expected: format!("{} {version}", self.place.model),
            });
        }
        Ok(pointer.package)
    }

    /// A package in the cache, brought there if it must be. Signature and digests are checked;
    /// `version` is what its manifest has to say, if that is known.
    ///
    /// # Errors
    /// If it is not there, not trusted, or not what it should be.
    pub async fn package(
        &self,
        package: Digest,
        version: Option<&str>,
        patience: Patience,
        progress: &Progress<'_>,
    ) -> Result<Fetched, StoreError> {
        let kind = Kind::Package(package);
        let found = self.cache.find(&kind).filter(|_| !self.trust.requires_encryption());
        if let Some(folder) = found {
            return Ok(Fetched::there(Held::Folder(folder)));
        }
        if let Some(contents) = self.sealed_here(package, version, patience).await? {
            return Ok(Fetched::there(Held::Memory(contents)));
        }
        let key = self.place.package_key(&package, SIGNATURE);
        let signature = self.signature(&key, patience).await?;
        let statement = self.judged(&key, signature.as_deref())?;

        let key = self.place.package_key(&package, MANIFEST);
        let object = self.object(&key, patience);
        // It may be encrypted.
        let manifest_bytes = sealed_size(Limits::DEFAULT.manifest_bytes);
        let manifest_bytes = usize::try_from(manifest_bytes).unwrap_or(usize::MAX);
        let Some((_, manifest)) = object.small(manifest_bytes).await? else {
            return Err(self.missing("package", key));
        };
        let wanted = Wanted { package, version, statement, signature };
        let on_disk = async {
            let folder = self.cache.partial()?;
            self.files(&wanted, &manifest, Some(&folder), patience, progress).await
        };
        let (held, uncached) = match on_disk.await {
            // What can't be written is as good in memory.
            Err(error @ StoreError::Io { .. }) => {
                let held = self.files(&wanted, &manifest, None, patience, progress).await?;
                (held, Some(error.to_string()))
            }
            held => (held?, None),
        };
        Ok(Fetched { held, was_there: false, uncached })
    }

    /// Reads the files of a package, of which the manifest came already: into the cache by way of this
    /// folder, or without one into memory.
    async fn files(
        &self,
        wanted: &Wanted<'_>,
        manifest: &[u8],
        folder: Option<&Path>,
        patience: Patience,
        progress: &Progress<'_>,
    ) -> Result<Held, StoreError> {
        if manifest.starts_with(MAGIC) {
            let contents = self.sealed(wanted, manifest, folder, patience, progress).await?;
            return Ok(Held::Memory(contents));
        }
        let package = wanted.package;
        let key = self.place.package_key(&package, MANIFEST);
        let object = self.object(&key, patience);
        if self.trust.requires_encryption() {
            return Err(StoreError::PlainText { object: object.name() });
        }
        let parsed = self.manifest(wanted, manifest, &object)?;
        progress(manifest.len() as u64);

        let mut files = Vec::new();
        for entry in &parsed.files {
            let key = self.place.package_key(&package, &entry.path);
            let object = self.object(&key, patience);
            covered(wanted.statement.as_ref(), &entry.path, &entry.sha256, &object)?;
            let (digest, size) = (entry.sha256, Some(entry.size));
            let expected = Expected { digest, size, limit: Limits::DEFAULT.file_bytes };
            let mut partial = Partial::open(folder, &digest)?;
            object.save(expected, &mut partial, progress).await?;
            files.push((entry.path.clone(), partial));
        }
        let Some(folder) = folder else {
            let files = files
                .into_iter()
                .map(|(path, partial)| Ok(PackageFile { path, content: partial.bytes()? }));
            let manifest = PackageFile { path: MANIFEST.into(), content: manifest.to_vec() };
            let files =
                std::iter::once(Ok(manifest)).chain(files).collect::<Result<_, StoreError>>()?;
            return Ok(Held::Memory(Contents { files, signature: wanted.signature.clone() }));
        };
        let signature = wanted.signature.as_deref();
        for (name, bytes) in [(MANIFEST, Some(manifest)), (SIGNATURE, signature)] {
            let Some(bytes) = bytes else { continue };
            files.push((name.to_owned(), Partial::whole(folder, bytes)?));
        }
        Ok(Held::Folder(self.cache.add(&Kind::Package(package), files)?))
    }

    /// What a manifest says, if it is the one that was asked for, and somebody trusted signed it.
    pub(crate) fn manifest(
        &self,
        wanted: &Wanted<'_>,
        bytes: &[u8],
        object: &Object<'_>,
    ) -> Result<Manifest, StoreError> {
        let (found, expected) = (Digest::of(bytes), wanted.package);
        if found != expected {
            let found = found.hex();
            return Err(StoreError::Digest { object: object.name(), found, expected });
        }
        // Only now it is read.
        covered(wanted.statement.as_ref(), MANIFEST, &expected, object)?;
        let parsed = Manifest::parse(bytes, &Limits::DEFAULT)?;
        let version = wanted.version;
        if parsed.name != self.place.model || version.is_some_and(|it| it != parsed.version) {
            return Err(StoreError::OtherModel {
                object: object.name(),
                found: format!("{} {}", parsed.name, parsed.version),
                expected: format!("{} {}", self.place.model, version.unwrap_or("(any version)")),
            });
        }
        Ok(parsed)
    }

    /// A package that was baked for exactly this component, version of wasmtime and target, brought
    /// into the cache if it must be; `None` if there is none. It is always signed: code is trusted
    /// like the program that maps it. It is mapped from disk, so there is none where packages have to
    /// be encrypted.
    ///
    /// # Errors
    /// If it is not trusted, or not what it should be.
    pub async fn baked(
        &self,
        kind: &Kind,
        target: &str,
        patience: Patience,
        progress: &Progress<'_>,
    ) -> Result<Option<FetchedBaked>, StoreError> {
        let Kind::Baked { package, component, wasmtime } = kind else { return Ok(None) };
        if self.trust.requires_encryption() {
            return Ok(None);
        }
        let code = format!("{target}.cwasm");
        if let Some(folder) = self.cache.find(kind).filter(|folder| folder.join(&code).is_file()) {
            return Ok(Some(FetchedBaked { folder, was_there: true }));
        }
        let key = |file: &str| self.place.baked_key(package, component, wasmtime, file);
        let signature_key = key(SIGNATURE);
        let Some(signature) = self.signature(&signature_key, patience).await? else {
            return Ok(None);
        };
        let Some(statement) = self.judged(&signature_key, Some(&signature))? else {
            return Ok(None);
        };
        if !statement.files().contains_key(&code) {
            return Ok(None);
        }
        let folder = self.cache.partial()?;
        let mut files = Vec::new();
        // The component itself is for other runtimes, and other targets' code for other machines.
        let wanted = |file: &str| file == BAKED || file == code || file.starts_with("package/");
        for (file, digest) in statement.files().iter().filter(|(file, _)| wanted(file)) {
            let limit = if *file == code { CODE_BYTES } else { Limits::DEFAULT.file_bytes };
            let limit = if file == BAKED { RECORD_BYTES } else { limit };
            let expected = Expected { digest: *digest, size: None, limit };
            let mut partial = Partial::open(Some(&folder), digest)?;
            let key = key(file);
            self.object(&key, patience).save(expected, &mut partial, progress).await?;
            files.push((file.clone(), partial));
        }
        files.push((SIGNATURE.to_owned(), Partial::whole(&folder, &signature)?));
        Ok(Some(FetchedBaked { folder: self.cache.add(kind, files)?, was_there: false }))
    }

    async fn signature(
        &self,
        key: &str,
        patience: Patience,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let limit = usize::try_from(SIGNATURE_BYTES).unwrap_or(usize::MAX);
        let read = self.object(key, patience).small(limit).await?;
        Ok(read.map(|(_, bytes)| bytes.into()))
    }

    /// What somebody trusted signed, before anything else is read; `None` if the policy accepts the
    /// model unsigned, and it is.
    pub(crate) fn judged(
        &self,
        key: &str,
        signature: Option<&[u8]>,
    ) -> Result<Option<Statement>, StoreError> {
        let model = &self.place.model;
        let object = format!("s3://{}/{key}", self.place.bucket);
        match signature {
            Some(signature) => match self.trust.statement(signature, model) {
                Ok(statement) => Ok(Some(statement)),
                Err(error) => Err(StoreError::Trust { object, error }),
            },
            None if self.trust.accepts_unsigned(model) => Ok(None),
            None => {
                let error = model_signing::TrustError::Unsigned { model: model.clone() };
                Err(StoreError::Trust { object, error })
            }
        }
    }
}

/// A package that is to be read, after its signature was.
pub(crate) struct Wanted<'a> {
    pub(crate) package: Digest,
    /// If it is known.
    pub(crate) version: Option<&'a str>,
    pub(crate) statement: Option<Statement>,
    pub(crate) signature: Option<Vec<u8>>,
}

/// Whether a signature covers a file with this digest.
pub(crate) fn covered(
    statement: Option<&Statement>,
    file: &str,
    digest: &Digest,
    object: &Object<'_>,
) -> Result<(), StoreError> {
    let Some(statement) = statement else { return Ok(()) };
    let file = file.to_owned();
    let error = match statement.files().get(&file) {
        Some(expected) if expected == digest => return Ok(()),
        Some(expected) => {
            model_signing::TrustError::Changed { file, found: *digest, expected: *expected }
        }
        None => model_signing::TrustError::NotCovered { file },
    };
    Err(StoreError::Trust { object: object.name(), error })
}
