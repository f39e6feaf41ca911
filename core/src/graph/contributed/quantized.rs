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

use tract_onnx::pb::{AttributeProto, NodeProto};

use super::{Rewriter, int};

/// Operators of one input, with what they are in the standard.
const UNARY: [(&str, &str); 5] = [
    ("QLinearAveragePool", "AveragePool"),
    ("QLinearGlobalAveragePool", "GlobalAveragePool"),
    ("QLinearLeakyRelu", "LeakyRelu"),
    ("QLinearSigmoid", "Sigmoid"),
    ("QLinearSoftmax", "Softmax"),
];

impl Rewriter<'_> {
    pub(super) fn quantized(&mut self) -> Option<()> {
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
        self.last("Gemm", inputs, attributes)
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
        self.last("QuantizeLinear", inputs, Vec::new())
    }

    /// The axis of a scale, which older versions do not know.
    fn axis(&self, axis: Option<i64>) -> Vec<AttributeProto> {
        axis.filter(|_| self.opset >= 13).map(|axis| int("axis", axis)).into_iter().collect()
    }
}
