//! Maps and sequences at the borders of a graph, as the tensors that they are made of.
//!
//! A plan carries tensors only, so a graph is rewritten before it is checked:
//!
//! | in the graph | becomes |
//! |---|---|
//! | an input `x` that is a map | two inputs, `x.keys` and `x.values`, each `[N]` |
//! | an output `y` that is a sequence of tensors (`SequenceConstruct`) | outputs `y[0]`, `y[1]`, … |
//! | an output `y` that is a sequence of maps (`ZipMap`) | the tensor `y`, a row for each map; its [`Keys`] are the columns' |
//!
//! Other sequences, and optional values, are [ports](super::port).

use std::collections::BTreeMap;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

use super::port::{self, Form, Ports, Types};
use super::untyped::{Type, is_untyped};
use crate::error::excerpt;
use crate::{Error, Keys};

/// Elements of all sequences in the outputs.
const MOST_ELEMENTS: usize = 10_000;

/// Rewrites a decoded model, given its untyped inputs and outputs. The elements of sequences get the
/// types that the file says.
pub(super) fn flatten(
    proto: &mut ModelProto,
    untyped: &BTreeMap<String, Type>,
    types: &Types,
) -> Result<Ports, Error> {
    let Some(graph) = &mut proto.graph else { return Ok(Ports::new()) };
    if graph.input.iter().any(is_untyped) {
        maps(graph, &map_types(graph, untyped))?;
    }
    sequences(graph, types)
}

/// The element types of keys and values of each input that is a map.
fn map_types(graph: &GraphProto, untyped: &BTreeMap<String, Type>) -> BTreeMap<String, (i32, i32)> {
    let types = graph.input.iter().filter_map(|input| {
        let map = untyped.get(&input.name)?.map.as_ref()?;
        let value = map.value.as_ref()?.tensor.as_ref()?;
        Some((input.name.clone(), (map.key, value.elem_type)))
    });
    types.collect()
}

fn maps(graph: &mut GraphProto, types: &BTreeMap<String, (i32, i32)>) -> Result<(), Error> {
    let mut inputs = Vec::with_capacity(graph.input.len());
    for input in std::mem::take(&mut graph.input) {
        match types.get(&input.name) {
            Some((key, value)) => {
                inputs.push(vector(format!("{}.keys", input.name), *key));
                inputs.push(vector(format!("{}.values", input.name), *value));
            }
            None => inputs.push(input),
        }
    }
    graph.input = inputs;
    for node in &mut graph.node {
        let Some(map) = node.input.iter().find(|input| types.contains_key(*input)) else {
            continue;
        };
        if !matches!(node.op_type.as_str(), "DictVectorizer" | "CastMap") {
            let message = format!(
                "the input {} is a map, which {} does not take",
                excerpt(map),
                excerpt(&node.op_type)
            );
            return Err(Error::model("invalid-graph", message));
        }
        node.input = vec![format!("{map}.keys"), format!("{map}.values")];
    }
    Ok(())
}

/// An input of rank 1 and any length.
fn vector(name: String, elem_type: i32) -> ValueInfoProto {
    let shape = Some(TensorShapeProto { dim: vec![Dimension::default()] });
    let tensor = type_proto::Value::TensorType(type_proto::Tensor { elem_type, shape });
    let r#type = Some(TypeProto { value: Some(tensor), ..Default::default() });
    ValueInfoProto { name, r#type, ..Default::default() }
}

fn sequences(graph: &mut GraphProto, types: &Types) -> Result<Ports, Error> {
    let mut ports = Ports::new();
    let mut outputs = Vec::with_capacity(graph.output.len());
    for output in std::mem::take(&mut graph.output) {
        let place = graph.node.iter().position(|node| {
            node.op_type == "SequenceConstruct" && node.output.contains(&output.name)
        });
        let used = graph.node.iter().any(|node| node.input.contains(&output.name));
        let Some(place) = place.filter(|_| !used) else {
            outputs.push(output);
            continue;
        };
        let sequence = graph.node.remove(place);
        if outputs.len() + sequence.input.len() > MOST_ELEMENTS {
            let message =
                format!("the outputs are sequences of more than {MOST_ELEMENTS} elements in all");
            return Err(Error::model("graph-too-large", message));
        }
        for (index, input) in sequence.input.into_iter().enumerate() {
            let name = format!("{}[{index}]", output.name);
            graph.node.push(NodeProto {
                name: name.clone(),
                op_type: "Identity".into(),
                input: vec![input],
                output: vec![name.clone()],
                ..Default::default()
            });
            let declared =
                types.get(&output.name).and_then(|(_, t)| port::declare(name.clone(), t));
            ports.extend(declared.map(|declared| (name.clone(), (Form::Tensor, declared))));
            outputs.push(ValueInfoProto { name, ..Default::default() });
        }
    }
    graph.output = outputs;
    Ok(ports)
}

/// For each output the keys of its maps, where it has any.
pub(super) fn keys(proto: &ModelProto) -> Vec<Option<Keys>> {
    let Some(graph) = &proto.graph else { return Vec::new() };
    let producers: BTreeMap<&str, &NodeProto> = graph
        .node
        .iter()
        .flat_map(|node| node.output.iter().map(move |output| (output.as_str(), node)))
        .collect();
    let of = |output: &ValueInfoProto| {
        let mut node = producers.get(output.name.as_str())?;
        // The graph has no cycle, so this ends.
        while node.op_type == "Identity" {
            node = producers.get(node.input.first()?.as_str())?;
        }
        (node.op_type == "ZipMap").then(|| zip_map_keys(node)).flatten()
    };
    graph.output.iter().map(of).collect()
}

/// Declares the outputs that have keys as the tensors that they are now.
pub(super) fn declare(proto: &mut ModelProto, keys: &[Option<Keys>]) {
    let outputs = proto.graph.iter_mut().flat_map(|graph| &mut graph.output);
    for (output, keys) in outputs.zip(keys) {
        let width = match keys {
            Some(Keys::Integers(keys)) => keys.len(),
            Some(Keys::Strings(keys)) => keys.len(),
            None => continue,
        };
        let columns = i64::try_from(width).ok().map(dimension::Value::DimValue);
        let dim = vec![Dimension::default(), Dimension { value: columns, ..Default::default() }];
        let shape = Some(TensorShapeProto { dim });
        let elem_type = DataType::Float.into();
        let tensor = type_proto::Value::TensorType(type_proto::Tensor { elem_type, shape });
        output.r#type = Some(TypeProto { value: Some(tensor), ..Default::default() });
    }
}

fn zip_map_keys(node: &NodeProto) -> Option<Keys> {
    node.attribute.iter().find_map(|attribute| match attribute.name.as_str() {
        "classlabels_int64s" => Some(Keys::Integers(attribute.ints.clone())),
        "classlabels_strings" => {
            let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
            Some(Keys::Strings(attribute.strings.iter().map(text).collect()))
        }
        _ => None,
    })
}
