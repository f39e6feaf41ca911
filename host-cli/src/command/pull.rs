//! `pull`: a package out of a store, into a folder.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use model_package::store::Contents;
use model_package::{Limits, Package, SIGNATURE};
use model_store::Held;
use predictor_host::{HostError, check_package};

use crate::args::{Pull, Settings};
use crate::failure::InputError;
use crate::remote::OpenStore;
use crate::trust::Origin;

pub(crate) fn run(settings: &Settings, arguments: &Pull) -> Result<ExitCode> {
    let place = &arguments.model.place;
    let policy = OpenStore::policy(settings, place)?;
    let open = OpenStore::for_reading(settings, place)?;
    let fetched = open.fetch(&arguments.model)?;
    let decrypted = matches!(fetched.held, Held::Memory(_));
    let contents = fetched.held.contents().map_err(HostError::from)?;
    // The cache is the user's own, and still: what is handed out was looked at now.
    let trusted = check_package(&policy, &contents)?;
    let package = Package::verify(contents.files.clone(), &Limits::DEFAULT)
        .map_err(|error| HostError::Store(error.into()))?;
    let manifest = package.manifest();
    let default = || PathBuf::from(format!("{}-{}", manifest.name, manifest.version));
    let folder = arguments.output.clone().unwrap_or_else(default);
    write(&contents, &folder)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{} {}, {}", manifest.name, manifest.version, package.digest())?;
    writeln!(out, "{}", Origin::Trusted(trusted))?;
    if decrypted {
        writeln!(out, "it was encrypted, and lies there in plain text now")?;
    }
    writeln!(out, "{}", folder.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes into a folder that has nothing in it.
fn write(contents: &Contents, to: &Path) -> Result<()> {
    let shown = to.display();
    if to.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{shown} is not empty; name another folder with --output");
        return Err(InputError(message).into());
    }
    let files = contents.files.iter().map(|file| (file.path.as_str(), &file.content));
    let signature = contents.signature.iter().map(|signature| (SIGNATURE, signature));
    for (path, content) in files.chain(signature) {
        let target = to.join(path);
        let parent = target.parent().unwrap_or(to);
        std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        std::fs::write(&target, content).with_context(|| target.display().to_string())?;
    }
    Ok(())
}
