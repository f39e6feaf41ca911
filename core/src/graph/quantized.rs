//! ONNX Runtime's quantised operators, which its quantizer writes in the format `QOperator`, as operators
//! of the standard: what goes in is dequantised, computed with, and quantised again. ONNX Runtime
//! defines them so (<https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md>).
//!
//! | `com.microsoft` | of the standard between the two |
//! |---|---|
//! | `QLinearAdd`, `QLinearMul` | `Add`, `Mul` |
//! | `QLinearSigmoid`, `QLinearLeakyRelu` | `Sigmoid`, `LeakyRelu` |
//! | `QLinearSoftmax` | `Softmax` |
//! | `QLinearAveragePool`, `QLinearGlobalAveragePool` | `AveragePool`, `GlobalAveragePool` |
//! | `QLinearConcat` | `Concat` |
//! | `QuantizeLinear`, `DequantizeLinear` | the same in the standard |
//! | `QGemm` | `Gemm`, its sum not quantised again where it has no scale |

use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto};

/// Operators of one input, with what they are in the standard.
const UNARY: [(&str, &str); 5] = [
    ("QLinearAveragePool", "AveragePool"),
    ("QLinearGlobalAveragePool", "GlobalAveragePool"),
    ("QLinearLeakyRelu", "LeakyRelu"),
    ("QLinearSigmoid", "Sigmoid"),
    ("QLinearSoftmax", "Softmax"),
];

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
        if node.domain != "com.microsoft" || opset < 10 {
            return None;
        }
        let mut own = Self { node, opset, nodes: Vec::new() };
        own.rewrite()?;
        Some(own.nodes)
    }

    fn rewrite(&mut self) -> Option<()> {
        if let Some((_, operator)) = UNARY.iter().find(|(name, _)| *name == self.node.op_type) {
            return self.unary(operator);
        }
        match self.node.op_type.as_str() {
            "QLinearAdd" => self.binary("Add"),
            "QLinearMul" => self.binary("Mul"),
            "QLinearConcat" => self.concat(),
            "QGemm" => self.gemm(),
            "DequantizeLinear" | "QuantizeLinear" => {
                self.nodes.push(NodeProto { domain: String::new(), ..self.node.clone() });
                Some(())
            }
            _ => None,
        }
    }

    fn unary(&mut self, operator: &str) -> Option<()> {
        // What `opset` says of a Softmax is said of the node; the standard's is that of the model.
        let softmax = self.int("opset").is_some_and(|own| (own < 13) != (self.opset < 13));
        if softmax || self.int("channels_last").unwrap_or(0) != 0 {
            return None;
        }
        let input = self.dequantized(0, None)?;
        let kept = |name: &str| !matches!(name, "channels_last" | "opset");
        let attributes = self.node.attribute.iter().filter(|attribute| kept(&attribute.name));
        let result = self.computed(operator, vec![input], attributes.cloned().collect());
        self.quantize(result, 3)
    }

    fn binary(&mut self, operator: &str) -> Option<()> {
        let inputs = vec![self.dequantized(0, None)?, self.dequantized(3, None)?];
        let result = self.computed(operator, inputs, Vec::new());
        self.quantize(result, 6)
    }

    /// The scale and zero point of the output come first.
    fn concat(&mut self) -> Option<()> {
        let places = (2..self.node.input.len()).step_by(3);
        let inputs = places.map(|place| self.dequantized(place, None));
        let inputs = inputs.collect::<Option<Vec<_>>>()?;
        let result = self.computed("Concat", inputs, self.node.attribute.clone());
        self.quantize(result, 0)
    }

    /// The third matrix has the product of the scales of the others.
    fn gemm(&mut self) -> Option<()> {
        if self.float("alpha").is_some_and(|alpha| alpha != 1.0) {
            return None;
        }
        let turned = self.int("transB").unwrap_or(0) != 0;
        let columns = i64::from(!turned);
        let mut inputs = vec![self.dequantized(0, None)?, self.dequantized(3, Some(columns))?];
        if let Some(sum) = self.input(6) {
            let scales = vec![self.input(1)?, self.input(4)?];
            let scale = self.computed("Mul", scales, Vec::new());
            let axis = self.axis(Some(0));
            inputs.push(self.computed("DequantizeLinear", vec![sum, scale], axis));
        }
        let attributes = self.node.attribute.clone();
        if self.input(7).is_some() {
            let result = self.computed("Gemm", inputs, attributes);
            return self.quantize(result, 7);
        }
        let output = self.node.output.first()?.clone();
        self.push("Gemm", inputs, output, attributes);
        Some(())
    }

    /// A value as floats: the input at this place, by the scale and the zero point behind it. A scale
    /// may have a number for each place along `axis`.
    fn dequantized(&mut self, first: usize, axis: Option<i64>) -> Option<String> {
        let mut inputs = vec![self.input(first)?, self.input(first + 1)?];
        inputs.extend(self.input(first + 2));
        let attributes = self.axis(axis);
        Some(self.computed("DequantizeLinear", inputs, attributes))
    }

    /// Gives a value as the node's output, by the scale and the zero point at this place.
    fn quantize(&mut self, value: String, first: usize) -> Option<()> {
        let mut inputs = vec![value, self.input(first)?];
        inputs.extend(self.input(first + 1));
        let output = self.node.output.first()?.clone();
        self.push("QuantizeLinear", inputs, output, Vec::new());
        Some(())
    }

    /// The axis of a scale, which older versions do not know.
    fn axis(&self, axis: Option<i64>) -> Vec<AttributeProto> {
        let attribute = |i| AttributeProto {
            name: "axis".into(),
            r#type: AttributeType::Int as i32,
            i,
            ..Default::default()
        };
        axis.filter(|_| self.opset >= 13).map(attribute).into_iter().collect()
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
}
