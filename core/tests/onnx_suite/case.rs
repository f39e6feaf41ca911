//! One case: a graph, its inputs, and what it has to give.

use std::fs;
use std::path::Path;

use inference_core::{ElementType, Tensor};
use prost::Message;
use tract_onnx::pb::TensorProto;

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

    /// The graph's bytes.
    pub fn model(&self) -> &[u8] {
        &self.model
    }

    /// What the graph is given, and what it has to give.
    pub fn tensors(&self) -> Result<[Vec<Tensor>; 2], String> {
        let (inputs, outputs) = border(&self.model)?;
        let decode = |values: &[Vec<u8>], declared: &[Info]| -> Result<Vec<_>, String> {
            let values = values.iter().zip(declared).map(|(value, info)| tensors(value, info));
            Ok(values.collect::<Result<Vec<_>, _>>()?.concat())
        };
        Ok([decode(&self.inputs, &inputs)?, decode(&self.outputs, &outputs)?])
    }
}

/// What is looked at of the types of inputs and outputs (field numbers of `onnx.proto`).
#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(message, optional, tag = "7")]
    graph: Option<Border>,
}

#[derive(Clone, PartialEq, Message)]
struct Border {
    #[prost(message, repeated, tag = "11")]
    input: Vec<Info>,
    #[prost(message, repeated, tag = "12")]
    output: Vec<Info>,
}

#[derive(Clone, PartialEq, Message)]
struct Info {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "4")]
    sequence: Option<Present>,
    #[prost(message, optional, tag = "9")]
    optional: Option<Present>,
}

#[derive(Clone, PartialEq, Message)]
struct Present {}

#[derive(Clone, PartialEq, Message)]
struct Sequence {
    #[prost(message, repeated, tag = "3")]
    tensors: Vec<TensorProto>,
}

#[derive(Clone, PartialEq, Message)]
struct Optional {
    #[prost(message, optional, tag = "3")]
    tensor: Option<TensorProto>,
    #[prost(message, optional, tag = "5")]
    sequence: Option<Sequence>,
}

/// The graph's inputs and outputs.
fn border(model: &[u8]) -> Result<(Vec<Info>, Vec<Info>), String> {
    let model = Model::decode(model).map_err(|error| error.to_string())?;
    let graph = model.graph.ok_or("the model has no graph")?;
    Ok((graph.input, graph.output))
}

/// The tensors that the value in a file of a case is made of.
fn tensors(value: &[u8], info: &Info) -> Result<Vec<Tensor>, String> {
    let name = &info.name;
    let other = |_| format!("{name} is of another type than declared");
    let elements = |sequence: Sequence| -> Result<Vec<_>, String> {
        let named = sequence.tensors.into_iter().enumerate();
        named.map(|(index, proto)| tensor(proto, &format!("{name}[{index}]"))).collect()
    };
    match &info.kind {
        Some(Type { sequence: Some(_), .. }) => elements(Sequence::decode(value).map_err(other)?),
        Some(Type { optional: Some(_), .. }) => {
            let Optional { tensor: inner, sequence } = Optional::decode(value).map_err(other)?;
            let inner = inner.map(|proto| tensor(proto, name)).transpose()?;
            let sequence = sequence.map(elements).transpose()?.unwrap_or_default();
            Ok(inner.into_iter().chain(sequence).collect())
        }
        _ => Ok(vec![tensor(TensorProto::decode(value).map_err(other)?, name)?]),
    }
}

fn tensor(proto: TensorProto, name: &str) -> Result<Tensor, String> {
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
