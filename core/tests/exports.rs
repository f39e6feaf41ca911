//! Models exported by the libraries that people train with, and single operators of `ai.onnx.ml`,
//! against the answers that ONNX Runtime gave. See `exports/README.md`.

use std::path::{Path, PathBuf};

use inference_core::TensorType;
use inference_core::graph::Graph;

use crate::support::exported::{Case, Tolerance, difference, slice};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-5 };

/// Every folder that has a model, in the fixtures or where `EXPORTS` says.
fn folders() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports/fixtures");
    let root = std::env::var_os("EXPORTS").map_or(fixtures, PathBuf::from);
    let entries = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.join("model.onnx").is_file()).collect();
    folders.sort();
    folders
}

fn check(folder: &Path) -> Result<(), String> {
    let case = Case::read(folder);
    let graph = Graph::load(&case.model).map_err(|error| error.to_string())?;
    let outputs = graph.run(case.inputs).map_err(|error| error.to_string())?;
    difference(&graph, &outputs, &case.outputs, TOLERANCE).map_or(Ok(()), Err)
}

/// Rows by themselves have the bits that they have together.
fn check_rows(folder: &Path) -> Result<(), String> {
    let case = Case::read(folder);
    let graph = Graph::load(&case.model).map_err(|error| error.to_string())?;
    let count = case.inputs.first().and_then(|input| input.shape.first()).copied().unwrap_or(0);
    let open = |declared: &TensorType| {
        declared.shape.first().is_some_and(|extent| extent.parse::<usize>().is_err())
    };
    if count < 2 || !graph.inputs().iter().chain(graph.outputs()).all(open) {
        return Ok(());
    }
    let together = graph.run(case.inputs.clone()).map_err(|error| error.to_string())?;
    for row in 0..count {
        let inputs = case.inputs.iter().map(|input| slice(input, row, count)).collect();
        // Some graphs take no single row: texts padded to the longest of the batch, for one.
        let Ok(alone) = graph.run(inputs) else { return Ok(()) };
        for (alone, together) in alone.iter().zip(&together) {
            if together.shape.first() == Some(&count) && *alone != slice(together, row, count) {
                return Err(format!("row {row} of {} depends on the batch", alone.name));
            }
        }
    }
    Ok(())
}

#[test]
fn a_row_has_the_same_bits_in_every_batch() {
    each(check_rows);
}

#[test]
fn answers_are_those_of_onnx_runtime() {
    each(check);
}

fn each(check: impl Fn(&Path) -> Result<(), String> + std::panic::RefUnwindSafe) {
    let folders = folders();
    assert!(folders.len() > 100, "found {} cases", folders.len());
    let problems: Vec<_> = folders
        .iter()
        .filter_map(|folder| {
            let name = folder.file_name().unwrap().display().to_string();
            let checked = std::panic::catch_unwind(|| check(folder));
            let checked = checked.unwrap_or_else(|_| Err("it panicked".into()));
            checked.err().map(|problem| format!("{name}: {problem}"))
        })
        .collect();
    let (bad, all) = (problems.len(), folders.len());
    assert!(problems.is_empty(), "{bad} of {all} cases differ:\n{}", problems.join("\n"));
}
