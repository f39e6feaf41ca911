//! Reductions, and `Softmax` in binary64, of nothing. tract panics where there is nothing to sum.
//!
//! What is declared without elements is answered when the graph is loaded, since tract would compute
//! it then; a tensor that may come without elements meets a guard. The mean of nothing is 0, as in
//! ONNX Runtime.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, Softmax};
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::elements;
use crate::operators::reduce;

/// Whether a tensor is declared without elements.
pub(super) fn is_nothing(model: &TypedModel, outlet: OutletId) -> TractResult<bool> {
    let extents = model.outlet_fact(outlet)?.shape.as_concrete();
    Ok(extents.is_some_and(|extents| extents.contains(&0)))
}

/// The answer of a node to an input that is declared without elements, if its input is.
pub(super) fn of_nothing(
    node: &NodeProto,
    prefix: &str,
    model: &mut TypedModel,
    inputs: &[OutletId],
) -> TractResult<Option<OutletId>> {
    let input = inputs.first().context("the operator has no input")?;
    if !is_nothing(model, *input)? {
        return Ok(None);
    }
    let number = match node.op_type.as_str() {
        "LayerNormalization" | "LpNormalization" | "RMSNormalization" | "Softmax"
            if node.output.len() < 2 =>
        {
            return Ok(Some(*input));
        }
        "ReduceL1" | "ReduceL2" | "ReduceMean" | "ReduceSum" | "ReduceSumSquare" => 0.0,
        "ReduceLogSum" => f64::NEG_INFINITY,
        "ReduceProd" => 1.0,
        _ => return Ok(None),
    };
    let present = inputs.iter().map(|input| model.outlet_fact(*input).map(Some));
    let facts = reduce::facts(node, &present.collect::<TractResult<Vec<_>>>()?)?;
    let fact = facts.first().context("a reduction gives nothing")?;
    let shape = fact.shape.as_concrete().context("a reduction to an open shape")?;
    let answer = Const::new(filled(number, fact.datum_type, shape)?.into_arc_tensor())?;
    Ok(model.wire_node(prefix, answer, &[])?.first().copied())
}

/// A tensor of one number.
fn filled(number: f64, datum: DatumType, shape: &[usize]) -> TractResult<Tensor> {
    tensor0(number).cast_to_dt(datum)?.into_owned().broadcast_scalar_to_shape(shape)
}

/// Guards each of these operators from this node on, where an axis that it goes along may be empty.
pub(super) fn guard(model: &mut TypedModel, from: usize) -> TractResult<()> {
    for node in from..model.nodes.len() {
        let own = model.node(node);
        if own.op_as::<TypedBinOp>().is_some_and(|op| op.0.name() == "Div") && node > from {
            let sum = own.inputs.first().context("a mean has no sum")?;
            if model.node(sum.node).op_is::<NotEmpty>() {
                let mean = MeanOfSome(own.op.clone());
                model.nodes.get_mut(node).context("no such node")?.op = Box::new(mean);
            }
            continue;
        }
        let (axes, empty) = match (own.op_as::<Reduce>(), own.op_as::<Softmax>()) {
            (Some(reduce), _) => (&reduce.axes, Empty::of(&reduce.reducer)),
            (_, Some(softmax)) => (&softmax.axes, Empty::Same),
            _ => continue,
        };
        let input = own.inputs.first().context("a reduction has no input")?;
        let TypedFact { shape, datum_type, .. } = model.outlet_fact(*input)?;
        if empty == Empty::Same && *datum_type != DatumType::F64 {
            continue;
        }
        let whole = |dim: &TDim| dim.to_i64().is_ok_and(|extent| extent > 0);
        let along = axes.iter().all(|axis| shape.get(*axis).is_some_and(whole));
        let nowhere = shape.iter().any(|dim| dim.to_i64().is_ok_and(|extent| extent == 0));
        if along && !nowhere {
            continue;
        }
        let guarded = NotEmpty { op: own.op.clone(), axes: axes.clone(), empty };
        if let Some(node) = model.nodes.get_mut(node) {
            node.op = Box::new(guarded);
        }
    }
    Ok(())
}

/// What an operator gives where there is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Empty {
    /// What it was given.
    Same,
    Zeros,
    Ones,
    NotANumber,
}

impl Empty {
    fn of(reducer: &Reducer) -> Self {
        match reducer {
            Reducer::Prod | Reducer::All => Self::Ones,
            Reducer::MeanOfSquares => Self::NotANumber,
            _ => Self::Zeros,
        }
    }
}

/// An operator that is not asked about nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NotEmpty {
    op: Box<dyn TypedOp>,
    axes: TVec<usize>,
    empty: Empty,
}

impl Op for NotEmpty {
    fn name(&self) -> StaticName {
        self.op.name()
    }

    op_as_typed_op!();
}

impl EvalOp for NotEmpty {
    fn eval(&self, context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [input] = inputs.as_slice() else { bail!("a reduction has {} inputs", inputs.len()) };
        if input.len() > 0 {
            return self.op.eval(context, inputs);
        }
        let number = match self.empty {
            Empty::Same => return Ok(inputs),
            Empty::Zeros => 0.0,
            Empty::Ones => 1.0,
            Empty::NotANumber => f64::NAN,
        };
        let mut shape: TVec<usize> = input.shape().into();
        for axis in &self.axes {
            if let Some(extent) = shape.get_mut(*axis) {
                *extent = 1;
            }
        }
        let facts = self.op.output_facts(&[&TypedFact::shape_and_dt_of(input)])?;
        let datum = facts.first().context("a reduction gives nothing")?.datum_type;
        Ok(tvec!(filled(number, datum, &shape)?.into_tvalue()))
    }

    op_out_of_plan!();
}

impl TypedOp for NotEmpty {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.op.output_facts(inputs)
    }

    as_op!();
}

/// The division that ends a mean: of nothing it gives the sum, which is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MeanOfSome(Box<dyn TypedOp>);

impl Op for MeanOfSome {
    fn name(&self) -> StaticName {
        self.0.name()
    }

    op_as_typed_op!();
}

impl EvalOp for MeanOfSome {
    fn eval(&self, context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [sum, count] = inputs.as_slice() else { bail!("a mean has {} inputs", inputs.len()) };
        if elements::<f64>(&*count.cast_to::<f64>()?)?.contains(&0.0) {
            return Ok(tvec!(sum.clone()));
        }
        self.0.eval(context, inputs)
    }

    op_out_of_plan!();
}

impl TypedOp for MeanOfSome {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.0.output_facts(inputs)
    }

    as_op!();
}
