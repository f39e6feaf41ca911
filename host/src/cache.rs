//! Compiled components by digest, in a folder of the user's.
//!
//! A file's name says which component it was compiled from and for which wasmtime, settings and
//! processor, so nothing ever has to be invalidated. Writers rename whole files into place; two
//! that compile the same at once write the same bytes.

use std::path::{Path, PathBuf};

use model_package::Digest;

use crate::{Engine, HostError, PredictorComponent, compiled};

/// A folder of compiled components.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// A cache in this folder, which is made when it is needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Takes the component from the cache, or compiles it into it; `on_compile` is called before
    /// that, since it takes seconds. A damaged entry is compiled anew.
    ///
    /// # Errors
    /// If the bytes are no predictor, or the folder can't be written.
    pub fn load(
        &self,
        engine: &Engine,
        bytes: &[u8],
        digest: Digest,
        on_compile: impl FnOnce(),
    ) -> Result<PredictorComponent, HostError> {
        let path = self.path(engine, digest);
        if let Ok(component) = PredictorComponent::map(engine, &path)
            && component.digest() == digest
        {
            return Ok(component);
        }
        on_compile();
        make_private(&self.folder)?;
        compiled::write(&path, digest, &engine.compile(bytes)?)?;
        PredictorComponent::map(engine, &path)
    }

    /// Copies the compiled component with this digest out of the cache, for [`PredictorComponent::map`].
    ///
    /// # Errors
    /// If it was not loaded before, or `to` can't be written.
    pub fn copy(&self, engine: &Engine, digest: Digest, to: &Path) -> Result<(), HostError> {
        compiled::copy(&self.path(engine, digest), to)
    }

    fn path(&self, engine: &Engine, digest: Digest) -> PathBuf {
        let component = digest.hex();
        self.folder.join(format!("{component}-{}.cwasm", engine.fingerprint()))
    }
}

/// Makes the folder, for its owner alone: what lies in it is run.
fn make_private(folder: &Path) -> Result<(), HostError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| HostError::Io { path: folder.into(), source })
}
