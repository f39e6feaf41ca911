//! ONNX Runtime's own operators, which its tools write into graphs, as operators of the standard.

mod fused;
mod quantized;

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// Writes the operators of a model anew. One that is used in a way that the standard has not stays, and
/// is refused with the others that are not supported.
pub(super) fn rewrite(proto: &mut ModelProto) {
    let standard = |domain: &str| matches!(domain, "" | "ai.onnx");
    let opset = proto.opset_import.iter().find(|set| standard(&set.domain));
    let opset = opset.map_or(0, |set| set.version);
    if let Some(graph) = &mut proto.graph {
        rewrite_graph(graph, opset);
    }
}

fn rewrite_graph(graph: &mut GraphProto, opset: i64) {
    let mut nodes = Vec::with_capacity(graph.node.len());
    for mut node in std::mem::take(&mut graph.node) {
        for attribute in &mut node.attribute {
            let graphs = attribute.g.iter_mut().chain(&mut attribute.graphs);
            graphs.for_each(|graph| rewrite_graph(graph, opset));
        }
        match Rewriter::of(&node, opset) {
            Some(own) => nodes.extend(own),
            None => nodes.push(node),
        }
    }
    graph.node = nodes;
}

/// What becomes of one node.
struct Rewriter<'a> {
    node: &'a NodeProto,
    opset: i64,
    nodes: Vec<NodeProto>,
}

impl<'a> Rewriter<'a> {
    fn of(node: &'a NodeProto, opset: i64) -> Option<Vec<NodeProto>> {
        let fused = node.op_type == "SimplifiedLayerNormalization";
        if (node.domain != "com.microsoft" && !fused) || opset < 10 {
            return None;
        }
        let mut own = Self { node, opset, nodes: Vec::new() };
        own.quantized().or_else(|| own.fused())?;
        Some(own.nodes)
    }

    /// A node whose output has a name of its own.
    fn computed(
        &mut self,
        operator: &str,
        inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) -> String {
        let output = self.node.output.first().map_or("", String::as_str);
        let output = format!("{output}:{}", self.nodes.len());
        self.push(operator, inputs, output.clone(), attributes);
        output
    }

    /// A node that gives the first output.
    fn last(
        &mut self,
        operator: &str,
        inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) -> Option<()> {
        let output = self.node.output.first()?.clone();
        self.push(operator, inputs, output, attributes);
        Some(())
    }

    fn push(
        &mut self,
        operator: &str,
        inputs: Vec<String>,
        output: String,
        attributes: Vec<AttributeProto>,
    ) {
        // Names of nodes are unique; the last one keeps that of all.
        let last = self.node.output.first() == Some(&output);
        let name = match self.node.name.as_str() {
            "" => String::new(),
            name if last => name.into(),
            name => format!("{name}:{}", self.nodes.len()),
        };
        self.nodes.push(NodeProto {
            name,
            op_type: operator.into(),
            input: inputs,
            output: vec![output],
            attribute: attributes,
            ..Default::default()
        });
    }

    fn input(&self, place: usize) -> Option<String> {
        self.node.input.get(place).filter(|name| !name.is_empty()).cloned()
    }

    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name).map(|attribute| attribute.i)
    }

    fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name).map(|attribute| attribute.f)
    }

    /// A number of the graph's.
    fn constant(&mut self, number: f32) -> String {
        let value = TensorProto {
            data_type: DataType::Float as i32,
            float_data: vec![number],
            ..Default::default()
        };
        let attribute = AttributeProto {
            name: "value".into(),
            r#type: AttributeType::Tensor as i32,
            t: Some(value),
            ..Default::default()
        };
        self.computed("Constant", Vec::new(), vec![attribute])
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name).and_then(|attribute| std::str::from_utf8(&attribute.s).ok())
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    let r#type = AttributeType::Int as i32;
    AttributeProto { name: name.into(), r#type, i, ..Default::default() }
}

fn float(name: &str, f: f32) -> AttributeProto {
    let r#type = AttributeType::Float as i32;
    AttributeProto { name: name.into(), r#type, f, ..Default::default() }
}

fn text(name: &str, s: &str) -> AttributeProto {
    let r#type = AttributeType::String as i32;
    AttributeProto { name: name.into(), r#type, s: s.into(), ..Default::default() }
}
