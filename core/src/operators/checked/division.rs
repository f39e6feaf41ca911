//! Divisions of integers, which are calculated here.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::broadcast::multi_broadcast;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::binary::{wire_cast, wire_rank_broadcast};

use super::of_tract;
use crate::operators::kernel::{broadcast, elements, expand_to, for_integer, integers, values_of};

pub(super) fn division(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let kind = match (node.op_type.as_str(), node.get_attr_opt::<i64>("fmod")?) {
        ("Div", _) => Kind::Quotient,
        (_, Some(1)) => Kind::Remainder,
        _ => Kind::Modulus,
    };
    Ok((expand(Division { inner: of_tract(context, node)?, kind }), Vec::new()))
}

/// What is wanted of two integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Quotient,
    /// With the sign of the dividend.
    Remainder,
    /// With the sign of the divisor.
    Modulus,
}

/// A division that is calculated here if it is one of integers.
#[derive(Clone, Debug)]
struct Division {
    inner: Box<dyn Expansion>,
    kind: Kind,
}

impl Expansion for Division {
    as_inner!();

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let &[a, b] = inputs else { bail!("a division has {} inputs, not 2", inputs.len()) };
        let (dividend, divisor) = (model.outlet_fact(a)?.datum_type, model.outlet_fact(b)?);
        // An extent that is not known yet is divided by tract.
        if let Some(divisor) = &divisor.konst
            && (divisor.datum_type().is_integer() || divisor.datum_type() == TDim::datum_type())
            && let Ok(values) = integers(divisor)
        {
            ensure!(!values.contains(&0), "an integer is divided by zero");
        }
        let datum = dividend.common_super_type(divisor.datum_type);
        let Some(datum) = datum.filter(|datum| datum.is_integer()) else {
            return self.inner.wire(prefix, model, inputs);
        };
        let wires = wire_rank_broadcast(prefix, model, inputs)?;
        let wires = wire_cast(prefix, model, &wires, datum)?;
        model.wire_node(prefix, IntegerDivision(self.kind), &wires)
    }
}

/// A division of integers of one type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct IntegerDivision(Kind);

impl Op for IntegerDivision {
    fn name(&self) -> StaticName {
        "IntegerDivision".into()
    }

    op_as_typed_op!();
}

impl EvalOp for IntegerDivision {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let (a, b) = args_2!(inputs);
        let shape = broadcast(a.shape(), b.shape())?;
        let (a, b) = (expand_to(&a, &shape)?, expand_to(&b, &shape)?);
        for_integer!(a.datum_type(), T => {
            let mut results = Vec::with_capacity(a.len());
            for (a, b) in elements::<T>(&a)?.iter().zip(elements::<T>(&b)?) {
                ensure!(*b != 0, "an integer is divided by zero");
                let rest = a.wrapping_rem(*b);
                results.push(match self.0 {
                    Kind::Quotient => a.wrapping_div(*b),
                    Kind::Remainder => rest,
                    Kind::Modulus if rest != 0 && (rest > 0) != (*b > 0) => rest.wrapping_add(*b),
                    Kind::Modulus => rest,
                });
            }
            Ok(tvec!(values_of(&shape, results)?.into_tvalue()))
        })
    }
}

impl TypedOp for IntegerDivision {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [a, b] = inputs else { bail!("a division has 2 inputs") };
        let shapes = [a.shape.to_tvec(), b.shape.to_tvec()];
        let shape = multi_broadcast(&shapes)?;
        Ok(tvec!(a.datum_type.fact(shape)))
    }

    as_op!();
}
