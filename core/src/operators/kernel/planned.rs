//! Kernels within a plan of tract's.
//!
//! A plan has to know types and shapes before it runs. A kernel that can tell them from those of
//! its inputs says so with [`Facts`] and then serves there too.

use std::sync::Arc;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::broadcast::multi_broadcast;
use tract_onnx::tract_hir::internal::*;

use super::{Call, Kernel, Value};

/// How the types and shapes of the outputs follow from those of the inputs.
#[derive(Clone, Copy)]
pub(crate) enum Facts {
    /// One output, like the first input.
    Like,
    /// One output of the first input's type, of the shape that all inputs are stretched to.
    Stretched,
    /// Whatever this function finds; an error if it takes values to tell.
    By(Find),
}

/// Finds the facts of a node's outputs from those of its inputs, by position.
type Find = fn(&NodeProto, &[Option<&TypedFact>]) -> TractResult<TVec<TypedFact>>;

/// Reads a node whose operator has a kernel with facts.
pub(crate) fn read(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let entry = crate::operators::kernels().get(&node.op_type).context("there is no kernel")?;
    let facts = entry.facts.context("the kernel serves in no plan")?;
    let inner = Arc::new(Inner {
        node: node.clone(),
        opset: context.onnx_operator_set_version,
        kernel: entry.kernel,
        facts,
    });
    Ok((expand(Planned(inner)), Vec::new()))
}

struct Inner {
    node: NodeProto,
    opset: i64,
    kernel: Kernel,
    facts: Facts,
}

/// A kernel as an operator of tract's.
#[derive(Clone)]
struct Planned(Arc<Inner>);

impl std::fmt::Debug for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Planned({})", self.0.node.op_type)
    }
}

/// Operators are equal when they are clones of each other.
impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Planned {}

impl Planned {
    /// What is there, at the places that the node gives it.
    fn placed<T>(&self, present: impl IntoIterator<Item = T>) -> Vec<Option<T>> {
        let mut present = present.into_iter();
        let names = self.0.node.input.iter();
        names.map(|name| if name.is_empty() { None } else { present.next() }).collect()
    }
}

/// An extent is an integer to a kernel.
fn plain(datum: DatumType) -> DatumType {
    if datum == TDim::datum_type() { DatumType::I64 } else { datum }
}

impl Expansion for Planned {
    fn name(&self) -> StaticName {
        self.0.node.op_type.clone().into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.0.node.output.iter().filter(|name| !name.is_empty()).count())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        if let (Facts::Like, Some(input), Some(output)) =
            (self.0.facts, inputs.first(), outputs.first())
        {
            solver.equals(&input.shape, &output.shape)?;
        }
        Ok(())
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for Planned {
    fn name(&self) -> StaticName {
        self.0.node.op_type.clone().into()
    }

    op_as_typed_op!();
}

impl EvalOp for Planned {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            // An extent is an integer to a kernel.
            let extents = input.datum_type() == TDim::datum_type();
            values.push(match extents {
                true => Value::from(input.cast_to::<i64>()?.into_owned()),
                false => Value::from(input.into_arc_tensor()),
            });
        }
        let inputs = self.placed(values);
        let call = Call { node: &self.0.node, opset: self.0.opset, inputs: &inputs };
        let outputs = (self.0.kernel)(&call)?.into_iter().zip(&self.0.node.output);
        let named = outputs.filter(|(_, name)| !name.is_empty());
        Ok(named.map(|(value, _)| value.tensor.into_tvalue()).collect())
    }
}

impl TypedOp for Planned {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let first = inputs.first().context("the operator has no input")?;
        match self.0.facts {
            Facts::Like => Ok(tvec!(plain(first.datum_type).fact(first.shape.clone()))),
            Facts::Stretched => {
                let shapes: TVec<_> = inputs.iter().map(|fact| fact.shape.to_tvec()).collect();
                let shape = multi_broadcast(&shapes)?;
                Ok(tvec!(plain(first.datum_type).fact(shape)))
            }
            Facts::By(find) => {
                let mut facts = find(&self.0.node, &self.placed(inputs.iter().copied()))?;
                facts.iter_mut().for_each(|fact| fact.datum_type = plain(fact.datum_type));
                Ok(facts)
            }
        }
    }

    as_op!();
}
