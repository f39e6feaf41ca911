//! `IsNaN` and `Sigmoid` for every float type; tract has them for some.
//!
//! | operator | from | to |
//! |---|---|---|
//! | [`IsNaN`](https://onnx.ai/onnx/operators/onnx__IsNaN.html) | floats of any shape | bool of the same shape |
//! | [`Sigmoid`](https://onnx.ai/onnx/operators/onnx__Sigmoid.html) | floats of any shape | the same type and shape |
//!
//! Floats are float16, float32 and float64. `Sigmoid` is tract's own but for float64.

use std::sync::Arc;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::ops::nn::sigmoid;
use tract_onnx::tract_hir::internal::*;

use super::tensor::{cast, elements, expect_type, tensor};
use super::written::{Built, Kernel, Shape, build, inputs, wire};

const FLOATS: [DatumType; 3] = [DatumType::F32, DatumType::F64, DatumType::F16];

/// Registers both operators.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("IsNaN", is_nan);
    onnx.op_register.insert("Sigmoid", |_, _| Ok((expand(Sigmoid), Vec::new())));
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

#[derive(Clone, Debug)]
struct Sigmoid;

impl Expansion for Sigmoid {
    fn name(&self) -> StaticName {
        "Sigmoid".into()
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
        let [input] = inputs else { bail!("Sigmoid has {} inputs, not 1", inputs.len()) };
        if model.outlet_fact(*input)?.datum_type == DatumType::F64 {
            return wire(Arc::new(WideSigmoid), prefix, model, inputs);
        }
        model.wire_node(prefix, sigmoid(), inputs)
    }
}

/// The logistic function in binary64.
#[derive(Debug)]
struct WideSigmoid;

impl Kernel for WideSigmoid {
    fn name(&self) -> &'static str {
        "Sigmoid"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("Sigmoid", &types.iter().collect::<Vec<_>>())?;
        expect_type("Sigmoid", *input, &[DatumType::F64])?;
        Ok(tvec!(*input))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("Sigmoid", shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("Sigmoid", tensors)?;
        // The exponential of a negative number cannot overflow.
        let logistic = |x: &f64| {
            let positive = 1.0 / (1.0 + libm::exp(-x.abs()));
            if *x < 0.0 { 1.0 - positive } else { positive }
        };
        let values = elements::<f64>(input)?.iter().map(logistic).collect();
        Ok(tvec!(tensor::<f64>(values, input.shape())?))
    }
}
