//! One set of test data: the files `input_I.pb` and `output_I.pb` of a folder.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::onnx::proto::ValueInfoProto;
use crate::onnx::value::{self, Value};

/// Inputs and expected outputs, each with its name.
pub(super) struct DataSet {
    pub(super) inputs: Vec<(String, Value)>,
    pub(super) outputs: Vec<(String, Value)>,
}

impl DataSet {
    /// Reads the files of a folder for a graph with these inputs and outputs.
    pub(super) fn read(
        folder: &Path,
        inputs: &[&ValueInfoProto],
        outputs: &[&ValueInfoProto],
    ) -> Result<Self> {
        let set = Self {
            inputs: values(folder, "input", inputs)?,
            outputs: values(folder, "output", outputs)?,
        };
        if set.outputs.is_empty() {
            bail!("{} has no output_0.pb to compare with", folder.display());
        }
        Ok(set)
    }
}

/// The values of one kind. A file's number is the place of its input or output in the graph, unless
/// the value in it has the name of another one.
fn values(folder: &Path, kind: &str, declared: &[&ValueInfoProto]) -> Result<Vec<(String, Value)>> {
    let mut places = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let number = name.strip_prefix(kind).and_then(|rest| rest.strip_prefix('_'));
        let number = number.and_then(|rest| rest.strip_suffix(".pb"));
        if let Some(place) = number.and_then(|number| number.parse::<usize>().ok()) {
            places.push((place, name));
        }
    }
    places.sort();
    let mut values = Vec::with_capacity(places.len());
    for (place, file) in places {
        let path = folder.join(&file);
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let Some(at_place) = declared.get(place) else {
            bail!("{file}: the graph has {} {kind}s", declared.len());
        };
        let read = |declared| value::decode(&bytes, Some(declared)).with_context(|| file.clone());
        let found = read(at_place)?;
        let named = declared.iter().find(|other| other.name == found.name);
        values.push(match named {
            Some(other) if other.name != at_place.name => (other.name.clone(), read(other)?.value),
            _ => (at_place.name.clone(), found.value),
        });
    }
    Ok(values)
}
