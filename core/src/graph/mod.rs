//! The ONNX graph: from bytes to a plan, from tensors to tensors.
//!
//! With [`crate::operators`] the only place that names tract. Matrix products and convolutions run
//! inside the plan built here; whoever offers other kernels for them starts here.

mod convert;
mod flatten;
mod inline;
mod validate;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tract_onnx::pb::{ModelProto, ValueInfoProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{SymbolScope, SymbolValues, ToDim};
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact, InferenceModel, InferenceModelExt};

use crate::error::excerpt;
use crate::operators;
use crate::{Error, ErrorKind, Tensor, TensorType};

/// A graph that is ready to run.
#[derive(Debug)]
pub struct Graph {
    plan: Arc<TypedRunnableModel>,
    inputs: Vec<TensorType>,
    outputs: Vec<TensorType>,
    operators: Vec<String>,
}

impl Graph {
    /// Parses, checks and optimises an ONNX graph (binary protobuf, weights inside).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidModel`] if the bytes are no valid graph, and
    /// [`ErrorKind::UnsupportedModel`] if the graph has an operator, type or form that this core
    /// does not run; both name the node.
    pub fn load(onnx: &[u8]) -> Result<Self, Error> {
        let mut proto = validate::decode(onnx)?;
        inline::inline(&mut proto, onnx)?;
        flatten::flatten(&mut proto, onnx)?;
        let framework = operators::onnx();
        validate::check(&proto, |operator| framework.op_register.0.contains_key(operator))?;
        let operators = operator_names(&proto);
        let model = framework.model_for_proto_model(&proto).map_err(rejected)?;
        let keys = flatten::keys(&proto);
        let (input_names, output_names) = border_names(&proto);
        drop(proto);
        let model = named_dimensions(model).map_err(rejected)?;
        let model = model.into_typed().map_err(rejected)?;
        let model = model.into_optimized().map_err(rejected)?;
        let inputs = tensor_types(&model, &model.inputs, input_names)?;
        let mut outputs = tensor_types(&model, &model.outputs, output_names)?;
        for (output, keys) in outputs.iter_mut().zip(keys) {
            output.keys = keys;
        }
        let plan = model.into_runnable().map_err(rejected)?;
        Ok(Self { plan, inputs, outputs, operators })
    }

    /// The graph's inputs, in its order.
    #[must_use]
    pub fn inputs(&self) -> &[TensorType] {
        &self.inputs
    }

    /// The graph's outputs, in its order.
    #[must_use]
    pub fn outputs(&self) -> &[TensorType] {
        &self.outputs
    }

    /// The operators, each once, sorted.
    #[must_use]
    pub fn operators(&self) -> &[String] {
        &self.operators
    }

    /// Runs the graph on its inputs, given by name in any order.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if a tensor is missing, unknown, or of another type or shape than
    /// the graph declares; [`ErrorKind::InferenceFailed`] if the graph fails on them.
    pub fn run(&self, mut tensors: Vec<Tensor>) -> Result<Vec<Tensor>, Error> {
        let mut inputs = TVec::new();
        let mut extents = Extents::default();
        for declared in &self.inputs {
            let place = tensors.iter().position(|tensor| tensor.name == declared.name);
            let Some(place) = place else {
                let message = format!("the input {:?} is missing", declared.name);
                return Err(Error::input("missing-tensor", message).at(&declared.name));
            };
            let tensor = tensors.swap_remove(place);
            inputs.push(convert::to_tract(&tensor, declared)?.into());
            extents.agree(&tensor, declared)?;
        }
        if let Some(tensor) = tensors.first() {
            let known: Vec<_> = self.inputs.iter().map(|input| input.name.as_str()).collect();
            let (found, known) = (excerpt(&tensor.name), known.join(", "));
            let message = format!("{found} is not an input left to fill; the graph takes {known}");
            return Err(Error::input("unknown-tensor", message).at(&tensor.name));
        }
        let symbols = extents.values(&self.plan.model().symbols);
        let outputs = self.plan.run(inputs).map_err(|error| {
            Error::new(ErrorKind::InferenceFailed, "inference-failed", flat(&error))
        })?;
        let named = self.outputs.iter().zip(outputs);
        named
            .map(|(declared, value)| convert::from_tract(&value, &declared.name, &symbols))
            .collect()
    }
}

/// The extents that names stand for in one call.
#[derive(Default)]
struct Extents<'a>(BTreeMap<&'a str, (usize, &'a str)>);

impl<'a> Extents<'a> {
    /// A name stands for the same extent in every input.
    fn agree(&mut self, tensor: &Tensor, declared: &'a TensorType) -> Result<(), Error> {
        for (found, name) in tensor.shape.iter().zip(&declared.shape) {
            if name.parse::<usize>().is_ok() {
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

    fn values(&self, symbols: &SymbolScope) -> SymbolValues {
        let mut values = SymbolValues::default();
        for (name, (extent, _)) in &self.0 {
            if let (Some(symbol), Ok(extent)) = (symbols.get(name), i64::try_from(*extent)) {
                values.set(&symbol, extent);
            }
        }
        values
    }
}

/// An error with its causes in one line, cut to a readable length: tract quotes whole tensors.
fn flat(error: &TractError) -> String {
    let text = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn rejected(error: TractError) -> Error {
    Error::new(
        ErrorKind::UnsupportedModel,
        "graph-rejected",
        format!("the graph can't be prepared: {}", flat(&error)),
    )
}

/// Gives every open dimension of the inputs a name, so that one plan serves any extent. The first
/// dimension is the batch.
fn named_dimensions(mut model: InferenceModel) -> TractResult<InferenceModel> {
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
                None if axis == 0 => model.symbols.sym("N").to_dim(),
                None => model.symbols.sym(&format!("D{input}_{axis}")).to_dim(),
            });
        }
        let mut named = InferenceFact::default().with_shape(shape);
        named.datum_type = fact.datum_type;
        model.set_input_fact(input, named)?;
    }
    Ok(model)
}

/// The names of inputs and outputs. They come from the file, since tract joins outlets that are the
/// same tensor, and those have one name then.
fn border_names(proto: &ModelProto) -> (Vec<String>, Vec<String>) {
    let Some(graph) = &proto.graph else { return Default::default() };
    let constants: BTreeSet<_> = graph.initializer.iter().map(|tensor| &tensor.name).collect();
    let inputs = graph.input.iter().filter(|input| !constants.contains(&input.name));
    let name = |value: &ValueInfoProto| value.name.clone();
    (inputs.map(name).collect(), graph.output.iter().map(name).collect())
}

fn tensor_types(
    model: &TypedModel,
    outlets: &[OutletId],
    names: Vec<String>,
) -> Result<Vec<TensorType>, Error> {
    let mut types = Vec::with_capacity(names.len());
    for (outlet, name) in outlets.iter().zip(names) {
        let fact = model.outlet_fact(*outlet).map_err(rejected)?;
        let element_type = convert::element_type(fact.datum_type)
            .map_err(|error| Error { kind: ErrorKind::UnsupportedModel, ..error }.at(&name))?;
        let shape = fact.shape.iter().map(|dim| dim.to_string()).collect();
        types.push(TensorType { name, element_type, shape, keys: None });
    }
    Ok(types)
}

fn operator_names(proto: &ModelProto) -> Vec<String> {
    let mut names = BTreeSet::new();
    validate::each_node(proto, &mut |node, _| {
        names.insert(match node.domain.as_str() {
            "" => node.op_type.clone(),
            domain => format!("{domain}.{}", node.op_type),
        });
    });
    names.into_iter().collect()
}
