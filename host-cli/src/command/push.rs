//! `push`: a package into a store, data first and the version's pointer last.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use bytes::Bytes;
use model_package::store::{self, Contents};
use model_package::{Digest, Limits, MANIFEST, Package, SIGNATURE};
use model_signing::TrustPolicy;
use model_store::{Sealing, Sent, Upload};
use predictor_host::{Bake, HostError, WASMTIME};

use crate::args::{Push, Settings};
use crate::command::bake::Steps;
use crate::command::sign::{self, Signing};
use crate::failure::InputError;
use crate::model::Model;
use crate::progress::Progress;
use crate::remote::OpenStore;
use crate::trust::Trust;
use crate::{embedded, runtime};

/// An object that is to be written.
struct Object {
    key: String,
    bytes: Bytes,
}

pub(crate) fn run(settings: &Settings, arguments: &Push) -> Result<ExitCode> {
    let model = Model::named(&arguments.model)?;
    let signing = arguments.sign.as_ref();
    let signing = signing.map(|key| Signing::read(key, &arguments.certificate)).transpose()?;
    let contents = model.contents().with_context(|| format!("the model {model}"))?;
    let package = Package::verify(contents.files.clone(), &Limits::DEFAULT)
        .map_err(|error| HostError::Store(error.into()))
        .with_context(|| format!("the model {model}"))?;
    let manifest = package.manifest();
    let (name, version, digest) = (&manifest.name, &manifest.version, package.digest());
    if *name != arguments.place.model {
        return Err(InputError(format!(
            "{}: the model is called {name}, and its place has to end with that",
            arguments.place
        ))
        .into());
    }
    let contents = signed(contents, signing.as_ref(), name, arguments)?;

    // Nothing is read of what is there but sizes and digests.
    let trust = Trust::from_settings(settings)?.policy().or_else(|| {
        let key = &signing.as_ref()?.key;
        TrustPolicy::parse(&key.public().to_pem()).ok()
    });
    let nobody = || TrustPolicy::parse(r#"{"format": "samebits-trust/1", "rules": []}"#);
    let trust = trust.map_or_else(nobody, Ok).context("a policy")?;
    let open = OpenStore::open(settings, &arguments.place, trust, None)?;
    let (kms_key, patience) = (arguments.kms.as_deref(), open.patience);
    let upload = Upload { store: &open.store, kms_key, patience };
    let sealing = sealing(&open, &upload, arguments.encrypt.as_deref(), version, &digest)?;
    let mut objects = Vec::new();
    if let Some((file, bytes)) = sealing.as_ref().map(Sealing::document) {
        let key = arguments.place.package_key(&digest, file);
        objects.push(Object { key, bytes: bytes.into() });
    }
    // Data first: whoever finds the manifest finds all of it.
    let Contents { files, signature } = contents;
    let signature = signature.map(|signature| (SIGNATURE.to_owned(), signature));
    let files = files.into_iter().map(|file| (file.path, file.content));
    let mut files: Vec<_> = files.chain(signature).collect();
    files.sort_by_key(|(path, _)| path == MANIFEST);
    for (path, content) in files {
        let key = arguments.place.package_key(&digest, &path);
        let content = match &sealing {
            Some(sealing) => sealing.seal(&path, content)?,
            None => content,
        };
        objects.push(Object { key, bytes: content.into() });
    }
    if !arguments.bake.is_empty() {
        objects.extend(baked(settings, arguments, &model, signing.as_ref())?);
    }
    let written = if arguments.dry_run {
        would_write(&open, &upload, &objects)?
    } else {
        let written = write(&open, &upload, &objects)?;
        open.runtime.block_on(upload.version(version, digest))?;
        written
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{name} {version}, {digest}")?;
    let verb = if arguments.dry_run { "would be written" } else { "written" };
    if let Some(sealing) = &sealing {
        writeln!(out, "encrypted with a data key of {}", sealing.kms_key())?;
    }
    writeln!(out, "{written} objects {verb}, {} there already", objects.len() - written)?;
    writeln!(out, "{}@{version}", arguments.place)?;
    Ok(ExitCode::SUCCESS)
}

/// What encrypts the package, if that is wanted; of a package that lies there, as it lies there.
fn sealing(
    open: &OpenStore,
    upload: &Upload<'_>,
    kms_key: Option<&str>,
    version: &str,
    package: &Digest,
) -> Result<Option<Sealing>> {
    let Some(kms_key) = kms_key else {
        open.runtime.block_on(upload.in_plain_text(package))?;
        return Ok(None);
    };
    Ok(Some(open.runtime.block_on(upload.sealing(kms_key, version, package))?))
}

/// The package with the signature that it is to have.
fn signed(
    contents: Contents,
    signing: Option<&Signing>,
    name: &str,
    arguments: &Push,
) -> Result<Contents> {
    if let Some(signing) = signing {
        let signature = signing.sign(&sign::statement_of(name, &contents.files))?;
        return Ok(Contents { signature: Some(signature), ..contents });
    }
    if contents.signature.is_none() && !arguments.unsigned {
        return Err(InputError(format!(
            "{} is not signed, and hosts refuse unsigned models from a store; sign it with --sign \
             KEY, or say --unsigned if their policy accepts that",
            arguments.model
        ))
        .into());
    }
    Ok(contents)
}

/// The baked model's files, its signature last: who finds that finds all of them.
fn baked(
    settings: &Settings,
    arguments: &Push,
    model: &Model,
    signing: Option<&Signing>,
) -> Result<Vec<Object>> {
    let signing = signing.context("a baked model is signed")?;
    let mut steps = Steps::default();
    let bake = Bake::new(
        embedded::component(),
        model.contents()?.files,
        runtime::limits(settings),
        &runtime::cache(settings)?,
        |step| steps.begin(step),
    );
    let bake = bake.with_context(|| format!("the model {model}"))?;
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let baked = bake.write(folder.path(), &arguments.bake, |step| steps.begin(step))?;
    steps.end();
    let record = baked.record();
    let key =
        |file: &str| arguments.place.baked_key(&record.package, &record.component, WASMTIME, file);
    let mut objects = Vec::new();
    for found in store::list(folder.path(), &Limits::DEFAULT).map_err(HostError::from)?.files {
        let bytes = std::fs::read(&found.on_disk);
        let bytes = bytes.with_context(|| found.on_disk.display().to_string())?;
        objects.push(Object { key: key(&found.path), bytes: bytes.into() });
    }
    let signature = signing.sign(&sign::statement(folder.path(), &record.name)?)?;
    objects.push(Object { key: key(SIGNATURE), bytes: signature.into() });
    Ok(objects)
}

fn would_write(open: &OpenStore, upload: &Upload<'_>, objects: &[Object]) -> Result<usize> {
    let mut out = io::stdout().lock();
    let mut written = 0;
    for Object { key, bytes } in objects {
        let there = open.runtime.block_on(upload.is_there(key, bytes))?;
        let what = if there { "there" } else { "new" };
        written += usize::from(!there);
        writeln!(out, "{what:<5} {:>12} bytes  {key}", bytes.len())?;
    }
    Ok(written)
}

fn write(open: &OpenStore, upload: &Upload<'_>, objects: &[Object]) -> Result<usize> {
    let total = objects.iter().map(|object| object.bytes.len() as u64).sum();
    let progress = Progress::of_bytes(format!("writing to {}", open.store.place()), total);
    let mut written = 0;
    for Object { key, bytes } in objects {
        let sent = open.runtime.block_on(upload.immutable(key, bytes))?;
        written += usize::from(sent == Sent::Written);
        progress.more(bytes.len() as u64);
    }
    progress.finish("written");
    Ok(written)
}
