//! One case: a graph, its inputs, and what it has to give.

use std::fs;
use std::path::Path;

use inference_core::graph::Graph;
use inference_core::{ElementType, Error, Tensor};
use prost::Message as _;
use tract_onnx::pb::{ModelProto, TensorProto};

use crate::compare;

/// A case as it lies in its folder.
pub struct Case {
    pub name: String,
    /// The operator that the case is about; `expanded` cases have the operators that it is made of.
    pub operator: String,
    model: Vec<u8>,
    inputs: Vec<Vec<u8>>,
    outputs: Vec<Vec<u8>>,
}

impl Case {
    pub fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let data = folder.join("test_data_set_0");
        let numbered = |kind: &str| {
            (0..)
                .map_while(|place| fs::read(data.join(format!("{kind}_{place}.pb"))).ok())
                .collect()
        };
        let operator = fs::read_to_string(folder.join("operator.txt")).unwrap();
        Self {
            name,
            operator,
            model: fs::read(folder.join("model.onnx")).unwrap(),
            inputs: numbered("input"),
            outputs: numbered("output"),
        }
    }

    /// Loads and runs the graph, and compares what it gives.
    pub fn run(&self) -> Result<(), String> {
        let (inputs, outputs) = names(&self.model)?;
        let decode = |values: &[Vec<u8>], names: &[String]| -> Result<Vec<_>, String> {
            values.iter().zip(names).map(|(value, name)| tensor(value, name)).collect()
        };
        let graph = Graph::load(&self.model).map_err(|error| told("load", &error))?;
        let given = decode(&self.inputs, &inputs)?;
        let expected = decode(&self.outputs, &outputs)?;
        let found = graph.run(given).map_err(|error| told("run", &error))?;
        if found.len() != expected.len() {
            return Err(format!("{} outputs, expected {}", found.len(), expected.len()));
        }
        found.iter().zip(&expected).try_for_each(|(found, expected)| compare::same(found, expected))
    }
}

fn told(step: &str, error: &Error) -> String {
    format!("{step}: {} {}", error.code, error.message)
}

/// The names of the graph's inputs and outputs.
fn names(model: &[u8]) -> Result<(Vec<String>, Vec<String>), String> {
    let model = ModelProto::decode(model).map_err(|error| error.to_string())?;
    let graph = model.graph.ok_or("the model has no graph")?;
    let inputs = graph.input.into_iter().map(|input| input.name).collect();
    Ok((inputs, graph.output.into_iter().map(|output| output.name).collect()))
}

/// The tensor in a file of a case.
fn tensor(value: &[u8], name: &str) -> Result<Tensor, String> {
    let proto = TensorProto::decode(value).map_err(|_| format!("{name} is not a tensor"))?;
    let kind = proto.data_type;
    let element_type = element_type(kind).ok_or_else(|| format!("{name} is of type {kind}"))?;
    let data = if element_type == ElementType::String {
        let strings = proto.string_data.iter();
        let framed = |text: &Vec<u8>| {
            let length = u32::try_from(text.len()).unwrap().to_le_bytes();
            length.into_iter().chain(text.iter().copied()).collect::<Vec<_>>()
        };
        strings.flat_map(framed).collect()
    } else {
        proto.raw_data
    };
    let shape = proto.dims.iter().map(|extent| usize::try_from(*extent).unwrap()).collect();
    Ok(Tensor { name: name.into(), element_type, shape, data })
}

/// The types by their numbers in `TensorProto.DataType`; complex ones are missing.
fn element_type(number: i32) -> Option<ElementType> {
    Some(match number {
        1 => ElementType::Float32,
        2 => ElementType::Uint8,
        3 => ElementType::Int8,
        4 => ElementType::Uint16,
        5 => ElementType::Int16,
        6 => ElementType::Int32,
        7 => ElementType::Int64,
        8 => ElementType::String,
        9 => ElementType::Bool,
        10 => ElementType::Float16,
        11 => ElementType::Float64,
        12 => ElementType::Uint32,
        13 => ElementType::Uint64,
        16 => ElementType::Bfloat16,
        17 => ElementType::Float8e4m3fn,
        18 => ElementType::Float8e4m3fnuz,
        19 => ElementType::Float8e5m2,
        20 => ElementType::Float8e5m2fnuz,
        21 => ElementType::Uint4,
        22 => ElementType::Int4,
        23 => ElementType::Float4e2m1,
        24 => ElementType::Float8e8m0,
        25 => ElementType::Uint2,
        26 => ElementType::Int2,
        _ => return None,
    })
}
