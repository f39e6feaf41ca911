//! Reductions, and `Softmax` in binary64, of nothing. tract panics where there is nothing to sum.

use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, Softmax};
use tract_onnx::tract_hir::internal::*;

/// Guards each of these operators from this node on, where an axis that it goes along may be empty.
pub(super) fn guard(model: &mut TypedModel, from: usize) -> TractResult<()> {
    for node in from..model.nodes.len() {
        let own = model.node(node);
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
        let number = tensor0(number).cast_to_dt(datum)?.into_owned();
        Ok(tvec!(number.broadcast_scalar_to_shape(&shape)?.into_tvalue()))
    }

    op_out_of_plan!();
}

impl TypedOp for NotEmpty {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.op.output_facts(inputs)
    }

    as_op!();
}
