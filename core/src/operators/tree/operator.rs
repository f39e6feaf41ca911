//! The operator in a typed graph: how tensors go in and out of a predictor.

use std::sync::Arc;

use tract_onnx::tract_hir::internal::*;

use super::classifier::{Classifier, Winner};
use super::ensemble::Ensemble;
use super::error::EnsembleError;
use super::regressor::Regressor;
use super::winners;
use crate::operators::labels::Labels;
use crate::operators::real::Real;

/// The predictor of either kind.
#[derive(Debug)]
pub(super) enum Predictor<T> {
    Classifier(Classifier<T>),
    Regressor(Regressor<T>),
}

impl<T: Real> Predictor<T> {
    fn ensemble(&self) -> &Ensemble<T> {
        match self {
            Self::Classifier(classifier) => &classifier.ensemble,
            Self::Regressor(regressor) => &regressor.ensemble,
        }
    }

    /// The winners, where there are any, and the values.
    fn predict(
        &self,
        rows: &[T],
        count: usize,
        width: usize,
    ) -> Result<(Vec<Winner>, Vec<T>), EnsembleError> {
        match self {
            Self::Classifier(classifier) => classifier.predict(rows, count, width),
            Self::Regressor(regressor) => Ok((Vec::new(), regressor.predict(rows, count, width)?)),
        }
    }
}

/// A predictor in the precision that its input calls for.
#[derive(Debug)]
pub(super) enum Program {
    Single(Arc<Predictor<f32>>),
    Double(Predictor<f64>),
}

#[derive(Debug)]
struct Inner {
    program: Program,
    labels: Option<Labels>,
    /// The type of the scores.
    output: DatumType,
}

/// Any of the operators in a typed graph.
#[derive(Clone, Debug)]
pub(super) struct TreeOperator {
    name: &'static str,
    inner: Arc<Inner>,
}

impl TreeOperator {
    /// An operator that gives scores of the type `output` and, of a classifier, labels.
    pub(super) fn new(
        name: &'static str,
        program: Program,
        labels: Option<Labels>,
        output: DatumType,
    ) -> Self {
        Self { name, inner: Arc::new(Inner { program, labels, output }) }
    }

    /// The number of rows and of features per row.
    fn extents<D: Clone>(&self, shape: &[D], one: D) -> TractResult<(D, D)> {
        match shape {
            [features] => Ok((one, features.clone())),
            [rows, features] => Ok((rows.clone(), features.clone())),
            other => bail!("{} has an input of rank {}; accepted is 2", self.name, other.len()),
        }
    }

    /// Branches that a row can pass at most.
    fn branches(&self) -> usize {
        match &self.inner.program {
            Program::Single(predictor) => predictor.ensemble().branches(),
            Program::Double(predictor) => predictor.ensemble().branches(),
        }
    }

    fn targets(&self) -> usize {
        match &self.inner.program {
            Program::Single(predictor) => predictor.ensemble().targets(),
            Program::Double(predictor) => predictor.ensemble().targets(),
        }
    }

    fn check_width(&self, width: usize) -> Result<(), EnsembleError> {
        match &self.inner.program {
            Program::Single(predictor) => predictor.ensemble().check_width(width),
            Program::Double(predictor) => predictor.ensemble().check_width(width),
        }
    }
}

/// Operators are equal when they are clones of each other; comparing ensembles would gain nothing.
impl PartialEq for TreeOperator {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for TreeOperator {}

impl Op for TreeOperator {
    fn name(&self) -> StaticName {
        self.name.into()
    }

    op_as_typed_op!();
}

impl EvalOp for TreeOperator {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let (rows, width) = self.extents(input.shape(), 1)?;
        let (winners, values) = match &self.inner.program {
            Program::Single(predictor) => {
                let (winners, values) = {
                    let input = input.cast_to::<f32>()?;
                    let input = input.try_as_plain_ram()?;
                    predictor.predict(input.as_slice()?, rows, width)?
                };
                (winners, tensor1(&values))
            }
            Program::Double(predictor) => {
                let input = input.try_as_plain_ram()?;
                let (winners, values) = predictor.predict(input.as_slice()?, rows, width)?;
                (winners, tensor1(&values))
            }
        };
        let values = values.cast_to_dt(self.inner.output)?.into_owned();
        let values = values.into_shape(&[rows, self.targets()])?.into_tvalue();
        Ok(match &self.inner.labels {
            Some(labels) => tvec!(winners::labels(labels, &winners).into_tvalue(), values),
            None => tvec!(values),
        })
    }
}

impl TypedOp for TreeOperator {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input] = inputs else { bail!("{} has {} inputs, not 1", self.name, inputs.len()) };
        let (rows, width) = self.extents(&input.shape, 1.to_dim())?;
        // A width that is a symbol is checked when rows arrive.
        if let Ok(width) = width.to_usize() {
            self.check_width(width)?;
        }
        let scores = self.inner.output.fact([rows.clone(), self.targets().to_dim()]);
        Ok(match &self.inner.labels {
            Some(labels) => tvec!(labels.datum_type().fact([rows]), scores),
            None => tvec!(scores),
        })
    }

    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let [input] = inputs else { bail!("{} has {} inputs, not 1", self.name, inputs.len()) };
        let (rows, _) = self.extents(&input.shape, 1.to_dim())?;
        Ok(tvec!((Cost::FMA(input.datum_type), rows * self.branches())))
    }

    as_op!();
}
