//! `seal`: writes what the component answers into a package, and the digests that follow from it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use model_package::{Digest, Limits, MANIFEST, Manifest, PackageFile, Role, store};
use predictor_host::{HostError, reference};
use serde::Serialize;

use crate::args::{Seal, Settings};
use crate::runtime;

pub(crate) fn run(settings: &Settings, arguments: &Seal) -> Result<ExitCode> {
    seal(settings, &arguments.package)
}

/// Seals the package in a folder.
pub(crate) fn seal(settings: &Settings, folder: &Path) -> Result<ExitCode> {
    let limits = Limits::DEFAULT;
    let mut files =
        store::read(folder, &limits).map_err(HostError::from).with_context(|| shown(folder))?;
    let manifest = files.iter().find(|file| file.path == MANIFEST);
    let manifest = manifest.with_context(|| format!("{} has no {MANIFEST}", shown(folder)))?;
    let mut manifest = Manifest::parse(&manifest.content, &limits)
        .map_err(|error| HostError::Store(error.into()))?;

    // Files may have changed since the manifest was written: that is what sealing is for.
    restate(&mut manifest, &mut files)?;
    let predictor = runtime::load_files(settings, files.clone())?;
    let mut cases = reference::cases(&predictor)?;
    let answers = reference::answer(&predictor, &cases.cases)?;
    for (case, answer) in cases.cases.iter_mut().zip(answers) {
        case.expected = Some(answer);
    }
    if let Some(entry) = manifest.file(Role::ReferenceCases) {
        replace(&mut files, &entry.path.clone(), pretty(&cases)?)?;
    }
    restate(&mut manifest, &mut files)?;

    // Read it once more as any host would, before anything on disk changes.
    let sealed = runtime::load_files(settings, files.clone())?;
    for file in &files {
        let path = folder.join(&file.path);
        let unchanged = std::fs::read(&path).is_ok_and(|old| old == file.content);
        if !unchanged {
            std::fs::write(&path, &file.content).with_context(|| shown(&path))?;
        }
    }
    let description = sealed.description();
    let (name, version, package) = (&description.name, &description.version, &description.package);
    let mut out = io::stdout().lock();
    writeln!(out, "{name} {version}, {package}")?;
    writeln!(out, "component {}", sealed.component().digest())?;
    writeln!(out, "{} reference cases sealed", cases.cases.len())?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the manifest say what the files are, and puts it among them.
fn restate(manifest: &mut Manifest, files: &mut [PackageFile]) -> Result<()> {
    for entry in &mut manifest.files {
        let file = files.iter().find(|file| file.path == entry.path);
        let file =
            file.with_context(|| format!("{} is named in {MANIFEST}, but missing", entry.path))?;
        entry.size = file.content.len() as u64;
        entry.sha256 = Digest::of(&file.content);
    }
    replace(files, MANIFEST, pretty(manifest)?)
}

fn replace(files: &mut [PackageFile], path: &str, content: Vec<u8>) -> Result<()> {
    let Some(file) = files.iter_mut().find(|file| file.path == path) else {
        bail!("{path} is missing");
    };
    file.content = content;
    Ok(())
}

fn pretty(document: &impl Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(document)?;
    text.push(b'\n');
    Ok(text)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
