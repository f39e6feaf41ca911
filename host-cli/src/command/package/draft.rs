//! A package that is being made: its manifest, files and reference cases.

use std::path::Path;

use anyhow::{Context, Result};
use model_package::{
    Digest, FileEntry, GRAPH, MANIFEST, Manifest, PackageFile, ReferenceCase, ReferenceCases, Role,
    Task,
};

const CASES: &str = "reference-cases.json";

/// A package before it is sealed.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) manifest: Manifest,
    pub(super) cases: Vec<ReferenceCase>,
    files: Vec<PackageFile>,
}

impl Draft {
    /// A package around a graph.
    pub(super) fn new(task: Task, onnx: Vec<u8>) -> Self {
        let manifest = Manifest { task, ..Manifest::of_graph("model", &onnx) };
        let files = vec![PackageFile { path: GRAPH.into(), content: onnx }];
        Self { manifest, cases: Vec::new(), files }
    }

    /// Adds a file.
    pub(super) fn add(&mut self, path: &str, role: Role, content: Vec<u8>) {
        self.manifest.files.push(FileEntry {
            path: path.into(),
            role,
            size: content.len() as u64,
            sha256: Digest::of(&content),
        });
        self.files.push(PackageFile { path: path.into(), content });
    }

    /// All files, the manifest among them.
    pub(super) fn finish(mut self) -> Result<Vec<PackageFile>> {
        if !self.cases.is_empty() {
            let cases = ReferenceCases { cases: std::mem::take(&mut self.cases) };
            self.add(CASES, Role::ReferenceCases, serde_json::to_vec_pretty(&cases)?);
        }
        let mut text = serde_json::to_vec_pretty(&self.manifest)?;
        text.push(b'\n');
        self.files.push(PackageFile { path: MANIFEST.into(), content: text });
        Ok(self.files)
    }
}

/// Writes the files of a package into a folder.
pub(in crate::command) fn write(files: &[PackageFile], folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        std::fs::write(&path, &file.content).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
