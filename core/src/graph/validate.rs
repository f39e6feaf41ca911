//! What must hold of an ONNX graph before tract sees it.
//!
//! tract trusts a graph's structure in places: it looks names up without asking whether they exist,
//! and takes an operator by its name whatever domain it is from. Graphs come from outside, so these
//! rules of the specification (<https://onnx.ai/onnx/repo-docs/IR.html>) are checked here, and a
//! broken one is answered with the node's name rather than with a crash.

use std::collections::BTreeSet;

use prost::Message;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

use crate::error::excerpt;
use crate::{Error, ErrorKind};

/// Nodes in a graph with its subgraphs. The largest models in use have some tens of thousands.
pub(super) const MAX_NODES: usize = 200_000;
/// Graphs inside graphs (If, Loop, Scan).
const MAX_DEPTH: usize = 16;
/// Elements of one tensor: as many as fit a 32-bit memory as bytes.
const MAX_ELEMENTS: i64 = 1 << 32;

/// Operators from outside of the standard that exporters write.
const CONTRIBUTED: [(&str, &str); 4] = [
    ("com.microsoft", "CDist"),
    ("com.microsoft", "DynamicQuantizeLSTM"),
    ("com.microsoft", "MurmurHash3"),
    ("com.microsoft", "Tokenizer"),
];

/// Decodes the protobuf.
pub(super) fn decode(onnx: &[u8]) -> Result<ModelProto, Error> {
    ModelProto::decode(onnx).map_err(|error| {
        Error::model(
            "invalid-onnx",
            format!("not an ONNX model, or cut short ({} bytes): {error}", onnx.len()),
        )
    })
}

/// Calls `visit` for each node of the graph and its subgraphs, with the depth.
pub(super) fn each_node<'a>(proto: &'a ModelProto, visit: &mut impl FnMut(&'a NodeProto, usize)) {
    fn walk<'a>(graph: &'a GraphProto, depth: usize, visit: &mut impl FnMut(&'a NodeProto, usize)) {
        for node in &graph.node {
            visit(node, depth);
            subgraphs(node).for_each(|graph| walk(graph, depth + 1, visit));
        }
    }
    if let Some(graph) = &proto.graph {
        walk(graph, 0, visit);
    }
}

/// Checks a decoded model; `known` says whether an operator can be run.
pub(super) fn check(proto: &ModelProto, known: impl Fn(&str) -> bool) -> Result<(), Error> {
    let Some(graph) = &proto.graph else {
        return Err(Error::model("invalid-onnx", "the ONNX model has no graph"));
    };
    let (mut nodes, mut deepest) = (0, 0);
    each_node(proto, &mut |_, depth| {
        nodes += 1;
        deepest = deepest.max(depth);
    });
    if nodes > MAX_NODES || deepest > MAX_DEPTH {
        let message = format!(
            "the graph has {nodes} nodes nested {deepest} deep, at most {MAX_NODES} and {MAX_DEPTH} are accepted"
        );
        return Err(Error::model("graph-too-large", message));
    }
    if graph.output.is_empty() {
        return Err(Error::model("invalid-graph", "the graph has no output"));
    }
    supported(proto, known)?;
    structure(graph, None)
}

/// Every operator is one that can be run; all that can't are named at once.
fn supported(proto: &ModelProto, known: impl Fn(&str) -> bool) -> Result<(), Error> {
    let mut missing = BTreeSet::new();
    each_node(proto, &mut |node, _| {
        let placed = match node.domain.as_str() {
            "" | "ai.onnx" | "ai.onnx.ml" => true,
            domain => CONTRIBUTED.contains(&(domain, node.op_type.as_str())),
        };
        if !placed || !known(&node.op_type) {
            let domain = if node.domain.is_empty() { "ai.onnx" } else { node.domain.as_str() };
            let opset = proto.opset_import.iter().find(|o| o.domain == node.domain);
            let version = opset.map_or_else(|| "?".into(), |opset| opset.version.to_string());
            let at = excerpt(node_name(node));
            missing.insert(format!("{domain}.{} (opset {version}, node {at})", node.op_type));
        }
    });
    if missing.is_empty() {
        return Ok(());
    }
    let count = missing.len();
    let shown = missing.into_iter().take(8).collect::<Vec<_>>().join(", ");
    let message = format!("{count} operators of the graph are not supported: {shown}");
    Err(Error::new(ErrorKind::UnsupportedModel, "unsupported-operator", message))
}

