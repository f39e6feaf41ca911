//! The rules of the format that types can't express. Each failure names the key in the manifest.

mod ensemble;
mod features;
mod fields;
mod files;
mod image;
mod input;
pub(crate) mod members;
mod output;
mod task;

use std::collections::BTreeMap;

use crate::{Limits, MANIFEST, Manifest, PackageError};

pub(crate) use files::path;

type Checked = Result<(), PackageError>;

/// Checks a whole manifest but its format, which decides how it is read.
pub(crate) fn manifest(manifest: &Manifest, limits: &Limits) -> Checked {
    model_name("name", &manifest.name)?;
    model_version(&manifest.version)?;
    files::check(&manifest.files, limits)?;
    fields::check(&manifest.input.fields, limits)?;
    if let Some(ensemble) = &manifest.ensemble {
        ensemble::check(manifest, ensemble, limits)?;
    } else {
        files::graph(&manifest.files)?;
        features::check(manifest, limits)?;
        input::check(manifest, limits)?;
    }
    output::check(manifest, limits)
}

fn fail(field: impl Into<String>, message: impl Into<String>) -> Checked {
    Err(PackageError::Value { file: MANIFEST.into(), field: field.into(), message: message.into() })
}

fn model_name(at: &str, name: &str) -> Checked {
    let good = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if good {
        return Ok(());
    }
    let found = name.chars().take(80).collect::<String>();
    fail(
        at,
        format!(
            "expected up to 64 lower-case letters, digits and hyphens, beginning with a letter, found {found:?}"
        ),
    )
}

fn model_version(version: &str) -> Checked {
    let (release, pre) = version.split_once('-').map_or((version, None), |(r, p)| (r, Some(p)));
    let number = |part: &str| {
        !part.is_empty()
            && part.len() <= 9
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let label = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let good = version.len() <= 64
        && release.split('.').count() == 3
        && release.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(label));
    if good {
        return Ok(());
    }
    let found = version.chars().take(80).collect::<String>();
    fail(
        "version",
        format!("expected MAJOR.MINOR.PATCH, as in 1.4.0 or 2.0.0-rc.1, found {found:?}"),
    )
}

/// A list of names: each short, not empty, and there once.
fn names<'a>(
    at: impl Fn(usize) -> String,
    names: impl Iterator<Item = &'a str>,
    limit: usize,
    limits: &Limits,
) -> Checked {
    let mut seen = BTreeMap::new();
    for (index, name) in names.enumerate() {
        if index >= limit {
            return fail(at(index), format!("more than {limit} entries"));
        }
        if name.is_empty() || name.len() > limits.name_bytes {
            let limit = limits.name_bytes;
            return fail(at(index), format!("expected 1 to {limit} bytes, found {}", name.len()));
        }
        if let Some(first) = seen.insert(name, index) {
            return fail(at(index), format!("{name:?} is there already, at index {first}"));
        }
    }
    Ok(())
}
