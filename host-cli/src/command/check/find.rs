//! Which models lie in the given paths, and the test data beside each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::failure::InputError;

/// Folders in folders. Links may make a circle.
const MAX_DEPTH: usize = 32;

/// A model and its test data.
#[derive(Debug)]
pub(super) struct Model {
    /// The folder that it lies in, below the given path.
    pub(super) name: String,
    /// The ONNX file.
    pub(super) path: PathBuf,
    /// The folders with `input_I.pb` and `output_I.pb`.
    pub(super) data: Vec<PathBuf>,
}

/// The models in files and folders, in the order of the paths and then of their names.
pub(super) fn models(paths: &[PathBuf]) -> Result<Vec<Model>> {
    let mut models = Vec::new();
    for path in paths {
        let before = models.len();
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        if path.is_dir() {
            collect(path, &name_of(&absolute), "", 0, &mut models)?;
        } else if path.is_file() {
            let folder = path.parent().unwrap_or(Path::new("."));
            let parent = absolute.parent().map(name_of).unwrap_or_default();
            let name = if is_usual(path) { parent } else { stem(path) };
            models.push(Model { name, path: path.clone(), data: data_of(folder, path)? });
        } else {
            let message = format!("{}: neither a file nor a folder", path.display());
            return Err(InputError(message).into());
        }
        if models.len() == before {
            let message = format!(
                "{}: no model in it; expected folders with model.onnx and test_data_set_0, or a file",
                path.display()
            );
            return Err(InputError(message).into());
        }
    }
    Ok(models)
}

/// Appends the models of a folder and of those below it. `top` is what the folder is called if it
/// is the given one itself, `below` its path below that.
fn collect(
    folder: &Path,
    top: &str,
    below: &str,
    depth: usize,
    models: &mut Vec<Model>,
) -> Result<()> {
    let entries = entries(folder)?;
    let is_model = |path: &PathBuf| path.is_file() && has_extension(path, "onnx");
    let graphs: Vec<_> = entries.iter().filter(|path| is_model(path)).collect();
    for path in &graphs {
        let own = if below.is_empty() { top } else { below };
        let name = match below {
            _ if graphs.len() == 1 || is_usual(path) => own.to_owned(),
            "" => stem(path),
            _ => format!("{below}/{}", stem(path)),
        };
        models.push(Model { name, path: (*path).clone(), data: data_of(folder, path)? });
    }
    for path in entries.iter().filter(|path| path.is_dir() && depth < MAX_DEPTH) {
        let name = name_of(path);
        if name.starts_with('.') || name.starts_with("test_data_set_") {
            continue;
        }
        let below = if below.is_empty() { name } else { format!("{below}/{name}") };
        collect(path, top, &below, depth + 1, models)?;
    }
    Ok(())
}

/// The folders with test data of a model: beside it, in a folder of its name, or the files
/// themselves beside it.
fn data_of(folder: &Path, model: &Path) -> Result<Vec<PathBuf>> {
    for place in [folder.join(stem(model)), folder.to_owned()] {
        if !place.is_dir() {
            continue;
        }
        let number = |path: &PathBuf| {
            name_of(path)
                .strip_prefix("test_data_set_")
                .and_then(|number| number.parse::<u32>().ok())
        };
        let mut sets: Vec<_> = entries(&place)?
            .into_iter()
            .filter(|path| path.is_dir())
            .filter_map(|path| Some((number(&path)?, path)))
            .collect();
        sets.sort();
        if !sets.is_empty() {
            return Ok(sets.into_iter().map(|(_, path)| path).collect());
        }
        if place.join("output_0.pb").is_file() {
            return Ok(vec![place]);
        }
    }
    Ok(Vec::new())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut paths = read()
        .map_err(|error| InputError(format!("can't be read: {error}")))
        .with_context(|| folder.display().to_string())?;
    paths.sort();
    Ok(paths)
}

/// Whether a file has the name that the layout gives to models.
fn is_usual(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "model.onnx")
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
