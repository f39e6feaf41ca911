//! `sign`: a signature over every file of a package or a baked model.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use model_package::{Digest, Limits, Package, PackageFile, SIGNATURE, store};
use model_signing::{Certificates, Identity, KeyError, PrivateKey, Statement, sign};
use predictor_host::HostError;

use crate::args::Sign;
use crate::failure::{InputError, ModelError};
use crate::model::Model;
use crate::trust::read_text;

/// What verifiers of the format leave out in any case, beside the signature.
const IGNORED: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

pub(crate) fn run(arguments: &Sign) -> Result<ExitCode> {
    let signing = Signing::read(&arguments.key, &arguments.certificate)?;
    let Signable { folder, name, version } = Signable::find(&arguments.folder)?;

    let statement = statement(&folder, &name)?;
    let signature = signing.sign(&statement)?;
    let path = arguments.output.clone().unwrap_or_else(|| folder.join(SIGNATURE));
    write_whole(&path, &signature).with_context(|| path.display().to_string())?;

    let public = signing.key.public();
    let mut out = io::stdout().lock();
    writeln!(out, "{name} {version}, {} files", statement.files().len())?;
    writeln!(out, "signed with the key {} ({})", public.hint(), public.algorithm())?;
    writeln!(out, "{}", path.display())?;
    Ok(ExitCode::SUCCESS)
}

/// A key that signs, and what verifiers are to check it with.
pub(crate) struct Signing {
    pub(crate) key: PrivateKey,
    pub(crate) identity: Identity,
    /// For messages: the certificate's file, or the key's.
    path: PathBuf,
}

impl Signing {
    /// Reads the files that the user named.
    ///
    /// # Errors
    /// If they are not there, or no key and no certificates.
    pub(crate) fn read(key: &Path, certificates: &[PathBuf]) -> Result<Self> {
        let path = certificates.first().map_or(key, PathBuf::as_path).to_owned();
        let text = read_text(key)?;
        let key = PrivateKey::from_pem(&text).map_err(|error| wrong(key, &error))?;
        Ok(Self { key, identity: identity(certificates)?, path })
    }

    /// Signs a statement.
    ///
    /// # Errors
    /// If the certificate is for another key.
    pub(crate) fn sign(&self, statement: &Statement) -> Result<Vec<u8>> {
        Ok(sign(statement, &self.key, &self.identity).map_err(|error| self.wrong(&error))?)
    }

    /// Says what is wrong with the key or its certificate.
    pub(crate) fn wrong(&self, error: &KeyError) -> InputError {
        wrong(&self.path, error)
    }
}

/// A statement about files in memory, which verifiers compare with a folder of the same.
pub(crate) fn statement_of(name: &str, files: &[PackageFile]) -> Statement {
    let digests = files.iter().map(|file| (file.path.clone(), Digest::of(&file.content)));
    let ignored = [SIGNATURE].into_iter().chain(IGNORED).map(str::to_owned).collect();
    Statement::new(name.to_owned(), digests.collect(), ignored)
}

fn wrong(path: &Path, error: &KeyError) -> InputError {
    InputError(format!("{}: {error}", path.display()))
}

fn identity(paths: &[PathBuf]) -> Result<Identity> {
    if paths.is_empty() {
        return Ok(Identity::Key);
    }
    let mut text = String::new();
    for path in paths {
        text += &read_text(path)?;
        text.push('\n');
    }
    let certificates = Certificates::from_pem(&text);
    let first = paths.first().map_or(Path::new(""), PathBuf::as_path);
    Ok(Identity::Certificates(certificates.map_err(|error| wrong(first, &error))?))
}

/// A folder that is what it should be.
struct Signable {
    folder: PathBuf,
    name: String,
    version: String,
}

impl Signable {
    /// Nobody signs what no host would load: a package is verified, a baked model checked.
    fn find(path: &str) -> Result<Self> {
        let model = Model::named(path)?;
        match &model {
            Model::Baked(baked) => {
                baked.check().with_context(|| format!("the model {model}"))?;
                let record = baked.record();
                let (name, version) = (record.name.clone(), record.version.clone());
                Ok(Self { folder: baked.folder().to_owned(), name, version })
            }
            Model::Package(folder) if folder.is_dir() => {
                let contents = model.contents().with_context(|| format!("the model {model}"))?;
                let package = Package::verify(contents.files, &Limits::DEFAULT)
                    .map_err(|error| HostError::Store(error.into()))
                    .with_context(|| format!("the model {model}"))?;
                let manifest = package.manifest();
                let (name, version) = (manifest.name.clone(), manifest.version.clone());
                Ok(Self { folder: folder.clone(), name, version })
            }
            Model::Package(_) => Err(ModelError(format!(
                "{model} is an archive; sign the package's folder, and make the archive of it then"
            ))
            .into()),
            Model::Bundled(_) | Model::Remote(_) => Err(ModelError(format!(
                "{model} is part of this program; give a package's folder or a baked model's"
            ))
            .into()),
        }
    }
}

/// The digests of a folder's files. Hidden ones are left out, as hosts leave them out.
pub(crate) fn statement(folder: &Path, name: &str) -> Result<Statement> {
    let listing = store::list(folder, &Limits::DEFAULT).map_err(HostError::from)?;
    let mut files = BTreeMap::new();
    for file in listing.files {
        if file.path == SIGNATURE {
            continue;
        }
        let digest = File::open(&file.on_disk).and_then(Digest::of_reader);
        files.insert(file.path, digest.with_context(|| file.on_disk.display().to_string())?);
    }
    let mut ignored: Vec<_> = [SIGNATURE].into_iter().chain(IGNORED).map(str::to_owned).collect();
    ignored.extend(listing.hidden.into_iter().filter(|path| !IGNORED.contains(&path.as_str())));
    Ok(Statement::new(name.to_owned(), files, ignored))
}

/// Writes to a temporary file beside `path` and renames it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
