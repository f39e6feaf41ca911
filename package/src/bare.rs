//! A package around a bare graph: the task is `tensors`, and nothing else is said.

use crate::{
    Digest, FORMAT, FileEntry, GraphSpec, InputSpec, MANIFEST, Manifest, OutputSpec, PackageFile,
    Role, Task,
};

/// The graph's path in a package that is made of a graph alone.
pub const GRAPH: &str = "model.onnx";

/// Characters of a package's name.
const NAME: usize = 64;

impl Manifest {
    /// Of a package that has this graph as its only file, at [`GRAPH`]. Its name is made of what the
    /// graph's file is called, so that every host makes the same package of the same file.
    #[must_use]
    pub fn of_graph(file: &str, onnx: &[u8]) -> Self {
        Self {
            format: FORMAT.into(),
            name: name(file),
            version: "1.0.0".into(),
            task: Task::Tensors,
            description: None,
            license: "NOASSERTION".into(),
            files: vec![FileEntry {
                path: GRAPH.into(),
                role: Role::Graph,
                size: onnx.len() as u64,
                sha256: Digest::of(onnx),
            }],
            ensemble: None,
            input: InputSpec::default(),
            features: Vec::new(),
            graph: GraphSpec::default(),
            output: OutputSpec::default(),
            decision: None,
            training: None,
        }
    }
}

impl PackageFile {
    /// The files of a package with nothing but a graph, from the file of this name.
    ///
    /// # Errors
    /// None that is known: a manifest is JSON.
    pub fn of_graph(file: &str, onnx: Vec<u8>) -> serde_json::Result<Vec<Self>> {
        let manifest = serde_json::to_vec(&Manifest::of_graph(file, &onnx))?;
        Ok(vec![
            Self { path: MANIFEST.into(), content: manifest },
            Self { path: GRAPH.into(), content: onnx },
        ])
    }
}

/// A package's name of a file's: lower-case letters, digits and hyphens.
fn name(file: &str) -> String {
    let base = file.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem).to_lowercase();
    let plain = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = stem.chars().map(plain).collect();
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name: String = name.chars().take(NAME).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { "model".into() } else { name.into() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{Limits, Package};

    #[test]
    fn the_package_is_one_by_the_rules_of_the_format() {
        let files = PackageFile::of_graph("My Net_v2.onnx", b"\x08\x08graph".to_vec()).unwrap();
        let package = Package::verify(files, &Limits::DEFAULT).unwrap();
        assert_eq!(package.manifest().name, "my-net-v2");
        assert_eq!(package.manifest().task, Task::Tensors);
    }

    #[test]
    fn every_file_gives_a_name_that_the_format_takes() {
        let check = |file: &str, expected: &str| assert_eq!(name(file), expected, "{file}");
        check("model.onnx", "model");
        check("folder/ResNet50-v1.5.onnx", "resnet50-v1-5");
        check("2024_net.onnx", "net");
        check("Übung.onnx", "bung");
        check("12345.onnx", "model");
        check(".onnx", "model");
        check("", "model");
        check(&"a".repeat(300), &"a".repeat(64));
    }
}
