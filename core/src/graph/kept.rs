//! Operators between two tensors that a plan leaves as they are written.
//!
//! - Products of extents. Exports compute positions such as `batch * length + place` with a length
//!   that is open when the graph is loaded. tract simplifies a product by one number, takes an extent
//!   with a name for one, and fails.
//! - Products by zero, of floats. tract makes them zero, and NaN and infinity times zero are NaN. So are
//!   quotients by infinity, which tract makes products.
//! - The greater and the lesser of floats, of which `Relu`, `Clip`, `Max` and `Min` are made. tract
//!   gives the number where the other is NaN. Rows are kept; of higher ranks, as pictures and
//!   sequences have them, bounds are computed with the product before them, which is what makes them
//!   fast, and lose NaN.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::{Div, Max, Min, Mul};

use crate::operators::bounds::bounded;

/// The highest rank at which bounds keep NaN.
const ROWS: usize = 2;

/// Replaces the operators that tract would change.
pub(super) fn keep(model: &mut TypedModel) -> TractResult<()> {
    for node in 0..model.nodes.len() {
        let Some(op) = model.node(node).op_as::<TypedBinOp>().cloned() else { continue };
        let Some(kind) = kind(&op, &model.node_input_facts(node)?) else { continue };
        if let Some(node) = model.nodes.get_mut(node) {
            node.op = Box::new(Kept { op, kind });
        }
    }
    Ok(())
}

/// What is to be kept of an operator, if anything.
fn kind(op: &TypedBinOp, inputs: &[&TypedFact]) -> Option<Kind> {
    let floats = inputs.iter().all(|fact| fact.datum_type.is_float());
    let rows = floats && inputs.iter().all(|fact| fact.rank() <= ROWS);
    if op.0.is::<Mul>() {
        let special = inputs.iter().any(|fact| is_open(fact) || is_zero(fact));
        return special.then_some(Kind::Product);
    }
    if op.0.is::<Div>() {
        return inputs.get(1).is_some_and(|divisor| is_infinite(divisor)).then_some(Kind::Product);
    }
    let greater = op.0.is::<Max>();
    (rows && (greater || op.0.is::<Min>())).then_some(Kind::Bound { greater })
}

/// Whether it is one extent with a name.
fn is_open(fact: &TypedFact) -> bool {
    let number = fact.uniform.as_ref().map(|number| number.cast_to_scalar::<i64>());
    fact.datum_type.is_tdim() && number.is_some_and(|number| number.is_err())
}

/// Whether it is zeros of floats.
fn is_zero(fact: &TypedFact) -> bool {
    float(fact) == Some(0.0)
}

/// Whether it is infinities of one sign.
fn is_infinite(fact: &TypedFact) -> bool {
    float(fact).is_some_and(f64::is_infinite)
}

/// The float that all of it is, if it is one.
fn float(fact: &TypedFact) -> Option<f64> {
    let number = fact.uniform.as_ref().filter(|_| fact.datum_type.is_float())?;
    number.cast_to_scalar::<f64>().ok()
}

/// An operator that is not simplified.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    op: TypedBinOp,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Product,
    Bound { greater: bool },
}

impl Op for Kept {
    fn name(&self) -> StaticName {
        self.op.name()
    }

    op_as_typed_op!();
}

impl EvalOp for Kept {
    fn eval(&self, context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        match (self.kind, inputs.as_slice()) {
            (Kind::Bound { greater }, [a, b]) => Ok(tvec!(bounded(a, b, greater)?.into_tvalue())),
            _ => self.op.eval(context, inputs),
        }
    }

    op_out_of_plan!();
}

impl TypedOp for Kept {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.op.output_facts(inputs)
    }

    as_op!();
}