/// The names that can be used at one place of a graph: its own and those of the graphs around it.
struct Scope<'a> {
    names: BTreeSet<&'a str>,
    outer: Option<&'a Scope<'a>>,
}

impl<'a> Scope<'a> {
    fn contains(&self, name: &str) -> bool {
        self.names.contains(name) || self.outer.is_some_and(|outer| outer.contains(name))
    }

    /// Defines a name, unless it is there already.
    fn define(&mut self, name: &'a str) -> bool {
        !self.contains(name) && self.names.insert(name)
    }
}

/// Names are defined before they are used, and once.
fn structure(graph: &GraphProto, outer: Option<&Scope>) -> Result<(), Error> {
    let invalid = |message: String| Err(Error::model("invalid-graph", message));
    let initializers: BTreeSet<_> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    if initializers.len() != graph.initializer.len() {
        return invalid("two initializers of the graph have one name".into());
    }
    for tensor in &graph.initializer {
        initializer(tensor)?;
    }
    if !graph.sparse_initializer.is_empty() {
        let message = "the graph has sparse initializers; store them dense when exporting";
        return Err(Error::new(ErrorKind::UnsupportedModel, "sparse-initializer", message));
    }
    let mut inputs = BTreeSet::new();
    for input in &graph.input {
        if !inputs.insert(input.name.as_str()) {
            return invalid(format!("two inputs of the graph are named {}", excerpt(&input.name)));
        }
        // A subgraph's inputs are typed by the node around it.
        if outer.is_none() && !initializers.contains(input.name.as_str()) {
            value_type(input)?;
        }
    }
    let names = initializers.union(&inputs).copied().collect();
    let mut defined = Scope { names, outer };
    for node in &graph.node {
        let name = excerpt(node_name(node));
        let operator = &node.op_type;
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            if !defined.contains(input) {
                let input = excerpt(input);
                return invalid(format!(
                    "node {name} ({operator}) uses {input}, which nothing before it gives; the graph has a cycle, is out of order, or lacks a node"
                ));
            }
        }
        let mut attributes = BTreeSet::new();
        for attribute in &node.attribute {
            if !attributes.insert(attribute.name.as_str()) {
                let attribute = excerpt(&attribute.name);
                return invalid(format!(
                    "node {name} ({operator}) has the attribute {attribute} twice"
                ));
            }
            attribute.t.iter().chain(&attribute.tensors).try_for_each(initializer)?;
        }
        for subgraph in subgraphs(node) {
            structure(subgraph, Some(&defined))?;
        }
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if !defined.define(output) {
                let output = excerpt(output);
                return invalid(format!(
                    "node {name} ({operator}) gives {output}, which is there already"
                ));
            }
        }
    }
    let mut outputs = BTreeSet::new();
    for output in &graph.output {
        if !outputs.insert(output.name.as_str()) {
            return invalid(format!(
                "two outputs of the graph are named {}",
                excerpt(&output.name)
            ));
        }
        if outer.is_none() && inputs.contains(output.name.as_str()) {
            let output = excerpt(&output.name);
            let message = format!(
                "the output {output} is an input of the graph; put an Identity between them"
            );
            return Err(Error::new(ErrorKind::UnsupportedModel, "graph-rejected", message));
        }
        if !defined.contains(&output.name) {
            return invalid(format!(
                "nothing gives the output {} of the graph",
                excerpt(&output.name)
            ));
        }
    }
    Ok(())
}

