//! What ONNX Runtime's optimisers put in the place of several operators, taken apart again
//! (<https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md>).
//!
//! | `com.microsoft` | of the standard |
//! |---|---|
//! | `Gelu`, `BiasGelu`, `FastGelu` | `Gelu`, of a sum |
//! | `QuickGelu` | `Swish` |
//! | `FusedMatMul` | `MatMul` or `Einsum`, `Mul` |
//! | `FusedGemm`, `FusedConv` | `Gemm`, `Conv`, `Add`, and an activation |
//! | `SkipLayerNormalization`, `SkipSimplifiedLayerNormalization` | `Add`, `LayerNormalization`, `RMSNormalization` |
//! | `SimplifiedLayerNormalization` | `RMSNormalization` |
//! | `MatMulIntegerToFloat`, `DynamicQuantizeMatMul` | `DynamicQuantizeLinear`, `MatMulInteger`, `Cast`, `Mul`, `Add` |

use tract_onnx::pb::AttributeProto;
use tract_onnx::pb::tensor_proto::DataType;

use super::{Rewriter, float, int, text};

/// What a `QuickGelu` multiplies by, unless it says.
const QUICK: f32 = 1.702;
/// What a norm adds to the variance, unless it says.
const EPSILON: f32 = 1e-12;

impl Rewriter<'_> {
    pub(super) fn fused(&mut self) -> Option<()> {
        self.nodes.clear();
        match self.node.op_type.as_str() {
            "Gelu" => self.gelu("none"),
            "BiasGelu" => {
                self.input(1)?;
                self.gelu("none")
            }
            "FastGelu" => self.gelu("tanh"),
            "QuickGelu" => {
                let input = self.input(0)?;
                let alpha = float("alpha", self.float("alpha").unwrap_or(QUICK));
                self.last("Swish", vec![input], vec![alpha])
            }
            "FusedMatMul" => self.matmul(),
            "FusedGemm" => self.activated("Gemm", 3, &["alpha", "beta", "transA", "transB"]),
            "FusedConv" => {
                let kept = ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];
                self.activated("Conv", 3, &kept)
            }
            "SkipLayerNormalization" => self.skip("LayerNormalization", &[2, 3], 4),
            "SkipSimplifiedLayerNormalization" => self.skip("RMSNormalization", &[2], 3),
            "SimplifiedLayerNormalization" => {
                let inputs = vec![self.input(0)?, self.input(1)?];
                let attributes = self.kept(&["axis", "epsilon"]);
                self.last("RMSNormalization", inputs, attributes)
            }
            "MatMulIntegerToFloat" => {
                let inputs = [0, 1, 4, 5].map(|place| self.input(place).unwrap_or_default());
                let scale = self.computed("Mul", vec![self.input(2)?, self.input(3)?], Vec::new());
                self.whole(inputs.into(), scale, 6)
            }
            "DynamicQuantizeMatMul" => self.dynamic(),
            _ => None,
        }
    }

    /// The node's attributes of these names.
    fn kept(&self, names: &[&str]) -> Vec<AttributeProto> {
        let kept = |attribute: &&AttributeProto| names.contains(&attribute.name.as_str());
        self.node.attribute.iter().filter(kept).cloned().collect()
    }

    fn gelu(&mut self, approximate: &str) -> Option<()> {
        let mut input = self.input(0)?;
        if let Some(bias) = self.input(1) {
            input = self.computed("Add", vec![input, bias], Vec::new());
        }
        self.last("Gelu", vec![input], vec![text("approximate", approximate)])
    }

    fn matmul(&mut self) -> Option<()> {
        let flag = |name: &str| self.int(name).unwrap_or(0) != 0;
        if flag("transBatchA") || flag("transBatchB") {
            return None;
        }
        let (inputs, alpha) = (vec![self.input(0)?, self.input(1)?], self.float("alpha"));
        let (operator, attributes) = match (flag("transA"), flag("transB")) {
            (false, false) => ("MatMul", Vec::new()),
            (a, b) => {
                let equation = format!(
                    "...{},...{}->...ij",
                    if a { "ki" } else { "ik" },
                    if b { "jk" } else { "kj" }
                );
                ("Einsum", vec![text("equation", &equation)])
            }
        };
        let Some(alpha) = alpha.filter(|alpha| *alpha != 1.0) else {
            return self.last(operator, inputs, attributes);
        };
        let product = self.computed(operator, inputs, attributes);
        let alpha = self.constant(alpha);
        self.last("Mul", vec![product, alpha], Vec::new())
    }

    /// An operator of `count` inputs, to which one more is added, and an activation.
    fn activated(&mut self, operator: &str, count: usize, kept: &[&str]) -> Option<()> {
        let inputs = self.node.input.iter().take(count).cloned().collect();
        let mut result = self.computed(operator, inputs, self.kept(kept));
        if let Some(sum) = self.input(count) {
            result = self.computed("Add", vec![result, sum], Vec::new());
        }
        let listed = self.attribute("activation_params");
        let listed = listed.map(|attribute| attribute.floats.clone()).unwrap_or_default();
        let parameter = |place: usize, name: &str| {
            listed.get(place).copied().or_else(|| self.float(&format!("activation_{name}")))
        };
        let (first, second) = (parameter(0, "alpha"), parameter(1, "beta"));
        match self.text("activation").unwrap_or("") {
            "" => self.last("Identity", vec![result], Vec::new()),
            plain @ ("Relu" | "Sigmoid" | "Tanh") => {
                let plain = plain.to_owned();
                self.last(&plain, vec![result], Vec::new())
            }
            "LeakyRelu" => {
                let alpha = first.map(|alpha| float("alpha", alpha));
                self.last("LeakyRelu", vec![result], alpha.into_iter().collect())
            }
            "HardSigmoid" => {
                let alpha = first.map(|alpha| float("alpha", alpha));
                let beta = second.map(|beta| float("beta", beta));
                self.last("HardSigmoid", vec![result], alpha.into_iter().chain(beta).collect())
            }
            "Clip" if self.opset >= 11 => {
                let (low, high) = (self.constant(first?), self.constant(second?));
                self.last("Clip", vec![result, low, high], Vec::new())
            }
            _ => None,
        }
    }

    /// The norm of a sum, which may be an output of its own.
    fn skip(&mut self, norm: &str, weights: &[usize], bias: usize) -> Option<()> {
        let node = self.node;
        let named = |place: usize| node.output.get(place).filter(|name| !name.is_empty());
        if named(1).is_some() || named(2).is_some() {
            return None;
        }
        let own = named(3).cloned();
        let mut inputs = vec![self.input(0)?, self.input(1)?];
        if let Some(bias) = self.input(bias) {
            inputs = vec![self.computed("Add", inputs, Vec::new()), bias];
        }
        let sum = match own {
            Some(own) => {
                self.push("Add", inputs, own.clone(), Vec::new());
                own
            }
            None => self.computed("Add", inputs, Vec::new()),
        };
        let mut inputs = vec![sum];
        inputs.extend(weights.iter().filter_map(|place| self.input(*place)));
        let epsilon = self.float("epsilon").unwrap_or(EPSILON);
        self.last(norm, inputs, vec![int("axis", -1), float("epsilon", epsilon)])
    }

    /// A product of integers as floats, by a scale, and with what is added to it.
    fn whole(&mut self, inputs: Vec<String>, scale: String, bias: usize) -> Option<()> {
        let product = self.computed("MatMulInteger", inputs, Vec::new());
        let to = int("to", i64::from(DataType::Float as i32));
        let product = self.computed("Cast", vec![product], vec![to]);
        match self.input(bias) {
            Some(bias) => {
                let product = self.computed("Mul", vec![product, scale], Vec::new());
                self.last("Add", vec![product, bias], Vec::new())
            }
            None => self.last("Mul", vec![product, scale], Vec::new()),
        }
    }

    fn dynamic(&mut self) -> Option<()> {
        let bytes = self.computed("DynamicQuantizeLinear", vec![self.input(0)?], Vec::new());
        let (scale, zero) = (format!("{bytes}.scale"), format!("{bytes}.zero"));
        self.nodes.last_mut()?.output.extend([scale.clone(), zero.clone()]);
        let scale = self.computed("Mul", vec![scale, self.input(2)?], Vec::new());
        let inputs = vec![bytes, self.input(1)?, zero, self.input(3).unwrap_or_default()];
        self.whole(inputs, scale, 4)
    }
}
