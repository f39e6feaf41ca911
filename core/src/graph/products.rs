//! Products of extents.
//!
//! Exports compute positions such as `batch * length + place` with a length that is open when the
//! graph is loaded. tract simplifies a product by one number, takes an extent with a name for one,
//! and fails. Such products keep their meaning here and are left as they are.

use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::math::Mul;

/// Replaces the products that tract fails on.
pub(super) fn keep(model: &mut TypedModel) -> TractResult<()> {
    for node in 0..model.nodes.len() {
        let Some(product) = model.node(node).op_as::<TypedBinOp>() else { continue };
        if !product.0.is::<Mul>() {
            continue;
        }
        let product = Product(product.clone());
        let open = |fact: &&TypedFact| {
            let number = fact.uniform.as_ref().map(|number| number.cast_to_scalar::<i64>());
            fact.datum_type.is_tdim() && number.is_some_and(|number| number.is_err())
        };
        if model.node_input_facts(node)?.iter().any(open)
            && let Some(node) = model.nodes.get_mut(node)
        {
            node.op = Box::new(product);
        }
    }
    Ok(())
}

/// A product that is not simplified.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Product(TypedBinOp);

impl Op for Product {
    fn name(&self) -> StaticName {
        self.0.name()
    }

    op_as_typed_op!();
}

impl EvalOp for Product {
    fn eval(&self, context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        self.0.eval(context, inputs)
    }

    op_out_of_plan!();
}

impl TypedOp for Product {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.0.output_facts(inputs)
    }

    as_op!();
}
