//! Products of what tract does not expect: of two vectors, which is a number, and of numbers, which is
//! refused.

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
        let [a, b] = inputs else { bail!("a product has {} factors, not 2", inputs.len()) };
        solver.given_2(&a.rank, &b.rank, move |solver, a, b| {
            ensure!(a > 0 && b > 0, "a factor is a number; a product takes vectors and matrices");
            self.0.rules(solver, inputs, outputs)
        })
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
