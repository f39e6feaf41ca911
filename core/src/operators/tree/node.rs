//! How a node becomes an operator: the three names under which ensembles come, the facts that each
//! promises, and the operator for the type that its input turns out to have.

use std::sync::Arc;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::classic::WeightNames;
use super::classifier::{Classifier, Weights};
use super::description::{Aggregate, Description, Reals, double, expect_targets};
use super::ensemble::Ensemble;
use super::error::EnsembleError;
use super::operator::{Predictor, Program, TreeOperator};
use super::regressor::Regressor;
use crate::operators::attribute::Attributes;
use crate::operators::labels::Labels;
use crate::operators::post_transform::PostTransform;
use crate::operators::real::Real;

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// [`TreeEnsembleClassifier`](https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleClassifier.html),
/// versions 1 and 3.
///
/// From `X`, `[N, F]` of float32, float64, int64 or int32, to the labels `Y`, `[N]` of int64 or
/// string, and the scores `Z`, `[N, classes]` of float32. `[F]` is taken for `[1, F]`.
///
/// Fails on attributes that contradict each other or themselves, on cycles, and on rows that lack a
/// feature. See [`Classifier`] for what it does with two classes.
pub(super) fn tree_ensemble_classifier(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let labels = Labels::new(attributes, "classlabels_int64s", "classlabels_strings")?;
    let attribute = match &labels {
        Labels::Integers(_) => "the length of classlabels_int64s",
        Labels::Strings(_) => "the length of classlabels_strings",
    };
    let classes = expect_targets(attribute, i64::try_from(labels.len())?)?;
    let names = WeightNames { trees: "class_treeids", nodes: "class_nodeids", ids: "class_ids" };
    let weights = attributes.either("class_weights", "class_weights_as_tensor")?;
    let classic = attributes.classic(classes, names, weights)?;
    let weights = Weights {
        one_class: all_equal(classic.weight_ids),
        all_positive: !classic.weights.values.iter().any(|weight| *weight < 0.0),
    };
    let declared = Declared {
        name: "TreeEnsembleClassifier",
        description: Arc::new(classic.describe()?),
        // The classifier has no aggregate function; it always sums.
        aggregate: Aggregate::Sum,
        base: attributes.either("base_values", "base_values_as_tensor")?,
        transform: PostTransform::from_name(attributes.text("post_transform", "NONE")?)?,
        result: Answer::Classes { labels, weights },
        single: None,
    };
    declared.build()
}

/// [`TreeEnsembleRegressor`](https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleRegressor.html),
/// versions 1 and 3.
///
/// From `X`, `[N, F]` of float32, float64, int64 or int32, to `Y`, `[N, n_targets]` of float32.
/// `[F]` is taken for `[1, F]`.
///
/// Fails on attributes that contradict each other or themselves, on cycles, and on rows that lack a
/// feature.
pub(super) fn tree_ensemble_regressor(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let targets = expect_targets("n_targets", attributes.int("n_targets", 0)?)?;
    let names = WeightNames { trees: "target_treeids", nodes: "target_nodeids", ids: "target_ids" };
    let weights = attributes.either("target_weights", "target_weights_as_tensor")?;
    let declared = Declared {
        name: "TreeEnsembleRegressor",
        description: Arc::new(attributes.classic(targets, names, weights)?.describe()?),
        aggregate: attributes.aggregate_name()?,
        base: attributes.either("base_values", "base_values_as_tensor")?,
        transform: PostTransform::from_name(attributes.text("post_transform", "NONE")?)?,
        result: Answer::Floats,
        single: None,
    };
    declared.build()
}

/// [`TreeEnsemble`](https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html), version 5.
///
/// From `X`, `[N, F]` of float32 or float64, to `Y`, `[N, n_targets]` of the same type. `[F]` is
/// taken for `[1, F]`.
///
/// Fails on attributes that contradict each other or themselves, on cycles, and on rows that lack a
/// feature.
pub(super) fn tree_ensemble(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let declared = Declared {
        name: "TreeEnsemble",
        description: Arc::new(attributes.indexed()?.describe()?),
        aggregate: attributes.aggregate_number()?,
        base: Reals { attribute: "base_values", values: Vec::new(), double: false },
        transform: PostTransform::from_number(attributes.int("post_transform", 0)?)?,
        result: Answer::Input,
        single: None,
    };
    declared.build()
}

