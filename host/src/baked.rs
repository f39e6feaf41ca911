//! A baked model on disk: a component with its model in it, and that component's compiled code.
//!
//! A folder with
//! - `baked.json`: what the rest is, tied by digests ([`Record`]);
//! - `component.wasm`: the component with the model loaded, an ordinary component;
//! - `TRIPLE.cwasm` for each target: its compiled code, which is what hosts map;
//! - `package/`: the package's reference cases, under their own name;
//! - `model.sig`, if the folder was signed: the signature covers all of it.
//!
//! What [`crate::PredictorComponent::map`] says of trust holds here too: compiled code is trusted
//! like this program. A host that does not trust the folder's origin asks [`Baked::check_trust`]
//! first.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use model_package::{Digest, FileEntry, Limits, PackageError, SIGNATURE, store};
use model_signing::{SIGNATURE_BYTES, TrustPolicy, Trusted};
use serde::{Deserialize, Serialize};

use crate::compiled::{self, Code};
use crate::{Engine, HostError, Interruption, PredictorComponent, Target};

/// The name of the record in the folder.
pub(crate) const RECORD: &str = "baked.json";
/// The name of the component in the folder.
pub(crate) const COMPONENT: &str = "component.wasm";
/// What this version writes and reads.
pub(crate) const FORMAT: &str = "samebits-baked/1";
/// The largest record.
const RECORD_BYTES: u64 = 1 << 20;

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// `samebits-baked/1`.
    pub format: String,
    /// The model's name.
    pub name: String,
    /// The model's version.
    pub version: String,
    /// The digest that names the package.
    pub package: Digest,
    /// The component that the package was loaded into.
    pub component: Digest,
    /// What came out: `component.wasm`.
    pub baked: Digest,
    /// The exact version of wasmtime that the code is for.
    pub wasmtime: String,
    /// Whether the code looks at a deadline.
    pub interruptible: bool,
    /// The code for each target.
    pub code: Vec<TargetCode>,
}

impl Record {
    /// How the code is compiled.
    pub(crate) fn interruption(&self) -> Interruption {
        if self.interruptible { Interruption::Deadline } else { Interruption::None }
    }
}

/// Code for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetCode {
    /// The target's triple; `TRIPLE.cwasm` is the file.
    pub target: String,
    /// The least processor that runs it.
    pub cpu: String,
    code: Code,
}

impl TargetCode {
    #[cfg(feature = "compiler")]
    pub(crate) fn new(target: &Target, code: Code) -> Self {
        Self { target: target.triple().to_owned(), cpu: target.cpu().to_owned(), code }
    }

    /// The length of the code in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.code.bytes
    }
}

/// A baked model's folder.
#[derive(Clone, Debug)]
pub struct Baked {
    folder: PathBuf,
    record: Record,
    /// The digest of the record's own bytes.
    digest: Digest,
}

impl Baked {
    /// Whether a baked model lies in this folder.
    #[must_use]
    pub fn is_at(folder: &Path) -> bool {
        folder.join(RECORD).is_file()
    }

    /// Reads the record.
    ///
    /// # Errors
    /// If it is not there, or not one that this version reads.
    pub fn open(folder: &Path) -> Result<Self, HostError> {
        let path = folder.join(RECORD);
        let text = read_bounded(&path, RECORD_BYTES)?;
        let wrong = |message: String| HostError::Compiled { path: path.clone(), message };
        let record: Record = serde_json::from_slice(&text)
            .map_err(|error| wrong(format!("not the record of a baked model: {error}")))?;
        if record.format != FORMAT {
            let found = &record.format;
            return Err(wrong(format!("expected the format {FORMAT}, found {found:?}")));
        }
        Ok(Self { folder: folder.to_owned(), record, digest: Digest::of(&text) })
    }

    /// What the folder holds.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Where it lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Maps the code for this machine.
    ///
    /// # Errors
    /// If there is none, or it is damaged, or was compiled by another version of wasmtime.
    pub fn map(&self) -> Result<PredictorComponent, HostError> {
        let code = self.own_code()?;
        let engine = Engine::new(self.record.interruption())?;
        let path = code_path(&self.folder, &code.target);
        let component = compiled::map_code(&engine, &path, &code.code)?;
        PredictorComponent::new(&engine, &component, self.record.component)
    }

    /// The code for this machine.
    fn own_code(&self) -> Result<&TargetCode, HostError> {
        let target = Target::host()?;
        let code = self.record.code.iter().find(|code| code.target == target.triple());
        code.ok_or_else(|| {
            let found: Vec<_> = self.record.code.iter().map(|code| code.target.as_str()).collect();
            let (found, triple) = (found.join(", "), target.triple());
            let path = self.folder.join(RECORD);
            let message =
                format!("baked for {found}, not for this machine; bake with --target {triple}");
            HostError::Compiled { path, message }
        })
    }

