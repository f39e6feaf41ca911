//! Operators of tract in another type than that of their inputs: where tract lacks theirs, or loses
//! more of it than one rounding.
//!
//! | inputs | operators | computed in |
//! |---|---|---|
//! | float16 | functions of elements, sums, products, convolutions, normalisations | float32, rounded once |
//! | bool | `Equal`, `Pad` | uint8 |
//! | integers | sums of squares and logarithms | float64 |
//! | int64, uint32, uint64 | `MatMul`, `Einsum` | float64, which is exact up to 2⁵³ |

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};
use tract_onnx::tract_hir::internal::*;

use super::empty::{guard, is_nothing};
use super::{axes, expansion, of_tract, products, read_by_tract, windows};
use crate::operators::float;

/// Operators that go through float32 for float16.
const HALF: [&str; 36] = [
    "Acosh",
    "Asinh",
    "Atanh",
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "ConvTranspose",
    "Cosh",
    "Einsum",
    "Elu",
    "Erf",
    "Exp",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "HardSigmoid",
    "HardSwish",
    "InstanceNormalization",
    "LogSoftmax",
    "Log",
    "LpNormalization",
    "MatMul",
    "MeanVarianceNormalization",
    "Mish",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceMean",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
    "Selu",
    "Sigmoid",
    "Sinh",
    "Softmax",
    "Tanh",
];

/// Of these, the norms with means of their own, which tract takes of nothing, too.
const NORMS: [&str; 2] = ["InstanceNormalization", "MeanVarianceNormalization"];

/// Operators for bools.
const BOOL: [&str; 2] = ["Equal", "Pad"];

/// Products of integers.
const PRODUCTS: [&str; 2] = ["Einsum", "MatMul"];

/// Reductions for integers.
const SQUARES: [&str; 3] = ["ReduceL2", "ReduceLogSum", "ReduceSumSquare"];

/// The operators that are registered here.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    HALF.into_iter().chain(BOOL)
}

/// The type in which an operator computes for inputs of another.
fn through(operator: &str, own: DatumType) -> Option<DatumType> {
    let whole = own.is_integer();
    match own {
        DatumType::F16 if HALF.contains(&operator) => Some(DatumType::F32),
        DatumType::Bool if BOOL.contains(&operator) => Some(DatumType::U8),
        DatumType::I64 | DatumType::U32 | DatumType::U64 if PRODUCTS.contains(&operator) => {
            Some(DatumType::F64)
        }
        _ if whole && SQUARES.contains(&operator) => Some(DatumType::F64),
        _ => None,
    }
}

pub(super) fn through_another(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    if node.op_type == "Pad" && context.onnx_operator_set_version < 11 {
        // Its paddings are attributes, and it has no bools yet.
        return read_by_tract(context, node);
    }
    let inner: Box<dyn Expansion> = match node.op_type.as_str() {
        "Einsum" => products::einsum(context, node)?,
        "MatMul" => expansion(products::product(context, node)?.0)?,
        "HardSwish" => float::hard_swish(context, node)?,
        "Sigmoid" => float::sigmoid(context, node)?,
        operator if axes::REDUCTIONS.contains(&operator) => {
            expansion(axes::reduction(context, node)?.0)?
        }
        operator if axes::ALONG.contains(&operator) => expansion(axes::along(context, node)?.0)?,
        operator if windows::WINDOWED.contains(&operator) => {
            expansion(windows::windowed(context, node)?.0)?
        }
        "LogSoftmax" => {
            let own = NodeProto { op_type: "Softmax".into(), ..node.clone() };
            let softmax = axes::along_unguarded(context, &own)?;
            Box::new(LogSoftmax { softmax, own: expansion(axes::along(context, node)?.0)? })
        }
        _ => of_tract(context, node)?,
    };
    Ok((expand(Through { inner, operator: node.op_type.clone() }), Vec::new()))
}

/// An operator that goes through another type for some.
#[derive(Clone, Debug)]
struct Through {
    inner: Box<dyn Expansion>,
    operator: String,
}

impl Expansion for Through {
    as_inner!();

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let first = inputs.first().context("the operator has no input")?;
        let norm = NORMS.contains(&self.operator.as_str());
        if norm && is_nothing(model, *first)? {
            return Ok(tvec!(*first));
        }
        let own = model.outlet_fact(*first)?.datum_type;
        let Some(other) = through(&self.operator, own) else {
            let before = model.nodes.len();
            let outputs = self.inner.wire(prefix, model, inputs)?;
            if norm {
                guard(model, before)?;
            }
            return Ok(outputs);
        };
        let mut cast_inputs = TVec::new();
        for (place, input) in inputs.iter().enumerate() {
            // Axes are integers, too, and stay what they are.
            let counts = place > 0 && axes::REDUCTIONS.contains(&self.operator.as_str());
            if model.outlet_fact(*input)?.datum_type == own && !counts {
                let name = format!("{prefix}.input{place}");
                cast_inputs.extend(model.wire_node(name, cast(other), &[*input])?);
            } else {
                cast_inputs.push(*input);
            }
        }
        let outputs = self.inner.wire(&format!("{prefix}.other"), model, &cast_inputs)?;
        let mut cast_outputs = TVec::new();
        for (place, output) in outputs.into_iter().enumerate() {
            if model.outlet_fact(output)?.datum_type == other {
                let name = if place == 0 { prefix.into() } else { format!("{prefix}.{place}") };
                cast_outputs.extend(model.wire_node(name, cast(own), &[output])?);
            } else {
                cast_outputs.push(output);
            }
        }
        Ok(cast_outputs)
    }
}

/// The logarithms of a `Softmax`, without the way through its values, which vanish far from the
/// greatest. Of constants, which are computed as they are wired, with it.
#[derive(Clone, Debug)]
struct LogSoftmax {
    softmax: Box<dyn Expansion>,
    own: Box<dyn Expansion>,
}

impl Expansion for LogSoftmax {
    fn name(&self) -> StaticName {
        "LogSoftmax".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        self.own.rules(solver, inputs, outputs)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let input = inputs.first().context("LogSoftmax has no input")?;
        if is_nothing(model, *input)? {
            return Ok(tvec!(*input));
        }
        let before = model.nodes.len();
        let outputs = self.softmax.wire(prefix, model, inputs)?;
        let mut wired = model.nodes.iter_mut().skip(before);
        match wired.find_map(|node| node.op_as_mut::<Softmax>()) {
            Some(softmax) => {
                softmax.kind = SoftmaxKind::LogSoftmax;
                guard(model, before)?;
            }
            None => return self.own.wire(&format!("{prefix}.own"), model, inputs),
        }
        Ok(outputs)
    }
}
