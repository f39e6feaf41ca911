//! Reference cases: from a file of samples, or of zeros.

use std::path::Path;

use anyhow::{Context, Result};
use model_package::{FieldType, Limits, Manifest, ReferenceCase, Task, strict_json};
use predictor_host::{Description, ElementType, TensorType};
use serde_json::{Map, Value};

use super::npz::{self, Array};
use crate::failure::InputError;

/// Cases of one file. More would make a package heavy, and say nothing new.
const MOST: usize = 100;

/// The cases in a JSON file, an instance or an array of them, or in an `.npz` file, an array for each
/// input of the graph or each column.
pub(super) fn read(
    path: &Path,
    manifest: &Manifest,
    description: &Description,
) -> Result<Vec<ReferenceCase>> {
    let bytes = std::fs::read(path).map_err(|error| InputError(format!("can't be read: {error}")));
    let inputs = bytes.and_then(|bytes| {
        let zipped = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("npz"));
        if !zipped {
            return of_json(&bytes);
        }
        let arrays = npz::read(&bytes).map_err(InputError)?;
        match manifest.task {
            Task::Tensors => of_arrays(arrays, description),
            _ => of_columns(&arrays, manifest),
        }
    });
    let inputs = inputs.and_then(|inputs| match inputs.is_empty() {
        true => Err(InputError("no samples in it".into())),
        false => Ok(inputs),
    });
    let inputs = inputs.with_context(|| path.display().to_string())?;
    let named = inputs.into_iter().take(MOST).enumerate();
    Ok(named.map(|(place, input)| case(format!("sample {}", place + 1), input)).collect())
}

/// One case with a 0, `false` or empty text for everything, and 1 for every open extent.
pub(super) fn zeros(manifest: &Manifest, description: &Description) -> Result<ReferenceCase> {
    let mut input = Map::new();
    if manifest.task == Task::Tensors {
        for declared in &description.inputs {
            if let Some(sequence) = declared.name.strip_suffix("[]") {
                input.insert(sequence.into(), Value::Array(vec![of_zeros(declared)?]));
            } else if !declared.name.ends_with('?') {
                input.insert(declared.name.clone(), of_zeros(declared)?);
            }
        }
    }
    for field in &manifest.input.fields {
        let zero = match field.kind {
            FieldType::Number | FieldType::Integer => Value::from(0),
            FieldType::Boolean => Value::from(false),
            _ => Value::from(""),
        };
        input.insert(field.name.clone(), zero);
    }
    Ok(case("zeros".into(), input))
}

fn case(name: String, input: Map<String, Value>) -> ReferenceCase {
    ReferenceCase { name, input, expected: None }
}

fn of_zeros(declared: &TensorType) -> Result<Value> {
    let zero = match declared.element_type {
        ElementType::Bool => Value::from(false),
        ElementType::String => Value::from(""),
        _ => Value::from(0),
    };
    let shape: Vec<usize> =
        declared.shape.iter().map(|extent| extent.parse().unwrap_or(1)).collect();
    let count = shape.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent));
    let most = Limits::DEFAULT.media_json_bytes / 8;
    let count = count.filter(|count| *count <= most);
    let count = count.with_context(|| format!("{}: too large for a sample", declared.name))?;
    let mut values = std::iter::repeat_n(zero, count);
    Ok(nested(&shape, &mut values))
}

fn of_json(bytes: &[u8]) -> Result<Vec<Map<String, Value>>, InputError> {
    let value = strict_json::value(bytes).map_err(|error| InputError(error.to_string()))?;
    let values = match value {
        Value::Array(values) => values,
        value => vec![value],
    };
    let object = |value| match value {
        Value::Object(object) => Ok(object),
        _ => Err(InputError("expected an object, or an array of objects".into())),
    };
    values.into_iter().map(object).collect()
}

/// One instance of whole tensors.
fn of_arrays(
    arrays: Vec<(String, Array)>,
    description: &Description,
) -> Result<Vec<Map<String, Value>>, InputError> {
    let mut input = Map::new();
    for (name, array) in arrays {
        if !description.inputs.iter().any(|declared| declared.name == name) {
            let known: Vec<_> =
                description.inputs.iter().map(|input| input.name.as_str()).collect();
            let known = known.join(", ");
            let message =
                format!("the array {name:?} is no input of the graph, which takes {known}");
            return Err(InputError(message));
        }
        let Array { shape, values } = array;
        input.insert(name, nested(&shape, &mut values.into_iter()));
    }
    Ok(vec![input])
}

/// An instance for each row. An array is named as an input of the graph, with a column for each of
/// its fields, or as a field.
fn of_columns(
    arrays: &[(String, Array)],
    manifest: &Manifest,
) -> Result<Vec<Map<String, Value>>, InputError> {
    let mut rows: Vec<Map<String, Value>> = Vec::new();
    for (name, array) in arrays {
        let input = manifest.graph.inputs.iter().find(|input| input.name == *name);
        let fields = match input {
            Some(input) => input.fields.clone(),
            None if manifest.input.fields.iter().any(|field| field.name == *name) => {
                vec![name.clone()]
            }
            None => {
                let known: Vec<_> =
                    manifest.input.fields.iter().map(|field| field.name.as_str()).collect();
                let known = known.join(", ");
                return Err(InputError(format!(
                    "the array {name:?} is no column; known are {known}"
                )));
            }
        };
        let count = array.shape.first().copied().unwrap_or(1);
        if array.values.len() != count * fields.len() {
            let (shape, width) = (&array.shape, fields.len());
            let message =
                format!("the array {name:?} has the shape {shape:?}, expected [rows, {width}]");
            return Err(InputError(message));
        }
        rows.resize_with(rows.len().max(count), Map::new);
        for (row, values) in rows.iter_mut().zip(array.values.chunks(fields.len())) {
            for (field, value) in fields.iter().zip(values) {
                // What is no number is missing.
                let missing = value.as_str() == Some("NaN") && !is_text(manifest, field);
                row.insert(field.clone(), if missing { Value::Null } else { value.clone() });
            }
        }
    }
    Ok(rows)
}

fn is_text(manifest: &Manifest, name: &str) -> bool {
    let field = manifest.input.fields.iter().find(|field| field.name == name);
    field.is_some_and(|field| matches!(field.kind, FieldType::String | FieldType::Category))
}

/// Arrays in arrays, row by row.
fn nested(shape: &[usize], values: &mut impl Iterator<Item = Value>) -> Value {
    match shape.split_first() {
        None => values.next().unwrap_or_default(),
        Some((extent, inner)) => (0..*extent).map(|_| nested(inner, values)).collect(),
    }
}
