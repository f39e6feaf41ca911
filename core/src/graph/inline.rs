//! Functions that a model defines for itself, written out where they are used.
//!
//! A node whose domain and name are those of one of the model's functions is replaced by the
//! function's nodes ([IR](https://onnx.ai/onnx/repo-docs/IR.html#functions)). Names inside of a
//! function get the name of the node's first output in front; attributes that refer to the node's
//! take its values, or the function's defaults. A function's nodes run with the model's versions of
//! the operator sets.

use std::collections::BTreeMap;

use prost::Message;
use tract_onnx::pb::{AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto};

use super::validate::MAX_NODES;
use crate::Error;
use crate::error::excerpt;

/// Functions inside functions.
const MAX_DEPTH: usize = 32;

/// The defaults of attributes, which the generated messages leave out (field numbers of
/// `onnx.proto`).
#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(message, repeated, tag = "25")]
    functions: Vec<Defaults>,
}

#[derive(Clone, PartialEq, Message)]
struct Defaults {
    #[prost(message, repeated, tag = "11")]
    attributes: Vec<AttributeProto>,
}

/// Functions by domain and name.
type Functions = BTreeMap<(String, String), (FunctionProto, Defaults)>;

/// Replaces every use of the model's functions, and the functions; `onnx` are the model's bytes.
pub(super) fn inline(proto: &mut ModelProto, onnx: &[u8]) -> Result<(), Error> {
    if proto.functions.is_empty() {
        return Ok(());
    }
    // The bytes were decoded before, so what fails here has no defaults.
    let defaults = Model::decode(onnx).unwrap_or_default().functions.into_iter();
    let defaults = defaults.chain(std::iter::repeat(Defaults::default()));
    let named = |(function, defaults): (FunctionProto, Defaults)| {
        ((function.domain().to_owned(), function.name().to_owned()), (function, defaults))
    };
    let functions: Functions =
        std::mem::take(&mut proto.functions).into_iter().zip(defaults).map(named).collect();
    let mut budget = MAX_NODES;
    proto.graph.as_mut().map_or(Ok(()), |graph| in_graph(graph, &functions, 0, &mut budget))
}

fn in_graph(
    graph: &mut GraphProto,
    functions: &Functions,
    depth: usize,
    budget: &mut usize,
) -> Result<(), Error> {
    graph.node = in_nodes(std::mem::take(&mut graph.node), functions, depth, budget)?;
    Ok(())
}

fn in_nodes(
    nodes: Vec<NodeProto>,
    functions: &Functions,
    depth: usize,
    budget: &mut usize,
) -> Result<Vec<NodeProto>, Error> {
    let mut out = Vec::with_capacity(nodes.len());
    for mut node in nodes {
        let Some(left) = budget.checked_sub(1).filter(|_| depth <= MAX_DEPTH) else {
            let message = format!(
                "functions written out have more than {MAX_NODES} nodes, or call each other more than {MAX_DEPTH} deep"
            );
            return Err(Error::model("graph-too-large", message));
        };
        *budget = left;
        match functions.get(&(node.domain.clone(), node.op_type.clone())) {
            Some((function, defaults)) => {
                let body = written_out(&node, function, defaults)?;
                out.extend(in_nodes(body, functions, depth + 1, budget)?);
            }
            None => {
                let subgraphs = node.attribute.iter_mut();
                for graph in subgraphs.flat_map(|a| a.g.iter_mut().chain(&mut a.graphs)) {
                    in_graph(graph, functions, depth + 1, budget)?;
                }
                out.push(node);
            }
        }
    }
    Ok(out)
}

/// The nodes of a function as one node calls it.
fn written_out(
    node: &NodeProto,
    function: &FunctionProto,
    defaults: &Defaults,
) -> Result<Vec<NodeProto>, Error> {
    let (inputs, outputs) = (node.input.len(), node.output.len());
    if inputs > function.input.len() || outputs > function.output.len() {
        let message = format!(
            "the function {} has {} inputs and {} outputs, a node has {inputs} and {outputs}",
            excerpt(function.name()),
            function.input.len(),
            function.output.len()
        );
        return Err(Error::model("invalid-graph", message));
    }
    let prefix = node.output.iter().find(|output| !output.is_empty());
    let call = Call {
        names: pairs(&function.input, &node.input)
            .chain(pairs(&function.output, &node.output).filter(|(_, outer)| !outer.is_empty()))
            .collect(),
        prefix: prefix.map_or_else(|| node.name.clone(), Clone::clone),
        attributes: defaults
            .attributes
            .iter()
            .chain(&node.attribute)
            .map(|attribute| (attribute.name.as_str(), attribute))
            .collect(),
    };
    Ok(function.node.iter().cloned().map(|node| call.node(node)).collect())
}

/// Formal names with what stands for them; an input that is left out is empty.
fn pairs<'a>(
    formal: &'a [String],
    actual: &'a [String],
) -> impl Iterator<Item = (&'a str, String)> {
    let actual = actual.iter().map(String::clone).chain(std::iter::repeat(String::new()));
    formal.iter().map(String::as_str).zip(actual)
}

/// What a function's names and attributes stand for in one place.
struct Call<'a> {
    names: BTreeMap<&'a str, String>,
    prefix: String,
    attributes: BTreeMap<&'a str, &'a AttributeProto>,
}

impl Call<'_> {
    fn node(&self, mut node: NodeProto) -> NodeProto {
        node.name = self.inner(&node.name);
        node.input.iter_mut().chain(&mut node.output).for_each(|name| self.rename(name));
        let attributes = std::mem::take(&mut node.attribute).into_iter();
        node.attribute = attributes.filter_map(|attribute| self.attribute(attribute)).collect();
        node
    }

    /// An attribute with what it refers to; nothing if that was left out.
    fn attribute(&self, mut attribute: AttributeProto) -> Option<AttributeProto> {
        if !attribute.ref_attr_name.is_empty() {
            let mut value = (*self.attributes.get(attribute.ref_attr_name.as_str())?).clone();
            value.name = attribute.name;
            return Some(value);
        }
        let graphs = attribute.g.iter_mut().chain(&mut attribute.graphs);
        graphs.for_each(|graph| self.graph(graph));
        Some(attribute)
    }

    fn graph(&self, graph: &mut GraphProto) {
        let values = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
        values.for_each(|value| self.rename(&mut value.name));
        graph.initializer.iter_mut().for_each(|tensor| self.rename(&mut tensor.name));
        let nodes = std::mem::take(&mut graph.node).into_iter();
        graph.node = nodes.map(|node| self.node(node)).collect();
    }

    fn rename(&self, name: &mut String) {
        if let Some(outer) = self.names.get(name.as_str()) {
            name.clone_from(outer);
        } else if !name.is_empty() {
            *name = self.inner(name);
        }
    }

    fn inner(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }
}
