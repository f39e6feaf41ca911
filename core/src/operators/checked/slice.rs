//! `Slice`, whose inputs have values that tract takes for granted.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::of_tract;
use crate::operators::kernel::{axes, axis, integers};

pub(super) fn slice(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    Ok((expand(Checked { inner: of_tract(context, node)?, node: node.clone() }), Vec::new()))
}

/// An operator with a check of the values that are known.
#[derive(Clone, Debug)]
struct Checked {
    inner: Box<dyn Expansion>,
    node: NodeProto,
}

/// The integers of an input, if they are known.
fn known(inputs: &[Option<&TypedFact>], place: usize) -> Option<Vec<i64>> {
    integers(inputs.get(place).copied().flatten()?.konst.as_deref()?).ok()
}

/// Axes lie within the rank, each once, and steps are not 0. An end within an extent that is open may
/// lie beyond it in a call, where tract would not stop at the extent: no plan has such a slice.
fn check(node: &NodeProto, inputs: &[Option<&TypedFact>]) -> TractResult<()> {
    let rank = inputs.first().copied().flatten().context("Slice lacks an input")?.rank();
    let listed = match known(inputs, 3) {
        Some(listed) => Some(listed),
        None => node.get_attr_opt_vec::<i64>("axes")?,
    };
    let listed = listed.unwrap_or_default();
    axes(&listed, rank)?;
    let ends = match known(inputs, 2) {
        Some(ends) => ends,
        None => node.get_attr_opt_vec("ends")?.unwrap_or_default(),
    };
    let input = inputs.first().copied().flatten();
    for (place, end) in ends.into_iter().enumerate() {
        let axis = listed.get(place).map_or(Ok(place), |place| axis(*place, rank))?;
        let open = input.and_then(|fact| fact.shape.get(axis)).is_some_and(|n| n.to_i64().is_err());
        let within = (2..i64::from(i32::MAX)).contains(&end);
        ensure!(!(open && within), "an end of {end} for an extent that is open");
    }
    check_steps(&known(inputs, 4).unwrap_or_default())
}

fn check_steps(steps: &[i64]) -> TractResult<()> {
    let inside = |step: &i64| *step != 0 && i32::try_from(*step).is_ok();
    ensure!(steps.iter().all(inside), "steps are {steps:?}; accepted are those of 32 bits but 0");
    Ok(())
}

impl Checked {
    /// Where an input of the node is among those that are not left out.
    fn present(&self, place: usize) -> Option<usize> {
        let named = self.node.input.get(place).is_some_and(|name| !name.is_empty());
        let before = self.node.input.iter().take(place).filter(|name| !name.is_empty()).count();
        named.then_some(before)
    }
}

impl Expansion for Checked {
    fn name(&self) -> StaticName {
        self.inner.name()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let place = |place: usize| self.present(place).and_then(|place| inputs.get(place));
        if let (Some(input), Some(listed)) = (inputs.first(), place(3)) {
            solver.given_2(&input.rank, &listed.value, |_, rank, listed| {
                axes(&integers(&listed)?, usize::try_from(rank)?).map(drop)
            })?;
        }
        if let Some(steps) = place(4) {
            solver.given(&steps.value, |_, steps| check_steps(&integers(&steps)?))?;
        }
        self.inner.rules(solver, inputs, outputs)
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let mut present = inputs.iter();
        let mut facts = Vec::with_capacity(self.node.input.len());
        for name in &self.node.input {
            let outlet = if name.is_empty() { None } else { present.next() };
            facts.push(outlet.map(|outlet| model.outlet_fact(*outlet)).transpose()?);
        }
        check(&self.node, &facts)?;
        self.inner.wire(prefix, model, inputs)
    }
}
