//! The product of two vectors, a number, which tract refuses.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::of_tract;

pub(super) fn product(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(Product(of_tract(context, node)?)), Vec::new()))
}

/// tract's product of matrices, with vectors made matrices.
#[derive(Clone, Debug)]
struct Product(Box<dyn Expansion>);

impl Expansion for Product {
    fn name(&self) -> StaticName {
        self.0.name()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        self.0.rules(solver, inputs, outputs)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let &[a, b] = inputs else { bail!("a product has {} factors, not 2", inputs.len()) };
        if model.outlet_fact(a)?.rank() != 1 || model.outlet_fact(b)?.rank() != 1 {
            return self.0.wire(prefix, model, inputs);
        }
        let mut factors = model.wire_node(format!("{prefix}.row"), AxisOp::Add(0), &[a])?;
        factors.extend(model.wire_node(format!("{prefix}.column"), AxisOp::Add(1), &[b])?);
        let square = self.0.wire(&format!("{prefix}.square"), model, &factors)?;
        let row = model.wire_node(format!("{prefix}.rows"), AxisOp::Rm(0), &square)?;
        model.wire_node(prefix, AxisOp::Rm(0), &row)
    }
}
