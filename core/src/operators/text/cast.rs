//! `Cast` from and to strings, and from floats to integers; between other numbers it is tract's own.
//!
//! [`Cast`](https://onnx.ai/onnx/operators/onnx__Cast.html) keeps the shape. Floats are written as
//! ONNX Runtime writes them, with 8 significant digits, and read with the words `INF`, `-INF`
//! and `NaN`; booleans are `1` and `0`. A text that is no number of the type asked for is an error.

use std::sync::Arc;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::ops::cast::cast as numeric;
use tract_onnx::tract_hir::internal::*;

use super::number::{general, parse};
use crate::operators::kernel::{is_whole, to_whole};
use crate::operators::tensor::{elements, tensor};
use crate::operators::written::{self, Built, Kernel, Shape, inputs};

pub(super) fn cast(_: &ParsingContext, node: &NodeProto) -> Built {
    Ok((expand(Cast { to: node.get_attr("to")? }), Vec::new()))
}

#[derive(Clone, Debug)]
struct Cast {
    to: DatumType,
}

impl Cast {
    /// What the output is: tract keeps extents in a type of their own, which has 32 bits for others.
    fn output(&self, from: DatumType) -> DatumType {
        match self.to {
            DatumType::I64 if from == DatumType::TDim => DatumType::TDim,
            to => to,
        }
    }
}

impl Expansion for Cast {
    fn name(&self) -> StaticName {
        "Cast".into()
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
        solver.equals(&output.shape, &input.shape)?;
        solver.given(&input.datum_type, move |solver, from| {
            solver.equals(&output.datum_type, self.output(from))
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let [input] = inputs else { bail!("Cast has {} inputs, not 1", inputs.len()) };
        let from = model.outlet_fact(*input)?.datum_type;
        let of_texts = from == DatumType::String || self.to == DatumType::String;
        if of_texts || is_whole(from, self.to) {
            return written::wire(Arc::new(OwnCast { to: self.to }), prefix, model, inputs);
        }
        model.wire_node(prefix, numeric(self.output(from)), inputs)
    }
}

/// From and to strings, and from floats to integers.
#[derive(Debug)]
struct OwnCast {
    to: DatumType,
}

impl Kernel for OwnCast {
    fn name(&self) -> &'static str {
        "Cast"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [_] = inputs("Cast", &types.iter().collect::<Vec<_>>())?;
        Ok(tvec!(self.to))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("Cast", shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("Cast", tensors)?;
        if is_whole(input.datum_type(), self.to) {
            return Ok(tvec!(to_whole(input, self.to)?));
        }
        if self.to == DatumType::String {
            return Ok(tvec!(tensor(written(input)?, input.shape())?));
        }
        let (texts, shape) = (elements::<String>(input)?, input.shape());
        macro_rules! read {
            ($number:ty) => {{
                let numbers = texts.iter().map(|text| parse::<$number>(text));
                tensor(numbers.collect::<TractResult<Vec<_>>>()?, shape)?
            }};
        }
        Ok(tvec!(match self.to {
            DatumType::F32 => read!(f32),
            DatumType::F64 => read!(f64),
            DatumType::F16 => {
                let numbers = texts.iter().map(|text| parse::<f32>(text).map(f16::from_f32));
                tensor(numbers.collect::<TractResult<Vec<_>>>()?, shape)?
            }
            DatumType::I8 => read!(i8),
            DatumType::I16 => read!(i16),
            DatumType::I32 => read!(i32),
            DatumType::I64 => read!(i64),
            DatumType::U8 => read!(u8),
            DatumType::U16 => read!(u16),
            DatumType::U32 => read!(u32),
            DatumType::U64 => read!(u64),
            DatumType::Bool => {
                let numbers = texts.iter().map(|text| parse::<i64>(text).map(|x| x != 0));
                tensor(numbers.collect::<TractResult<Vec<_>>>()?, shape)?
            }
            other => bail!("Cast from strings to {other:?} is not supported"),
        }))
    }
}

fn written(input: &Tensor) -> TractResult<Vec<String>> {
    macro_rules! write {
        ($number:ty) => {
            elements::<$number>(input)?.iter().map(ToString::to_string).collect()
        };
    }
    Ok(match input.datum_type() {
        DatumType::String => elements::<String>(input)?.to_vec(),
        DatumType::F32 => elements::<f32>(input)?.iter().map(|x| general((*x).into())).collect(),
        DatumType::F64 => elements::<f64>(input)?.iter().map(|x| general(*x)).collect(),
        DatumType::F16 => {
            elements::<f16>(input)?.iter().map(|x| general(x.to_f32().into())).collect()
        }
        DatumType::Bool => {
            elements::<bool>(input)?.iter().map(|x| u8::from(*x).to_string()).collect()
        }
        DatumType::I8 => write!(i8),
        DatumType::I16 => write!(i16),
        DatumType::I32 => write!(i32),
        DatumType::I64 => write!(i64),
        DatumType::U8 => write!(u8),
        DatumType::U16 => write!(u16),
        DatumType::U32 => write!(u32),
        DatumType::U64 => write!(u64),
        other => bail!("Cast from {other:?} to strings is not supported"),
    })
}
