//! Models exported by the libraries that people train with, and single operators of `ai.onnx.ml`,
//! against the answers that ONNX Runtime gave. See `exports/README.md`.

use std::path::{Path, PathBuf};

use inference_core::graph::Graph;

use crate::support::exported::{Case, Tolerance, difference};

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

#[test]
fn answers_are_those_of_onnx_runtime() {
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
