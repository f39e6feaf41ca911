//! A verified set of files.

use std::collections::BTreeMap;

use crate::{
    Digest, Ensemble, Limits, MANIFEST, Manifest, PackageError, ReferenceCases, Role, check,
};

/// One file of a package, in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFile {
    /// Path inside the package.
    pub path: String,
    /// The whole content.
    pub content: Vec<u8>,
}

/// A package whose files are exactly those that its manifest names, each with the size and digest
/// given there.
#[derive(Clone, Debug)]
pub struct Package {
    manifest: Manifest,
    digest: Digest,
    files: BTreeMap<String, Vec<u8>>,
    /// Of an ensemble: its members, then its stacker.
    members: Vec<Package>,
}

impl Package {
    /// Verifies a set of files.
    ///
    /// # Errors
    /// The first rule that the files break. Sizes and digests are checked before anything but the
    /// manifest is parsed.
    pub fn verify(files: Vec<PackageFile>, limits: &Limits) -> Result<Self, PackageError> {
        Self::verify_one(files, limits, false)
    }

    /// The same; `inside` an ensemble there is no other.
    fn verify_one(
        files: Vec<PackageFile>,
        limits: &Limits,
        inside: bool,
    ) -> Result<Self, PackageError> {
        let mut files = by_path(files, limits)?;
        let manifest_bytes = files.remove(MANIFEST).ok_or_else(|| PackageError::Missing {
            file: MANIFEST.into(),
            named_by: "the format".into(),
        })?;
        let manifest = Manifest::parse(&manifest_bytes, limits)?;
        if inside && manifest.ensemble.is_some() {
            let message = "a member can't be an ensemble itself; name its members instead";
            let (file, field) = (MANIFEST.into(), "ensemble".into());
            return Err(PackageError::Value { file, field, message: message.into() });
        }
        for entry in &manifest.files {
            let file = entry.path.clone();
            let content = files.get(&file).ok_or_else(|| PackageError::Missing {
                file: file.clone(),
                named_by: MANIFEST.into(),
            })?;
            let found = content.len() as u64;
            if found != entry.size {
                return Err(PackageError::Size { file, found, expected: entry.size });
            }
            let found = Digest::of(content);
            if found != entry.sha256 {
                let expected = entry.sha256;
                return Err(PackageError::DigestMismatch { file, found, expected });
            }
        }
        if let Some(file) = files.keys().find(|p| !manifest.files.iter().any(|e| e.path == **p)) {
            return Err(PackageError::Unlisted { file: file.clone() });
        }
        let members = members(&manifest, &mut files, limits)?;
        let package = Self { digest: Digest::of(&manifest_bytes), manifest, files, members };
        package.reference_cases(limits)?;
        Ok(package)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest of the manifest's bytes, which names the whole package.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Takes the ONNX graph out, so that its bytes can be freed once it is parsed.
    #[must_use]
    pub fn take_graph(&mut self) -> Vec<u8> {
        let path = self.manifest.file(Role::Graph).map(|entry| &entry.path);
        path.and_then(|path| self.files.remove(path)).unwrap_or_default()
    }

    /// Takes the tokenizer out, if there is one.
    #[must_use]
    pub fn take_tokenizer(&mut self) -> Option<Vec<u8>> {
        let path = self.manifest.file(Role::Tokenizer).map(|entry| &entry.path);
        path.and_then(|path| self.files.remove(path))
    }

    /// Takes the packages of an ensemble out, in the order of [`Ensemble::packages`].
    #[must_use]
    pub fn take_members(&mut self) -> Vec<Self> {
        std::mem::take(&mut self.members)
    }

    /// The reference cases; none if the package has no such file.
    ///
    /// # Errors
    /// If the file is not what the format says.
    pub fn reference_cases(&self, limits: &Limits) -> Result<ReferenceCases, PackageError> {
        let entry = self.manifest.file(Role::ReferenceCases);
        match entry.and_then(|e| self.files.get_key_value(&e.path)) {
            Some((path, content)) => ReferenceCases::parse(path, content, limits),
            None => Ok(ReferenceCases::default()),
        }
    }
}

/// Makes packages of an ensemble's files, each verified as if it were alone, and checks that they fit.
fn members(
    manifest: &Manifest,
    files: &mut BTreeMap<String, Vec<u8>>,
    limits: &Limits,
) -> Result<Vec<Package>, PackageError> {
    let Some(ensemble) = &manifest.ensemble else { return Ok(Vec::new()) };
    let mut packages = Vec::new();
    for name in ensemble.packages() {
        let folder = Ensemble::folder(name);
        let inside = files.extract_if(.., |path, _| path.starts_with(&folder));
        let inside = inside.filter_map(|(path, content)| {
            let path = path.strip_prefix(&folder)?.to_owned();
            Some(PackageFile { path, content })
        });
        let package = Package::verify_one(inside.collect(), limits, true);
        packages.push(package.map_err(|error| error.of_member(name))?);
    }
    let manifests: Vec<_> = packages.iter().map(Package::manifest).collect();
    check::members::check(manifest, ensemble, &manifests)?;
    Ok(packages)
}

fn by_path(
    files: Vec<PackageFile>,
    limits: &Limits,
) -> Result<BTreeMap<String, Vec<u8>>, PackageError> {
    if files.len() > limits.files {
        return Err(PackageError::TooManyFiles { limit: limits.files });
    }
    let mut total = 0_u64;
    let mut known = BTreeMap::new();
    for PackageFile { path, content } in files {
        check::path(&path, limits)?;
        total = total.saturating_add(content.len() as u64);
        if total > limits.package_bytes {
            let (found, limit) = (total, limits.package_bytes);
            return Err(PackageError::TooLarge { file: "the package".into(), found, limit });
        }
        if known.contains_key(&path) {
            return Err(PackageError::Twice { file: path });
        }
        known.insert(path, content);
    }
    Ok(known)
}
