//! One model: loaded into a sandbox, run on its test data, compared.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use model_package::{GRAPH, PackageFile};
use predictor_host::{Description, ElementType, Keys, Predictor, Tensor};
use prost::Message as _;

use super::compare::{self, Tolerance};
use super::data::DataSet;
use super::find::Model;
use crate::onnx::external;
use crate::onnx::proto::{GraphProto, ModelProto};
use crate::onnx::value::Value;
use crate::runtime::Components;

/// Differences that are told of one model; the rest is counted.
const MOST_TOLD: usize = 3;

/// Runs a model on all of its test data.
///
/// # Errors
/// Why it does not pass.
pub(super) fn failure(components: &Components, model: &Model, tolerance: Tolerance) -> Result<()> {
    let onnx = fs::read(&model.path).with_context(|| model.path.display().to_string())?;
    let folder = model.path.parent().unwrap_or(Path::new(""));
    let onnx = external::inlined(onnx, folder)?;
    let graph = ModelProto::decode(onnx.as_slice()).ok().and_then(|model| model.graph);
    let predictor = components.load(PackageFile::of_graph(GRAPH, onnx)?)?;
    if model.data.is_empty() {
        bail!(
            "loads, but has no test data beside it: expected test_data_set_0 with input_0.pb and output_0.pb"
        );
    }
    let graph = graph.unwrap_or_default();
    for data in &model.data {
        let place = place(model, data);
        let differences = differences(&predictor, &graph, data, tolerance)
            .map_err(|error| anyhow!("{place}{error:#}"))?;
        if differences.is_empty() {
            continue;
        }
        let mut told = differences.iter().take(MOST_TOLD).cloned().collect::<Vec<_>>().join("; ");
        if differences.len() > MOST_TOLD {
            told += &format!("; and {} more outputs", differences.len() - MOST_TOLD);
        }
        bail!("{place}{told}");
    }
    Ok(())
}

/// How messages that are about a set of data begin; the only one needs no name.
fn place(model: &Model, data: &Path) -> String {
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    if model.data.len() == 1 { String::new() } else { format!("{name}: ") }
}

fn differences(
    predictor: &Predictor,
    graph: &GraphProto,
    data: &Path,
    tolerance: Tolerance,
) -> Result<Vec<String>> {
    let inputs: Vec<_> = graph.open_inputs().collect();
    let outputs: Vec<_> = graph.outputs.iter().collect();
    let set = DataSet::read(data, &inputs, &outputs)?;
    let description = predictor.description();
    let mut tensors = Vec::new();
    for (name, value) in set.inputs {
        flatten(&name, value, description, &mut tensors)?;
    }
    let found = predictor.infer(&tensors)?;
    let compare = |(name, expected): &(String, Value)| {
        let found = assemble(name, &found, description);
        compare::difference(name, &found, expected, tolerance)
    };
    Ok(set.outputs.iter().filter_map(compare).collect())
}

/// An input as the tensors that the component takes: a map `x` is `x.keys` and `x.values`, a sequence
/// `x[0]`, `x[1]`, ….
fn flatten(
    name: &str,
    value: Value,
    description: &Description,
    tensors: &mut Vec<Tensor>,
) -> Result<()> {
    match value {
        Value::Tensor(tensor) => tensors.push(Tensor { name: name.into(), ..tensor }),
        Value::Map(keys, values) => {
            let (keys_name, name) = (format!("{name}.keys"), format!("{name}.values"));
            let declared = description.inputs.iter().find(|input| input.name == name);
            let wanted = declared.map_or(values.element_type, |declared| declared.element_type);
            tensors.push(key_tensor(keys_name, keys));
            tensors.push(Tensor { name, ..compare::widened(values, wanted) });
        }
        Value::Sequence(elements) => {
            for (index, element) in elements.into_iter().enumerate() {
                let Value::Tensor(tensor) = element else {
                    bail!("the input {name} is a sequence of other things than tensors");
                };
                tensors.push(Tensor { name: format!("{name}[{index}]"), ..tensor });
            }
        }
        // An input that may be left out.
        Value::Nothing => {}
    }
    Ok(())
}

fn key_tensor(name: String, keys: Keys) -> Tensor {
    match keys {
        Keys::Integers(keys) => Tensor {
            name,
            element_type: ElementType::Int64,
            shape: vec![keys.len() as u64],
            data: keys.iter().flat_map(|key| key.to_le_bytes()).collect(),
        },
        Keys::Strings(keys) => Tensor {
            name,
            element_type: ElementType::String,
            shape: vec![keys.len() as u64],
            data: keys
                .iter()
                .flat_map(|key| {
                    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
                    length.to_le_bytes().into_iter().chain(key.bytes())
                })
                .collect(),
        },
    }
}

/// An output from the tensors that the component gave: rows with keys are maps, `y[0]`, `y[1]`, … are
/// the sequence `y`, and of one that is declared as `y?` there may be none.
fn assemble(name: &str, tensors: &[Tensor], description: &Description) -> Value {
    let declared = description.outputs.iter().find(|output| output.name == name);
    let keys = declared.and_then(|declared| declared.keys.clone());
    match (tensors.iter().find(|tensor| tensor.name == name), keys) {
        (Some(tensor), Some(keys)) => Value::Sequence(rows(tensor, &keys)),
        (Some(tensor), None) => Value::Tensor(tensor.clone()),
        (None, _) => {
            let element =
                |index| tensors.iter().find(|tensor| tensor.name == format!("{name}[{index}]"));
            let elements = (0..tensors.len()).map_while(element);
            let elements: Vec<_> = elements.cloned().map(Value::Tensor).collect();
            let named = |mark: &str| {
                let marked = format!("{name}{mark}");
                description.outputs.iter().any(|output| output.name == marked)
            };
            if elements.is_empty() && (named("?") || named("[]?")) {
                return Value::Nothing;
            }
            Value::Sequence(elements)
        }
    }
}

/// A map for each row of a tensor; the values are floats.
fn rows(tensor: &Tensor, keys: &Keys) -> Vec<Value> {
    let columns = match keys {
        Keys::Integers(keys) => keys.len(),
        Keys::Strings(keys) => keys.len(),
    };
    let row = |data: &[u8]| Tensor {
        name: String::new(),
        element_type: tensor.element_type,
        shape: vec![columns as u64],
        data: data.to_vec(),
    };
    let bytes = (columns * size_of::<f32>()).max(1);
    tensor.data.chunks(bytes).map(|data| Value::Map(keys.clone(), row(data))).collect()
}
