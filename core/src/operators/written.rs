//! Operators that are written out: what they have in common towards tract.
//!
//! A [`Kernel`] says of which types and shapes its outputs are and computes them from whole tensors.
//! This module makes an operator of tract out of it, so that a family only holds its own rules. What
//! a kernel may rely on is the type of its inputs; shapes it checks again when tensors arrive,
//! because a graph's dimensions may have been open.

use std::fmt::Debug;
use std::sync::Arc;

use tract_onnx::model::ParsingContext;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_hir::internal::*;

/// A shape of a typed graph, with symbols for what is open.
pub(super) type Shape = TVec<TDim>;

/// The rules and the computation of an operator.
pub(super) trait Kernel: Debug + Send + Sync + 'static {
    /// The operator's name in the specification.
    fn name(&self) -> &'static str;

    /// How many outputs there are.
    fn outputs(&self) -> usize {
        1
    }

    /// The types of the outputs. Refuses inputs that the operator does not take.
    fn types(&self, inputs: &[DatumType]) -> TractResult<TVec<DatumType>>;

    /// The shapes of the outputs; `open` stands for an extent that depends on values.
    fn shapes(&self, inputs: &[&[TDim]], open: &TDim) -> TractResult<TVec<Shape>>;

    /// Computes the outputs. The inputs have types that [`types`](Kernel::types) accepted.
    fn run(&self, inputs: &[&Tensor]) -> TractResult<TVec<Tensor>>;
}

/// What a builder of an operator returns to tract.
pub(super) type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// An operator of tract from a kernel.
pub(super) fn build(kernel: impl Kernel) -> Built {
    Ok((Box::new(Untyped { kernel: Arc::new(kernel), open: None }), Vec::new()))
}

/// An operator of tract from a kernel some of whose extents depend on values.
pub(super) fn build_open(context: &ParsingContext, kernel: impl Kernel) -> Built {
    let open = context.template.symbols.new_with_prefix("open").into();
    Ok((Box::new(Untyped { kernel: Arc::new(kernel), open: Some(open) }), Vec::new()))
}

/// Adds a kernel to a typed graph. Its extents depend on those of its inputs alone.
pub(super) fn wire(
    kernel: Arc<dyn Kernel>,
    prefix: &str,
    model: &mut TypedModel,
    inputs: &[OutletId],
) -> TractResult<TVec<OutletId>> {
    wire_open(kernel, TDim::Val(0), prefix, model, inputs)
}

fn wire_open(
    kernel: Arc<dyn Kernel>,
    open: TDim,
    prefix: &str,
    model: &mut TypedModel,
    inputs: &[OutletId],
) -> TractResult<TVec<OutletId>> {
    let mut plain = TVec::new();
    for (index, input) in inputs.iter().enumerate() {
        // tract's symbolic integers are integers to everybody else.
        if model.outlet_fact(*input)?.datum_type == DatumType::TDim {
            let name = format!("{prefix}.integers.{index}");
            plain.extend(model.wire_node(name, cast(DatumType::I64), &[*input])?);
        } else {
            plain.push(*input);
        }
    }
    model.wire_node(prefix, Typed { kernel, open }, &plain)
}

/// The number of inputs that an operator has, as an array of them.
pub(super) fn inputs<'a, T: ?Sized, const N: usize>(
    name: &str,
    inputs: &[&'a T],
) -> TractResult<[&'a T; N]> {
    <[&'a T; N]>::try_from(inputs)
        .map_err(|_| format_err!("{name} has {} inputs, not {N}", inputs.len()))
}

fn plain(datum_type: DatumType) -> DatumType {
    if datum_type == DatumType::TDim { DatumType::I64 } else { datum_type }
}

fn run(kernel: &dyn Kernel, inputs: &[TValue]) -> TractResult<TVec<TValue>> {
    let integers = |input: &TValue| -> TractResult<TValue> {
        if input.datum_type() != DatumType::TDim {
            return Ok(input.clone());
        }
        Ok(input.cast_to::<i64>()?.into_owned().into_tvalue())
    };
    let inputs = inputs.iter().map(integers).collect::<TractResult<TVec<_>>>()?;
    let inputs: TVec<&Tensor> = inputs.iter().map(|input| &**input).collect();
    Ok(kernel.run(&inputs)?.into_iter().map(Tensor::into_tvalue).collect())
}

/// A kernel before the types and shapes around it are known.
#[derive(Clone, Debug)]
struct Untyped {
    kernel: Arc<dyn Kernel>,
    /// Stands for an extent that depends on values.
    open: Option<TDim>,
}

impl Untyped {
    fn open(&self) -> TDim {
        self.open.clone().unwrap_or_default()
    }
}

impl PartialEq for Untyped {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kernel, &other.kernel)
    }
}

