//! A package that goes into an ensemble: read and trusted as any model is.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use model_package::{Limits, MANIFEST, Manifest, PackageFile, ReferenceCase, ReferenceCases, Role};
use predictor_host::HostError;

use crate::args::Settings;
use crate::failure::ModelError;
use crate::model::Model;
use crate::trust::Trust;

/// A member or a stacker.
pub(super) struct Part {
    pub(super) name: String,
    pub(super) manifest: Manifest,
    pub(super) files: Vec<PackageFile>,
}

impl Part {
    /// Reads what a user named, with a name in front or without.
    pub(super) fn read(settings: &Settings, trust: &Trust, given: &str) -> Result<Self> {
        let (name, model) = named(given);
        let model = Model::of(settings, model)?;
        let context = || format!("the model {model}");
        let (files, _) = trust.files(&model).with_context(context)?;
        let text = files.iter().find(|file| file.path == MANIFEST);
        let text = text.ok_or_else(|| ModelError(format!("there is no {MANIFEST}")));
        let text = &text.with_context(context)?.content;
        let manifest = Manifest::parse(text, &Limits::DEFAULT)
            .map_err(|error| HostError::Store(error.into()))
            .with_context(context)?;
        let name = name.map_or_else(|| manifest.name.clone(), str::to_owned);
        Ok(Self { name, manifest, files })
    }

    /// Its reference cases.
    pub(super) fn cases(&self) -> Result<Vec<ReferenceCase>> {
        let entry = self.manifest.file(Role::ReferenceCases);
        let file = entry.and_then(|entry| self.files.iter().find(|it| it.path == entry.path));
        let Some(file) = file else { return Ok(Vec::new()) };
        let cases = ReferenceCases::parse(&file.path, &file.content, &Limits::DEFAULT);
        Ok(cases.map_err(|error| HostError::Store(error.into()))?.cases)
    }
}

/// `NAME=MODEL`, unless all of it is a path.
fn named(given: &str) -> (Option<&str>, &str) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match given.split_once('=') {
        Some((name, model)) if name.chars().all(plain) && !Path::new(given).exists() => {
            (Some(name), model)
        }
        _ => (None, given),
    }
}

/// Gives members of one name a number, and says so.
pub(super) fn name_apart(members: &mut [Part]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut notes = Vec::new();
    for part in members {
        let first = part.name.clone();
        let mut number = 2;
        while !taken.insert(part.name.clone()) {
            part.name = format!("{first}-{number}");
            number += 1;
        }
        if part.name != first {
            let name = &part.name;
            notes.push(format!("another member {first} is called {name}; NAME=MODEL names it"));
        }
    }
    notes
}