fn subgraphs(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
}

fn node_name(node: &NodeProto) -> &str {
    let first_output = node.output.first().map_or("", String::as_str);
    if node.name.is_empty() { first_output } else { &node.name }
}

/// An input of the graph is a tensor with sane extents.
fn value_type(input: &ValueInfoProto) -> Result<(), Error> {
    use tract_onnx::pb::tensor_shape_proto::dimension::Value::DimValue;
    let name = excerpt(&input.name);
    let Some(Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref())
    else {
        return Err(Error::model("invalid-graph", format!("the input {name} is not a tensor")));
    };
    let Some(shape) = &tensor.shape else {
        let message = format!("the input {name} has no shape; export it with one");
        return Err(Error::new(ErrorKind::UnsupportedModel, "unknown-shape", message));
    };
    let extents = shape.dim.iter().filter_map(|dim| match dim.value {
        // Exporters write 0 and -1 for "any".
        Some(DimValue(extent)) if extent > 0 => Some(extent),
        _ => None,
    });
    volume(extents, &format!("the input {name}"))
}

/// A tensor in the file has the elements that its shape promises, and has them in the file.
fn initializer(tensor: &TensorProto) -> Result<(), Error> {
    let name = format!("the initializer {}", excerpt(&tensor.name));
    if tensor.data_location == Some(DataLocation::External as i32)
        || !tensor.external_data.is_empty()
    {
        let message =
            format!("{name} lies in another file; save the model with its weights inside");
        return Err(Error::new(ErrorKind::UnsupportedModel, "external-data", message));
    }
    if let Some(extent) = tensor.dims.iter().find(|extent| **extent < 0) {
        return Err(Error::model("invalid-graph", format!("{name} has the extent {extent}")));
    }
    volume(tensor.dims.iter().copied(), &name)?;
    if tensor.data_type == DataType::String as i32 && !tensor.raw_data.is_empty() {
        let message = format!("{name} has strings in raw data, which the format does not allow");
        return Err(Error::model("invalid-graph", message));
    }
    let expected: i64 = tensor.dims.iter().product();
    let Some((found, what)) = stored_elements(tensor) else {
        return Ok(());
    };
    if found == expected {
        return Ok(());
    }
    let message = format!(
        "{name} of shape {:?} takes {expected} elements, found {found} {what}",
        tensor.dims
    );
    Err(Error::model("invalid-graph", message))
}

/// How many elements the file has for a tensor; `None` for types that tract judges itself.
fn stored_elements(tensor: &TensorProto) -> Option<(i64, &'static str)> {
    let size = match DataType::try_from(tensor.data_type).ok()? {
        DataType::Bool | DataType::Uint8 | DataType::Int8 => 1,
        DataType::Uint16 | DataType::Int16 | DataType::Float16 | DataType::Bfloat16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        DataType::String => return Some((tensor.string_data.len().try_into().ok()?, "strings")),
        _ => return None,
    };
    if !tensor.raw_data.is_empty() {
        let length = i64::try_from(tensor.raw_data.len()).ok()?;
        let whole = length % size == 0;
        return Some((if whole { length / size } else { -1 }, "in raw data"));
    }
    let typed = tensor.float_data.len()
        + tensor.int32_data.len()
        + tensor.int64_data.len()
        + tensor.double_data.len()
        + tensor.uint64_data.len();
    Some((typed.try_into().ok()?, "in its data field"))
}

fn volume(extents: impl Iterator<Item = i64>, name: &str) -> Result<(), Error> {
    let volume = extents.into_iter().try_fold(1_i64, |volume, extent| volume.checked_mul(extent));
    match volume {
        Some(volume) if volume <= MAX_ELEMENTS => Ok(()),
        _ => Err(Error::model(
            "graph-too-large",
            format!("{name} has more than {MAX_ELEMENTS} elements"),
        )),
    }
}