impl Eq for Untyped {}

impl Op for Untyped {
    fn name(&self) -> StaticName {
        self.kernel.name().into()
    }

    not_a_typed_op!();
}

impl EvalOp for Untyped {
    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        run(&*self.kernel, &inputs).map(Some)
    }
}

impl InferenceOp for Untyped {
    fn infer_facts(
        &mut self,
        inputs: TVec<&InferenceFact>,
        outputs: TVec<&InferenceFact>,
        observed: TVec<&InferenceFact>,
    ) -> TractResult<(TVec<InferenceFact>, TVec<InferenceFact>, TVec<InferenceFact>)> {
        let owned = |facts: TVec<&InferenceFact>| facts.into_iter().cloned().collect::<TVec<_>>();
        let types = inputs.iter().map(|fact| fact.datum_type.concretize().map(plain));
        let types: Option<TVec<_>> = types.collect();
        let shapes: Option<TVec<_>> = inputs.iter().map(|fact| fact.shape.concretize()).collect();
        let mut outputs = owned(outputs);
        if let Some(types) = types {
            for (output, datum_type) in outputs.iter_mut().zip(self.kernel.types(&types)?) {
                output.unify_with(&InferenceFact::dt(datum_type))?;
            }
        }
        if let Some(shapes) = shapes {
            let shapes: TVec<&[TDim]> = shapes.iter().map(|shape| &**shape).collect();
            let shapes = self.kernel.shapes(&shapes, &self.open())?;
            for (output, shape) in outputs.iter_mut().zip(shapes) {
                // Of constants the extents are known already, whatever they depend on.
                if self.open.is_none() || output.shape.concretize().is_none() {
                    output.unify_with(&InferenceFact::shape(shape))?;
                }
            }
        }
        Ok((owned(inputs), outputs, owned(observed)))
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.kernel.outputs())
    }

    fn to_typed(
        &self,
        _: &InferenceModel,
        node: &InferenceNode,
        target: &mut TypedModel,
        mapping: &HashMap<OutletId, OutletId>,
    ) -> TractResult<TVec<OutletId>> {
        let outlet = |input: &OutletId| mapping.get(input).copied().context("an input is missing");
        let inputs = node.inputs.iter().map(outlet).collect::<TractResult<TVec<_>>>()?;
        wire_open(Arc::clone(&self.kernel), self.open(), &node.name, target, &inputs)
    }

    as_op!();
}

/// A kernel in a typed graph.
#[derive(Clone, Debug)]
struct Typed {
    kernel: Arc<dyn Kernel>,
    open: TDim,
}

/// Operators are equal when they are clones of each other; comparing models would gain nothing.
impl PartialEq for Typed {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kernel, &other.kernel)
    }
}

impl Eq for Typed {}

impl Op for Typed {
    fn name(&self) -> StaticName {
        self.kernel.name().into()
    }

    fn mints_runtime_symbols(&self) -> bool {
        self.open != TDim::Val(0)
    }

    op_as_typed_op!();
}

impl EvalOp for Typed {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        run(&*self.kernel, &inputs)
    }
}

impl TypedOp for Typed {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let types: TVec<_> = inputs.iter().map(|fact| plain(fact.datum_type)).collect();
        let shapes: TVec<Shape> = inputs.iter().map(|fact| fact.shape.to_tvec()).collect();
        let shapes: TVec<&[TDim]> = shapes.iter().map(|shape| &**shape).collect();
        let types = self.kernel.types(&types)?;
        let shapes = self.kernel.shapes(&shapes, &self.open)?;
        Ok(types.iter().zip(&shapes).map(|(datum_type, shape)| datum_type.fact(shape)).collect())
    }

    as_op!();
}
