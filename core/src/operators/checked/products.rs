//! Products of what tract does not expect: of two vectors, which is a number, and of numbers, which is
//! refused; and `Einsum` of factors that have fewer axes than their equation names.

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

pub(super) fn einsum(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<Box<dyn Expansion>> {
    let equation: String = node.get_attr("equation")?;
    let factors = equation.split_once("->").map_or(equation.as_str(), |(factors, _)| factors);
    let count = |factor: &str| factor.chars().filter(|letter| letter.is_alphabetic()).count();
    let letters = factors.split(',').map(count).collect();
    Ok(Box::new(Einsum { inner: of_tract(context, node)?, letters }))
}

/// A sum of products whose factors have the axes that are named.
#[derive(Clone, Debug)]
struct Einsum {
    inner: Box<dyn Expansion>,
    /// How many axes of each factor have a name.
    letters: Vec<usize>,
}

impl Einsum {
    fn check(named: usize, rank: usize) -> TractResult<()> {
        ensure!(rank >= named, "a factor of rank {rank}, of which {named} axes are named");
        Ok(())
    }
}

impl Expansion for Einsum {
    fn name(&self) -> StaticName {
        self.inner.name()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        for (input, named) in inputs.iter().zip(&self.letters) {
            solver
                .given(&input.rank, move |_, rank| Self::check(*named, usize::try_from(rank)?))?;
        }
        self.inner.rules(solver, inputs, outputs)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        for (input, named) in inputs.iter().zip(&self.letters) {
            Self::check(*named, model.outlet_fact(*input)?.rank())?;
        }
        self.inner.wire(prefix, model, inputs)
    }
}
