//! Open extents: what they are called in a plan, and what the names stand for in one call.

use std::collections::BTreeMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{SymbolScope, SymbolValues, ToDim};
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact, InferenceModel};

use super::Program;
use crate::{Error, Tensor, TensorType};

/// The name of the first dimension where the file has none.
pub(super) const BATCH: &str = "N";

/// Whose the first extents without a name are.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Batch {
    /// One for all inputs.
    Shared,
    /// One for each.
    Own,
}

impl Batch {
    /// The name of the first extent of an input.
    pub(super) fn name(self, input: usize) -> String {
        match self {
            Self::Own if input > 0 => format!("{BATCH}{input}"),
            _ => BATCH.into(),
        }
    }
}

/// Whether it is one of the names for a first extent.
pub(super) fn is_batch(name: &str) -> bool {
    name.strip_prefix(BATCH).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether several inputs have a first extent without a name.
pub(super) fn has_open_batches(model: &InferenceModel) -> bool {
    let open = |input: usize| {
        let shape = &model.input_fact(input).ok()?.shape;
        Some(shape.rank().concretize()? > 0 && shape.dim(0)?.concretize().is_none())
    };
    (0..model.inputs.len()).filter(|input| open(*input) == Some(true)).count() > 1
}

/// Gives every open dimension of the inputs a name, so that one plan serves any extent. The first
/// dimension is the batch.
pub(super) fn named_dimensions(
    mut model: InferenceModel,
    batch: Batch,
) -> TractResult<InferenceModel> {
    for input in 0..model.inputs.len() {
        let fact = model.input_fact(input)?.clone();
        let Some(rank) = fact.shape.rank().concretize() else {
            continue;
        };
        let mut shape = TVec::new();
        for axis in 0..usize::try_from(rank)? {
            let known = fact.shape.dim(axis).and_then(|dim| dim.concretize());
            shape.push(match known {
                Some(dim) => dim,
                None if axis == 0 => model.symbols.sym(&batch.name(input)).to_dim(),
                None => model.symbols.sym(&format!("D{input}_{axis}")).to_dim(),
            });
        }
        let mut named = InferenceFact::default().with_shape(shape);
        named.datum_type = fact.datum_type;
        model.set_input_fact(input, named)?;
    }
    Ok(model)
}

/// The extents that names stand for in one call.
#[derive(Default)]
pub(super) struct Extents<'a>(BTreeMap<&'a str, (usize, &'a str)>);

impl<'a> Extents<'a> {
    pub(super) fn values(&self) -> BTreeMap<&'a str, usize> {
        self.0.iter().map(|(name, (extent, _))| (*name, *extent)).collect()
    }

    /// A name stands for the same extent in every input. Node by node nothing relies on that of a name
    /// that the file did not give.
    pub(super) fn agree(
        &mut self,
        tensor: &Tensor,
        declared: &'a TensorType,
        program: &Program,
    ) -> Result<(), Error> {
        let stepwise = matches!(program, Program::Stepwise(_));
        for (found, name) in tensor.shape.iter().zip(&declared.shape) {
            if name.parse::<usize>().is_ok()
                || (stepwise && self.0.contains_key(&**name) && is_batch(name))
            {
                continue;
            }
            let (expected, first) = *self.0.entry(name).or_insert((*found, &declared.name));
            if expected != *found {
                let input = &declared.name;
                let message =
                    format!("{input}: expected {expected} for {name} as in {first}, found {found}");
                return Err(Error::input("wrong-shape", message).at(input));
            }
        }
        Ok(())
    }

    /// What a failure is where inputs have unlike first extents, whose names are not the file's: that
    /// they may differ is no more than a guess then.
    pub(super) fn uneven(&self, error: Error) -> Error {
        let mut batches = self.0.iter().filter(|(name, _)| is_batch(name)).map(|(_, found)| *found);
        let Some((expected, first)) = batches.next() else { return error };
        match batches.find(|(found, _)| *found != expected) {
            Some((found, input)) if error.code == "inference-failed" => {
                let message = format!(
                    "{input} has {found} rows, {first} has {expected}, and the graph fails on them: {}",
                    error.message
                );
                Error::input("wrong-shape", message).at(input)
            }
            _ => error,
        }
    }

    pub(super) fn symbols(&self, symbols: &SymbolScope) -> SymbolValues {
        let mut values = SymbolValues::default();
        for (name, (extent, _)) in &self.0 {
            if let (Some(symbol), Ok(extent)) = (symbols.get(name), i64::try_from(*extent)) {
                values.set(&symbol, extent);
            }
        }
        values
    }
}
