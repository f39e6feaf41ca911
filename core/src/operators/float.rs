//! Functions of elements for every float type; tract has them for some.
//!
//! | operator | from | to |
//! |---|---|---|
//! | [`IsNaN`](https://onnx.ai/onnx/operators/onnx__IsNaN.html) | floats of any shape | bool of the same shape |
//! | [`HardSwish`](https://onnx.ai/onnx/operators/onnx__HardSwish.html) | floats of any shape | the same type and shape |
//! | [`LeakyRelu`](https://onnx.ai/onnx/operators/onnx__LeakyRelu.html) | floats of any shape | the same type and shape |
//! | [`Round`](https://onnx.ai/onnx/operators/onnx__Round.html) | floats of any shape | the same type and shape |
//! | [`Sigmoid`](https://onnx.ai/onnx/operators/onnx__Sigmoid.html) | floats of any shape | the same type and shape |
//!
//! Floats are float16, float32 and float64. But for `IsNaN` they are tract's own for all but float64.

use std::sync::Arc;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::checked::of_tract;
use super::tensor::{cast, elements, expect_type, tensor};
use super::written::{Built, Kernel, Shape, build, inputs, wire};

const FLOATS: [DatumType; 3] = [DatumType::F32, DatumType::F64, DatumType::F16];

/// Registers the operators; those that [`super::checked`] takes through other types it registers.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("IsNaN", is_nan);
    onnx.op_register.insert("LeakyRelu", leaky_relu);
    onnx.op_register.insert("Round", round);
}

fn is_nan(_: &ParsingContext, _: &NodeProto) -> Built {
    build(IsNan)
}

#[derive(Debug)]
struct IsNan;

impl Kernel for IsNan {
    fn name(&self) -> &'static str {
        "IsNaN"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("IsNaN", &types.iter().collect::<Vec<_>>())?;
        expect_type("IsNaN", *input, &FLOATS)?;
        Ok(tvec!(DatumType::Bool))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("IsNaN", shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("IsNaN", tensors)?;
        let flags: Vec<bool> = match input.datum_type() {
            DatumType::F32 => elements::<f32>(input)?.iter().map(|x| x.is_nan()).collect(),
            _ => cast::<f64>(input)?.iter().map(|x| x.is_nan()).collect(),
        };
        Ok(tvec!(tensor(flags, input.shape())?))
    }
}

/// tract's operator, with a function of its own for binary64.
#[derive(Clone, Debug)]
struct Wide {
    name: &'static str,
    inner: Box<dyn Expansion>,
    double: Double,
}

/// A function in binary64.
#[derive(Clone, Copy, Debug)]
enum Double {
    HardSwish,
    LeakyRelu(f64),
    Round,
    Sigmoid,
}

impl Double {
    fn of(self, x: f64) -> f64 {
        match self {
            Self::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::LeakyRelu(alpha) if x < 0.0 => alpha * x,
            Self::LeakyRelu(_) => x,
            Self::Round => libm::rint(x),
            // The exponential of a negative number cannot overflow.
            Self::Sigmoid => {
                let positive = 1.0 / (1.0 + libm::exp(-x.abs()));
                if x < 0.0 { 1.0 - positive } else { positive }
            }
        }
    }
}

/// Reads an operator of tract that lacks binary64.
fn wide(
    context: &ParsingContext,
    node: &NodeProto,
    name: &'static str,
    double: Double,
) -> TractResult<Box<dyn Expansion>> {
    let inner = of_tract(context, node)?;
    Ok(Box::new(Wide { name, inner, double }))
}

pub(super) fn hard_swish(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<Box<dyn Expansion>> {
    wide(context, node, "HardSwish", Double::HardSwish)
}

pub(super) fn sigmoid(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<Box<dyn Expansion>> {
    wide(context, node, "Sigmoid", Double::Sigmoid)
}

fn leaky_relu(context: &ParsingContext, node: &NodeProto) -> Built {
    let alpha: f32 = node.get_attr_opt("alpha")?.unwrap_or(0.01);
    let op = wide(context, node, "LeakyRelu", Double::LeakyRelu(alpha.into()))?;
    Ok((Box::new(op), Vec::new()))
}

fn round(context: &ParsingContext, node: &NodeProto) -> Built {
    Ok((Box::new(wide(context, node, "Round", Double::Round)?), Vec::new()))
}

impl Expansion for Wide {
    fn name(&self) -> StaticName {
        self.name.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        let ([input], [output]) = (inputs, outputs) else { bail!("arity was just checked") };
        solver.equals(&output.datum_type, &input.datum_type)?;
        solver.equals(&output.shape, &input.shape)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let [input] = inputs else { bail!("{} has {} inputs, not 1", self.name, inputs.len()) };
        if model.outlet_fact(*input)?.datum_type == DatumType::F64 {
            let Self { name, double, .. } = *self;
            return wire(Arc::new(Doubles { name, double }), prefix, model, inputs);
        }
        self.inner.wire(prefix, model, inputs)
    }
}

/// A function of elements in binary64.
#[derive(Debug)]
struct Doubles {
    name: &'static str,
    double: Double,
}

impl Kernel for Doubles {
    fn name(&self) -> &'static str {
        self.name
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs(self.name, &types.iter().collect::<Vec<_>>())?;
        expect_type(self.name, *input, &[DatumType::F64])?;
        Ok(tvec!(*input))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs(self.name, shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs(self.name, tensors)?;
        let values = elements::<f64>(input)?.iter().map(|x| self.double.of(*x)).collect();
        Ok(tvec!(tensor::<f64>(values, input.shape())?))
    }
}
