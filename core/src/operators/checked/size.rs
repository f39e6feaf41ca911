//! Operators whose output is as large as their inputs' values say. What it takes is checked before
//! it is taken.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::of_tract;
use crate::error::TooLarge;
use crate::operators::kernel::{doubles, integers};

/// The elements that one of these operators may give.
const MAX_ELEMENTS: f64 = (1_u64 << 29) as f64;

pub(super) const SIZED: [&str; 7] =
    ["BlackmanWindow", "Expand", "HammingWindow", "HannWindow", "Range", "Resize", "Tile"];

pub(super) fn sized(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let kind = match node.op_type.as_str() {
        "Expand" => Kind::Stretch,
        "Range" => Kind::Count,
        "Tile" => Kind::Repeat,
        "Resize" => Kind::Resize,
        _ => Kind::Shape,
    };
    Ok((expand(Sized { inner: of_tract(context, node)?, kind }), Vec::new()))
}

/// An operator whose first input is the shape of what it gives.
pub(in crate::operators) fn of_shape(inner: Box<dyn Expansion>) -> impl Expansion {
    Sized { inner, kind: Kind::Shape }
}

/// How the inputs tell the size.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// The first input is the shape.
    Shape,
    /// The first input is stretched to the second.
    Stretch,
    /// The first input is repeated as the second says.
    Repeat,
    /// From the first to the second by the third.
    Count,
    /// The last input has sizes, or factors if it is of floats.
    Resize,
}

/// An operator whose size is checked.
#[derive(Clone, Debug)]
struct Sized {
    inner: Box<dyn Expansion>,
    kind: Kind,
}

impl Sized {
    /// An extent or a number of repetitions is not negative.
    fn check_extents(&self, inputs: &[&TypedFact]) -> TractResult<()> {
        let place = match self.kind {
            Kind::Shape => 0,
            Kind::Stretch | Kind::Repeat => 1,
            Kind::Resize => inputs.len().saturating_sub(1),
            Kind::Count => return Ok(()),
        };
        let constant = inputs.get(place).and_then(|fact| fact.konst.as_deref());
        // Extents that are not known yet are those of other tensors.
        let Some(Ok(extents)) = constant.map(integers) else { return Ok(()) };
        match extents.iter().find(|extent| **extent < 0) {
            Some(extent) => bail!("{extent} is not an extent"),
            None => Ok(()),
        }
    }

    /// How many elements the operator gives, where it is known.
    fn count(&self, inputs: &[&TypedFact]) -> Option<f64> {
        let constant = |place: usize| inputs.get(place)?.konst.as_deref();
        let product = |place: usize| -> Option<f64> {
            Some(integers(constant(place)?).ok()?.into_iter().map(|n| n as f64).product())
        };
        let own = || -> Option<f64> {
            let extents = inputs.first()?.shape.iter().map(|dim| dim.to_i64().ok());
            extents.map(|extent| extent.map(|n| n as f64)).product()
        };
        match self.kind {
            Kind::Shape => product(0),
            Kind::Stretch => {
                let shape = integers(constant(1)?).ok()?;
                let own = inputs.first()?.shape.iter().map(|dim| dim.to_i64().unwrap_or(1));
                let own: Vec<_> = own.collect();
                let pairs = 0..shape.len().max(own.len());
                let last = |list: &[i64], place: usize| {
                    list.len().checked_sub(place + 1).and_then(|place| list.get(place)).copied()
                };
                let extents = pairs.map(|place| last(&shape, place).max(last(&own, place)));
                extents.map(|extent| Some(extent? as f64)).product()
            }
            Kind::Repeat => Some(product(1)? * own()?),
            Kind::Count => {
                let number = |place| doubles(constant(place)?).ok()?.first().copied();
                Some((number(1)? - number(0)?) / number(2)?)
            }
            Kind::Resize => {
                let last = inputs.len().checked_sub(1)?;
                let factors = doubles(constant(last)?).ok()?.into_iter().product::<f64>();
                let relative = constant(last)?.datum_type().is_float();
                Some(if relative { factors * own()? } else { factors })
            }
        }
    }
}

impl Expansion for Sized {
    as_inner!();

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let facts = inputs.iter().map(|input| model.outlet_fact(*input));
        let facts = facts.collect::<TractResult<Vec<_>>>()?;
        self.check_extents(&facts)?;
        if let Some(count) = self.count(&facts)
            && count > MAX_ELEMENTS
        {
            let name = self.inner.name();
            bail!(TooLarge(format!(
                "{name} gives {count:.1e} elements, at most {MAX_ELEMENTS:.1e} are accepted"
            )));
        }
        let open = |konst: &Arc<Tensor>| konst.datum_type().is_tdim() && integers(konst).is_err();
        let open = facts.last().and_then(|fact| fact.konst.as_ref()).is_some_and(open);
        let outputs = self.inner.wire(prefix, model, inputs)?;
        if self.kind == Kind::Resize && open {
            for output in &outputs {
                if let Some(node) = model.nodes.get_mut(output.node) {
                    node.op = Box::new(Counted(node.op.clone()));
                }
            }
        }
        Ok(outputs)
    }
}

/// An operator of tract that wants numbers where extents with names arrive. They have values when it
/// runs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Counted(Box<dyn TypedOp>);

impl Op for Counted {
    fn name(&self) -> StaticName {
        self.0.name()
    }

    op_as_typed_op!();
}

impl EvalOp for Counted {
    fn eval(&self, context: &EvalContext, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        for input in inputs.iter_mut().filter(|input| input.datum_type().is_tdim()) {
            let extents = input.try_as_plain_ram()?.as_slice::<TDim>()?.iter();
            let extents = extents.map(|extent| Ok(extent.eval(context.symbols).to_i64()?));
            let extents = extents.collect::<TractResult<Vec<_>>>()?;
            let shaped = tensor1(&extents).into_shape(input.shape())?;
            *input = shaped.into_tvalue();
        }
        self.0.eval(context, inputs)
    }

    op_out_of_plan!();
}

impl TypedOp for Counted {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.0.output_facts(inputs)
    }

    as_op!();
}
