//! Baking: loads a package into an instance, and makes a component of what that instance has become.
//!
//! The new component has the same exports and no `load` to wait for. Which bytes come out depends on
//! the component and the package alone, so a baked model has one digest wherever it was baked.

use std::path::Path;

use model_package::{Digest, Limits, Manifest, PackageFile, Role};
use wasmtime_wizer::Wizer;

use crate::baked::{COMPONENT, FORMAT, RECORD, Record, TargetCode, code_path, kept_path};
use crate::engine::WASMTIME;
use crate::snapshot::Loaded;
use crate::{Baked, Cache, Engine, HostError, Interruption, SandboxLimits, Target};
use crate::{compiled, snapshot};

/// A model in a component.
#[derive(Clone, Debug)]
pub struct Bake {
    bytes: Vec<u8>,
    record: Record,
    /// Files of the package that hosts read: path and content.
    kept: Vec<PackageFile>,
}

/// What baking is about to do; both take seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Compiling the component that the model is loaded into. Needed once for a component.
    Preparing,
    /// Compiling for a target.
    Compiling(&'a Target),
}

impl Bake {
    /// Loads a package into the component and makes a component of the two.
    ///
    /// # Errors
    /// If the package or its graph is at fault, or the sandbox stops.
    pub fn new(
        component: &[u8],
        mut files: Vec<PackageFile>,
        limits: SandboxLimits,
        cache: &Cache,
        mut on_step: impl FnMut(Step<'_>),
    ) -> Result<Self, HostError> {
        let refused = |error: wasmtime::Error| HostError::Engine { message: format!("{error:#}") };
        let wizer = Wizer::new();
        let (context, instrumented) = wizer.instrument_component(component).map_err(refused)?;
        let digest = Digest::of(&instrumented);
        let engine = Engine::new(Interruption::None)?;
        let instrumented =
            cache.load(&engine, &instrumented, digest, || on_step(Step::Preparing))?;

        let text = files.iter().find(|file| file.path == model_package::MANIFEST);
        let text = text.map(|file| file.content.clone()).unwrap_or_default();
        let manifest = Manifest::parse(&text, &Limits::DEFAULT)
            .map_err(|error| HostError::Store(error.into()))?;
        let kept = manifest.file(Role::ReferenceCases).map(|entry| &entry.path);
        let kept = files.iter().filter(|file| Some(&file.path) == kept).cloned().collect();

        // The order of files shows in where things lie in memory, and so in the digest.
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let files: Vec<_> = files.into_iter().map(Into::into).collect();
        let mut loaded = Loaded::new(&instrumented, &files, limits)?;
        drop(files);
        let bytes = snapshot::take(&mut loaded, &wizer, &context).map_err(refused)?;
        // Only now: asking leaves traces in memory.
        let description = loaded.sandbox.describe()?;
        let record = Record {
            format: FORMAT.into(),
            name: manifest.name,
            version: manifest.version,
            package: Digest::of(&text),
            component: Digest::of(component),
            baked: Digest::of(&bytes),
            wasmtime: WASMTIME.into(),
            // Work that can't be counted before a call is bounded by a deadline.
            interruptible: description.operations.is_none(),
            code: Vec::new(),
        };
        Ok(Self { bytes, record, kept })
    }

    /// The component with the model in it.
    #[must_use]
    pub fn component(&self) -> &[u8] {
        &self.bytes
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// The model's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.record.version
    }

    /// Compiles for the targets and writes everything into `folder`.
    ///
    /// # Errors
    /// If a target is not known, or the folder can't be written.
    pub fn write(
        mut self,
        folder: &Path,
        targets: &[Target],
        mut on_step: impl FnMut(Step<'_>),
    ) -> Result<Baked, HostError> {
        std::fs::create_dir_all(folder).map_err(compiled::io(folder))?;
        compiled::write_whole(&folder.join(COMPONENT), &self.bytes)?;
        for file in &self.kept {
            let path = kept_path(folder, &file.path);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(compiled::io(parent))?;
            compiled::write_whole(&path, &file.content)?;
        }
        let interruption = self.record.interruption();
        for (index, target) in targets.iter().enumerate() {
            if targets.iter().take(index).any(|earlier| earlier == target) {
                continue;
            }
            on_step(Step::Compiling(target));
            let code = Engine::for_target(interruption, target)?.compile(&self.bytes)?;
            let code = compiled::write_code(&code_path(folder, target.triple()), &code)?;
            self.record.code.push(TargetCode::new(target, code));
        }
        // The record comes last: a folder without one is no baked model.
        compiled::write_json(&folder.join(RECORD), &self.record)?;
        Baked::open(folder)
    }
}