    /// Decides whether a policy trusts what [`Self::map`] is to map: record and code must be those
    /// that were signed, byte by byte. The folder's signature is used if none is given.
    ///
    /// What is mapped later is what was checked only if nobody but the host can write the folder
    /// meanwhile.
    ///
    /// # Errors
    /// The first reason not to trust it, or if a file can't be read.
    pub fn check_trust(
        &self,
        policy: &TrustPolicy,
        signature: Option<&[u8]>,
    ) -> Result<Trusted, HostError> {
        let code = code_path(&self.folder, &self.own_code()?.target);
        let name = code.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = BTreeMap::from([(RECORD.to_owned(), self.digest), (name, digest_of(&code)?)]);
        self.judge(policy, signature, &files)
    }

    /// As [`Self::check_trust`], for every file of the folder: for the moment when a baked model
    /// arrives somewhere.
    ///
    /// # Errors
    /// As [`Self::check_trust`].
    pub fn check_trust_whole(
        &self,
        policy: &TrustPolicy,
        signature: Option<&[u8]>,
    ) -> Result<Trusted, HostError> {
        let listing = store::list(&self.folder, &Limits::DEFAULT)?.files;
        let covered = listing.into_iter().filter(|file| file.path != SIGNATURE);
        let digests = covered.map(|file| Ok((file.path, digest_of(&file.on_disk)?)));
        let mut files: BTreeMap<_, _> = digests.collect::<Result<_, HostError>>()?;
        // The record as it was read, whatever lies there by now.
        files.insert(RECORD.to_owned(), self.digest);
        self.judge(policy, signature, &files)
    }

    fn judge(
        &self,
        policy: &TrustPolicy,
        signature: Option<&[u8]>,
        files: &BTreeMap<String, Digest>,
    ) -> Result<Trusted, HostError> {
        let name = || Ok(self.record.name.clone());
        match signature {
            Some(signature) => policy.check(Some(signature), files, name),
            None => policy.check(self.signature()?.as_deref(), files, name),
        }
    }

    /// The bytes of the folder's `model.sig`, if it has one.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn signature(&self) -> Result<Option<Vec<u8>>, HostError> {
        let path = self.folder.join(SIGNATURE);
        if !path.exists() {
            return Ok(None);
        }
        read_bounded(&path, SIGNATURE_BYTES).map(Some)
    }

    /// Checks every byte that was baked against the record. [`Self::map`] checks no more than the
    /// length of the code, so that a start reads only what it needs: this is for the moment when a
    /// baked model arrives somewhere.
    ///
    /// # Errors
    /// If a file is missing or damaged.
    pub fn check(&self) -> Result<(), HostError> {
        for code in &self.record.code {
            compiled::check(&code_path(&self.folder, &code.target), &code.code)?;
        }
        let path = self.folder.join(COMPONENT);
        let found = Digest::of(&read_bounded(&path, 4 << 30)?);
        if found != self.record.baked {
            let message = format!("expected {}, found {found}", self.record.baked);
            return Err(HostError::Compiled { path, message });
        }
        Ok(())
    }

    /// Reads a file of the package that was kept, as the manifest names it.
    pub(crate) fn file(&self, entry: &FileEntry) -> Result<Vec<u8>, HostError> {
        let bytes = read_bounded(&kept_path(&self.folder, &entry.path), entry.size)?;
        let found = Digest::of(&bytes);
        if found != entry.sha256 {
            let (file, expected) = (entry.path.clone(), entry.sha256);
            let error = PackageError::DigestMismatch { file, found, expected };
            return Err(HostError::Store(error.into()));
        }
        Ok(bytes)
    }
}

fn digest_of(path: &Path) -> Result<Digest, HostError> {
    File::open(path).and_then(Digest::of_reader).map_err(compiled::io(path))
}

pub(crate) fn code_path(folder: &Path, triple: &str) -> PathBuf {
    folder.join(format!("{triple}.cwasm"))
}

pub(crate) fn kept_path(folder: &Path, name: &str) -> PathBuf {
    folder.join("package").join(name)
}

fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, HostError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(compiled::io(path))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(compiled::io(path))?;
    if bytes.len() as u64 > limit {
        let message = format!("larger than {limit} bytes, which is more than it can be");
        return Err(HostError::Compiled { path: path.to_owned(), message });
    }
    Ok(bytes)
}
