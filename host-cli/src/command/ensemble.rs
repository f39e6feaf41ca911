//! `ensemble`: several packages become one, whose answer is made of theirs.
//!
//! What the members agree on is written into the ensemble's manifest; of what they do not agree on the
//! user is told. Whether they fit is for the component to say, as with any package.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use model_package::{
    Digest, Ensemble, FileEntry, MANIFEST, Manifest, Member, PackageFile, ReferenceCase,
    ReferenceCases, Role,
};
use predictor_host::{HostError, reference};

use crate::args::{self, Settings};
use crate::failure::ModelError;
use crate::runtime;
use crate::trust::Trust;

mod fields;
mod manifest;
mod part;

use part::Part;

const CASES: &str = "reference-cases.json";
/// Most reference cases that are taken from a member.
const MOST_CASES: usize = 32;

pub(crate) fn run(settings: &Settings, arguments: &args::Ensemble) -> Result<ExitCode> {
    let target = arguments.output.as_path();
    if target.join(MANIFEST).exists() {
        let message =
            format!("{} is a package already; name another with --output", target.display());
        return Err(ModelError(message).into());
    }
    let trust = Trust::from_settings(settings)?;
    let read = |name: &String| Part::read(settings, &trust, name);
    let mut members = arguments.models.iter().map(read).collect::<Result<Vec<_>>>()?;
    let stacker = arguments.with.as_ref().map(read).transpose()?;
    let mut notes = part::name_apart(&mut members);
    let ensemble = declared(arguments, &members, stacker.as_ref())?;

    let mut manifest =
        manifest::draft(arguments, ensemble, &members, stacker.as_ref(), &mut notes)?;
    let candidates = cases(&manifest, &members)?;
    let mut files = Vec::new();
    for part in members.into_iter().chain(stacker) {
        let folder = Ensemble::folder(&part.name);
        for PackageFile { path, content } in part.files {
            add(&mut manifest, &mut files, format!("{folder}{path}"), Role::Member, content);
        }
    }
    let cases = answerable(settings, &manifest, &files, candidates)?;
    if cases.is_empty() {
        notes.push(format!(
            "no reference case of a member fits; write some into {CASES}, name it in {MANIFEST}, \
             and run host-cli seal"
        ));
    } else {
        let content = serde_json::to_vec_pretty(&ReferenceCases { cases })?;
        add(&mut manifest, &mut files, CASES.into(), Role::ReferenceCases, content);
    }
    files.push(file_of(&manifest)?);
    super::package::draft::write(&files, target)?;
    writeln!(io::stdout().lock(), "{}", target.display())?;
    let sealed = super::seal::seal(settings, target)?;
    for note in notes {
        anstream::eprintln!("note: {note}");
    }
    Ok(sealed)
}

/// The section of the manifest that says what the ensemble is made of.
fn declared(
    arguments: &args::Ensemble,
    members: &[Part],
    stacker: Option<&Part>,
) -> Result<Ensemble> {
    let given = arguments.weights.len();
    if given > 0 && given != members.len() {
        let expected = members.len();
        let message = format!("--weights has {given} numbers, expected {expected}, one a member");
        return Err(ModelError(message).into());
    }
    let mut weights = arguments.weights.iter().copied();
    let member = |part: &Part| Member { name: part.name.clone(), weight: weights.next() };
    Ok(Ensemble {
        members: members.iter().map(member).collect(),
        combine: arguments.combine.combine(),
        stacker: stacker.map(|part| part.name.clone()),
    })
}

fn add(
    manifest: &mut Manifest,
    files: &mut Vec<PackageFile>,
    path: String,
    role: Role,
    content: Vec<u8>,
) {
    let (size, sha256) = (content.len() as u64, Digest::of(&content));
    manifest.files.push(FileEntry { path: path.clone(), role, size, sha256 });
    files.push(PackageFile { path, content });
}

fn file_of(manifest: &Manifest) -> Result<PackageFile> {
    let mut content = serde_json::to_vec_pretty(manifest)?;
    content.push(b'\n');
    Ok(PackageFile { path: MANIFEST.into(), content })
}

/// Inputs of the first member that has some with all that the ensemble needs, and nothing else.
fn cases(manifest: &Manifest, members: &[Part]) -> Result<Vec<ReferenceCase>> {
    let fields = &manifest.input.fields;
    let fits = |case: &ReferenceCase| {
        let needed = fields.iter().filter(|field| field.default.is_none() && !field.nullable);
        fields.is_empty()
            || needed.into_iter().all(|field| case.input.contains_key(&field.name))
                && case.input.keys().all(|key| fields.iter().any(|field| field.name == *key))
    };
    for member in members {
        let cases = member.cases()?.into_iter().filter(fits).take(MOST_CASES);
        let cases: Vec<_> = cases.map(|case| ReferenceCase { expected: None, ..case }).collect();
        if !cases.is_empty() {
            return Ok(cases);
        }
    }
    Ok(Vec::new())
}

/// Loads the ensemble, and keeps the cases that it answers: a member's may be an error for another.
fn answerable(
    settings: &Settings,
    manifest: &Manifest,
    files: &[PackageFile],
    cases: Vec<ReferenceCase>,
) -> Result<Vec<ReferenceCase>> {
    let mut files = files.to_vec();
    files.push(file_of(manifest)?);
    let predictor = runtime::load_files(settings, files)?;
    let mut kept = Vec::new();
    for case in cases {
        let outcomes = predictor.predict(&[reference::instance(&case)])?;
        let answered = |outcome: &Result<_, HostError>| outcome.is_ok();
        if outcomes.iter().all(answered) {
            kept.push(case);
        }
    }
    Ok(kept)
}
