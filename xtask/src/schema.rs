//! The JSON Schemas of a package's files, generated from the types that read them.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use model_package::{Manifest, ReferenceCases};
use schemars::{Schema, schema_for};

use crate::root;

/// Writes them.
pub(crate) fn write() -> Result<()> {
    for (path, text) in all()? {
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Fails if one is not what the types give.
pub(crate) fn check() -> Result<()> {
    for (path, text) in all()? {
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            bail!("{} is out of date; run `cargo xtask schema`", path.display());
        }
    }
    Ok(())
}

fn all() -> Result<[(PathBuf, String); 2]> {
    let docs = root().join("docs");
    Ok([
        (docs.join("manifest.schema.json"), text(schema_for!(Manifest))?),
        (docs.join("reference-cases.schema.json"), text(schema_for!(ReferenceCases))?),
    ])
}

fn text(schema: Schema) -> Result<String> {
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}
