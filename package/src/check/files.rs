//! The rules for a package's files and their paths.

use super::{Checked, fail, names};
use crate::{FileEntry, Limits, MANIFEST, PackageError, Role};

/// Checks the list of files: paths, sizes and roles.
pub(super) fn check(files: &[FileEntry], limits: &Limits) -> Checked {
    if files.len() >= limits.files {
        return Err(PackageError::TooManyFiles { limit: limits.files });
    }
    let mut total = 0_u64;
    for (index, file) in files.iter().enumerate() {
        path(&file.path, limits)?;
        if file.path == MANIFEST {
            return fail(format!("files[{index}].path"), "the manifest does not list itself");
        }
        total = total.saturating_add(file.size);
        if file.size > limits.file_bytes {
            let (found, limit) = (file.size, limits.file_bytes);
            return Err(PackageError::TooLarge { file: file.path.clone(), found, limit });
        }
    }
    if total > limits.package_bytes {
        let (found, limit) = (total, limits.package_bytes);
        return Err(PackageError::TooLarge { file: "the package".into(), found, limit });
    }
    names(
        |i| format!("files[{i}].path"),
        files.iter().map(|f| f.path.as_str()),
        limits.files,
        limits,
    )?;
    if with(files, Role::ReferenceCases) > 1 {
        return fail("files", "more than one file of role reference-cases");
    }
    Ok(())
}

/// Checks that there is one graph, and nothing of an ensemble.
pub(super) fn graph(files: &[FileEntry]) -> Checked {
    match (with(files, Role::Graph), with(files, Role::Member)) {
        (1, 0) => Ok(()),
        (1, _) => fail("files", "a file of role member, but there is no ensemble"),
        (found, _) => fail("files", format!("expected one file of role graph, found {found}")),
    }
}

fn with(files: &[FileEntry], role: Role) -> usize {
    files.iter().filter(|file| file.role == role).count()
}

/// A path is relative, in one spelling only, and stays inside the package. No part begins with a
/// dot: such files are hidden, and the reader of directories passes over them.
pub(crate) fn path(path: &str, limits: &Limits) -> Checked {
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.');
    let bad_char = |c: char| c.is_control() || matches!(c, '\\' | ':');
    if path.len() > limits.name_bytes || path.contains(bad_char) || path.split('/').any(bad_part) {
        return Err(PackageError::Path { path: path.chars().take(120).collect() });
    }
    Ok(())
}