fn all_equal(ids: &[i64]) -> bool {
    ids.first().is_some_and(|first| ids.iter().all(|id| id == first))
}

/// What an operator answers.
#[derive(Clone, Debug)]
enum Answer {
    /// Labels and float32 scores.
    Classes { labels: Labels, weights: Weights },
    /// float32 values.
    Floats,
    /// Values of the input's type.
    Input,
}

/// A node that was read and checked, before its input's type is known.
#[derive(Clone, Debug)]
struct Declared {
    name: &'static str,
    description: Arc<Description>,
    aggregate: Aggregate,
    base: Reals,
    transform: PostTransform,
    result: Answer,
    /// The ensemble laid out for the inputs that most have.
    single: Option<Arc<Predictor<f32>>>,
}

impl Declared {
    /// Lays the ensemble out to find what is wrong with it before the graph is typed.
    fn build(mut self) -> Built {
        self.single = Some(Arc::new(self.predictor()?));
        Ok((expand(self), Vec::new()))
    }

    fn predictor<T: Real>(&self) -> Result<Predictor<T>, EnsembleError> {
        let ensemble = Ensemble::new(&self.description, self.aggregate)?;
        let Reals { attribute, values: base, .. } = &self.base;
        Ok(match &self.result {
            Answer::Classes { weights, .. } => Predictor::Classifier(Classifier::new(
                ensemble,
                attribute,
                base,
                self.transform,
                *weights,
            )?),
            Answer::Floats | Answer::Input => {
                Predictor::Regressor(Regressor::new(ensemble, attribute, base, self.transform)?)
            }
        })
    }

    /// The operator for inputs of this type.
    fn typed(&self, input: DatumType) -> TractResult<TreeOperator> {
        let program = match input {
            DatumType::F64 => Program::Double(self.predictor()?),
            DatumType::F32 | DatumType::I64 | DatumType::I32 => {
                if let Some(attribute) = self.description.double.or(double(&[&self.base])) {
                    let input = format!("{input:?}");
                    Err(EnsembleError::Precision { attribute, input })?;
                }
                Program::Single(match &self.single {
                    Some(predictor) => Arc::clone(predictor),
                    None => Arc::new(self.predictor()?),
                })
            }
            other => bail!(
                "{} has an input of type {other:?}; accepted are F32, F64, I64 and I32",
                self.name
            ),
        };
        let labels = match &self.result {
            Answer::Classes { labels, .. } => Some(labels.clone()),
            Answer::Floats | Answer::Input => None,
        };
        let output = self.score_type(input);
        Ok(TreeOperator::new(self.name, program, labels, output))
    }

    fn score_type(&self, input: DatumType) -> DatumType {
        match self.result {
            Answer::Input => input,
            Answer::Classes { .. } | Answer::Floats => DatumType::F32,
        }
    }

    fn labels(&self) -> Option<&Labels> {
        match &self.result {
            Answer::Classes { labels, .. } => Some(labels),
            Answer::Floats | Answer::Input => None,
        }
    }
}

impl Expansion for Declared {
    fn name(&self) -> StaticName {
        self.name.into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(if self.labels().is_some() { 2 } else { 1 })
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, self.nboutputs()?)?;
        let ([input], [.., scores]) = (inputs, outputs) else { bail!("arity was just checked") };
        solver.equals(&scores.rank, 2)?;
        solver.equals(&scores.shape[1], self.description.targets.to_dim())?;
        solver.given(&input.datum_type, move |solver, input| {
            solver.equals(&scores.datum_type, self.score_type(input))
        })?;
        let mut batched = vec![scores];
        if let (Some(expected), [labels, _]) = (self.labels(), outputs) {
            solver.equals(&labels.rank, 1)?;
            solver.equals(&labels.datum_type, expected.datum_type())?;
            batched.push(labels);
        }
        solver.given(&input.rank, move |solver, rank| {
            for output in &batched {
                match rank {
                    1 => solver.equals(&output.shape[0], 1.to_dim())?,
                    2 => solver.equals(&output.shape[0], &input.shape[0])?,
                    other => bail!("{} has an input of rank {other}; accepted is 2", self.name),
                }
            }
            Ok(())
        })
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let [input] = inputs else { bail!("{} has {} inputs, not 1", self.name, inputs.len()) };
        let operator = self.typed(model.outlet_fact(*input)?.datum_type)?;
        model.wire_node(prefix, operator, inputs)
    }
}
