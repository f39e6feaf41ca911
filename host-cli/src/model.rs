//! Which model is meant: a bundled one by its name, or a package by its path.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use model_package::store::{self, Contents};
use model_package::{Limits, MANIFEST, Manifest, Modality};
use model_store::{Held, ModelRef};
use predictor_host::{Baked, HostError};

use crate::args::Settings;
use crate::embedded;
use crate::failure::ModelError;
use crate::remote::{self, OpenStore};

/// Where a model comes from.
#[derive(Debug)]
pub(crate) enum Model {
    /// It is part of the program.
    Bundled(String),
    /// It lies in a folder or archive.
    Package(PathBuf),
    /// It was baked into a component.
    Baked(Box<Baked>),
    /// It came from a store, or from somewhere on the web.
    Remote(Remote),
}

/// A package that was brought to this machine.
#[derive(Debug)]
pub(crate) struct Remote {
    /// What the user called it.
    pub(crate) name: String,
    /// Where it is now.
    pub(crate) held: Held,
    /// Removes it in the end, where it is not in the cache.
    pub(crate) _temporary: Option<tempfile::TempPath>,
}

impl Model {
    /// The model that a user named, brought here if it is elsewhere.
    pub(crate) fn of(settings: &Settings, name: &str) -> Result<Self> {
        if Path::new(name).exists() {
            return Self::named(name);
        }
        match name.parse::<ModelRef>() {
            Ok(ModelRef::Path(_)) => Self::named(name),
            Ok(ModelRef::Url(url)) => Ok(Self::Remote(remote::archive(settings, &url)?)),
            Ok(ModelRef::Store(reference)) => {
                let store = OpenStore::for_reading(settings, &reference.place)?;
                let held = store.fetch(&reference)?.held;
                Ok(Self::Remote(Remote { name: name.to_owned(), held, _temporary: None }))
            }
            Err(error) => Err(ModelError(error.to_string()).into()),
        }
    }

    /// The model on this machine that a user named. A name that is also a path in this folder is the path, if a
    /// package lies there.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let path = Path::new(name);
        if Baked::is_at(path) {
            let baked = Baked::open(path).with_context(|| format!("the baked model {name}"))?;
            return Ok(Self::Baked(Box::new(baked)));
        }
        if let Some(folder) = package_in(path) {
            return Ok(Self::Package(folder));
        }
        if embedded::model_names().any(|known| known == name) {
            return Ok(Self::Bundled(name.to_owned()));
        }
        if path.is_file() {
            return Ok(Self::Package(path.to_owned()));
        }
        let known = known_names();
        let found = if path.is_dir() {
            format!("the folder {name} has no {MANIFEST}, so it is no package, nor is it baked")
        } else {
            format!("there is no model {name:?}: neither a package lies there, nor is it bundled")
        };
        Err(ModelError(format!("{found}; give a package's folder or archive, or one of: {known}"))
            .into())
    }

    /// The model of an input file that nobody named a model for: the one in whose folder the file
    /// lies, or else the only bundled one that takes such an input. Of several that take pictures,
    /// those for drawings stand back.
    pub(crate) fn for_input(input: &Path, modality: Modality) -> Result<Self> {
        let absolute = std::path::absolute(input).unwrap_or_else(|_| input.to_owned());
        if let Some(package) = absolute.ancestors().skip(1).take(4).find_map(package_in) {
            return Ok(Self::Package(package));
        }
        let mut fitting: Vec<_> = embedded::model_names()
            .filter_map(|name| Some((name, embedded::manifest(name)?)))
            .filter(|(_, manifest)| manifest.task.modality() == modality)
            .collect();
        if fitting.len() > 1 {
            let draws = |manifest: &Manifest| {
                manifest.input.image.as_ref().is_some_and(|image| image.ink.is_some())
            };
            fitting.retain(|(_, manifest)| !draws(manifest));
        }
        if let [(name, _)] = fitting.as_slice() {
            return Ok(Self::Bundled((*name).to_owned()));
        }
        let known = known_names();
        Err(ModelError(format!("which model? name one with --model, such as: {known}")).into())
    }

    /// The package's files, unverified, and its signature, unchecked.
    ///
    /// # Errors
    /// If they can't be read; a baked model has them no more.
    pub(crate) fn contents(&self) -> Result<Contents> {
        match self {
            Self::Bundled(name) => {
                let files = embedded::model(name).context("a bundled model has files")?;
                Ok(Contents { files, signature: None })
            }
            Self::Package(path) => {
                Ok(store::read_contents(path, &Limits::DEFAULT).map_err(HostError::from)?)
            }
            Self::Remote(remote) => Ok(remote.held.clone().contents().map_err(HostError::from)?),
            Self::Baked(_) => {
                Err(ModelError(format!("{self} is baked; give the package that it was baked from"))
                    .into())
            }
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled(name) => write!(f, "{name} (bundled)"),
            Self::Package(path) => write!(f, "{}", path.display()),
            Self::Remote(remote) => f.write_str(&remote.name),
            Self::Baked(baked) => write!(f, "{}", baked.folder().display()),
        }
    }
}

fn known_names() -> String {
    embedded::model_names().collect::<Vec<_>>().join(", ")
}

/// The package in a folder: the folder itself, or its `package` folder.
fn package_in(folder: &Path) -> Option<PathBuf> {
    let candidates = [folder.to_owned(), folder.join("package")];
    candidates.into_iter().find(|candidate| candidate.join(MANIFEST).is_file())
}
