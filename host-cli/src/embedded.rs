//! What the program carries with it: the component, and the project's own models.

use model_package::{Digest, Limits, MANIFEST, Manifest, PackageFile};

/// The files of a package: path and content.
type Files = &'static [(&'static str, &'static [u8])];

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The component's bytes.
pub(crate) fn component() -> &'static [u8] {
    COMPONENT
}

/// Their digest, computed when the program was built: hashing them takes longer than a prediction.
pub(crate) fn component_digest() -> Digest {
    COMPONENT_DIGEST.parse().unwrap_or_else(|_| Digest::of(component()))
}

/// The names of the bundled models, sorted.
pub(crate) fn model_names() -> impl Iterator<Item = &'static str> {
    BUNDLED.iter().map(|(name, _)| *name)
}

/// The files of a bundled model.
pub(crate) fn model(name: &str) -> Option<Vec<PackageFile>> {
    let (_, files) = BUNDLED.iter().find(|(known, _)| *known == name)?;
    let file = |(path, content): &(&str, &[u8])| PackageFile {
        path: (*path).to_owned(),
        content: content.to_vec(),
    };
    Some(files.iter().map(file).collect())
}

/// The manifest of a bundled model.
pub(crate) fn manifest(name: &str) -> Option<Manifest> {
    let (_, files) = BUNDLED.iter().find(|(known, _)| *known == name)?;
    let (_, content) = files.iter().find(|(path, _)| *path == MANIFEST)?;
    Manifest::parse(content, &Limits::DEFAULT).ok()
}
