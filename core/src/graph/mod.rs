//! The ONNX graph: from bytes to a plan, from tensors to tensors.
//!
//! With [`crate::operators`] the only place that names tract. Matrix products and convolutions run
//! inside the plan built here; whoever offers other kernels for them starts here.

mod contributed;
mod convert;
mod declared;
mod extents;
mod flatten;
mod inline;
mod kept;
mod port;

mod source;
mod stepwise;
mod trial;
mod untyped;
mod validate;
mod work;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tract_onnx::Onnx;
use tract_onnx::pb::{ModelProto, ValueInfoProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::{InferenceModel, InferenceModelExt};

pub(crate) use convert::{decode_small, encode_small};
use extents::{Batch, Extents, has_open_batches, named_dimensions};
pub(crate) use port::{ANY_SHAPE, Form, Port};
use source::Source;
pub(crate) use stepwise::own_operators;
use stepwise::{Item, Stepwise};

use crate::error::{TooLarge, Unaccepted, excerpt};
use crate::graph::work::Work;
use crate::operators;
use crate::operators::kernel::Kernels;
use crate::{Error, ErrorKind, Tensor, TensorType};

/// The code of a graph that can't be prepared.
const REJECTED: &str = "graph-rejected";

/// Bytes of one tensor. A 32-bit memory holds it and what it is made of.
const LARGEST: f64 = (1_u64 << 31) as f64;

/// How many operations one run may take unless a caller says otherwise: about a minute's work.
pub const OPERATIONS: u64 = 200_000_000_000;

/// A graph that is ready to run.
#[derive(Debug)]
pub struct Graph {
    program: Program,
    inputs: Vec<TensorType>,
    input_ports: Vec<Port>,
    outputs: Vec<TensorType>,
    output_ports: Vec<Port>,
    operators: Vec<String>,
    work: Work,
}

/// How a graph is run.
#[derive(Debug)]
enum Program {
    /// Prepared by tract: every shape follows from those of the inputs.
    Plan(Arc<TypedRunnableModel>),
    /// Node by node.
    Stepwise(Stepwise),
}

impl Graph {
    /// Parses, checks and optimises an ONNX graph (binary protobuf, weights inside). First extents of
    /// its inputs that have no name may differ from one input to the next, where the graph allows it.
    /// Bytes that are handed over are given back once they are parsed.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidModel`] if the bytes are no valid graph, and
    /// [`ErrorKind::UnsupportedModel`] if the graph has an operator, type or form that this core
    /// does not run; both name the node.
    pub fn load<'a>(onnx: impl Into<Cow<'a, [u8]>>) -> Result<Self, Error> {
        Self::prepare(onnx.into(), Batch::Own)
    }

    /// The same for inputs that are all filled with the same rows: a first extent without a name is
    /// their number.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_rows<'a>(onnx: impl Into<Cow<'a, [u8]>>) -> Result<Self, Error> {
        Self::prepare(onnx.into(), Batch::Shared)
    }

    fn prepare(onnx: Cow<'_, [u8]>, batch: Batch) -> Result<Self, Error> {
        let (framework, kernels) = (operators::onnx(), operators::kernels());
        let step = |source: &Source, refusal| Self::stepwise(source, &framework, kernels, refusal);
        let mut source = Source::read(onnx, &framework, kernels)?;
        let graph = if source.is_plain {
            match Self::plan(&mut source, &framework, batch) {
                Err(refusal) if refusal.code == REJECTED => {
                    source.take_weights_back();
                    if stepwise::may_help(&source.proto, &framework, kernels)
                        || is_consistent(&source.proto, &framework, &refusal)
                    {
                        step(&source, refusal)
                    } else {
                        Err(refusal)
                    }
                }
                Ok((planned, tried))
                    if trial::is_due(&source.proto, &planned)
                        && tried.or_else(|| trial::answers(&planned)) == Some(false) =>
                {
                    source.take_weights_back();
                    let stepped = step(&source, unsupported("it fails on zeros"));
                    let better = stepped.ok().filter(|own| trial::answers(own) == Some(true));
                    Ok(better.unwrap_or(planned))
                }
                planned => planned.map(|(planned, _)| planned),
            }
        } else {
            step(&source, unsupported("an input or output of the graph has no type"))
        };
        let mut graph = graph?;
        for (output, keys) in graph.outputs.iter_mut().zip(source.keys) {
            output.keys = keys;
        }
        Ok(graph)
    }

    /// Has tract prepare the graph, and take its weights over. With it comes whether it answers to
    /// zeros, if that was tried.
    fn plan(
        source: &mut Source,
        framework: &Onnx,
        batch: Batch,
    ) -> Result<(Self, Option<bool>), Error> {
        let model = framework.model_for_proto_model(&source.proto).map_err(rejected)?;
        source.leave_weights_to(&model);
        if batch == Batch::Own && has_open_batches(&model) {
            // Where the inputs have to be of one length, names that differ are refused, or fail.
            if let Ok(own) = Self::named_plan(model.clone(), source, Batch::Own) {
                let tried = trial::answers(&own);
                if tried != Some(false) {
                    return Ok((own, tried));
                }
                let shared = Self::named_plan(model, source, Batch::Shared).ok();
                let better = shared.filter(|shared| trial::answers(shared) == Some(true));
                return Ok(better.map_or((own, tried), |better| (better, Some(true))));
            }
        }
        Ok((Self::named_plan(model, source, Batch::Shared)?, None))
    }

    /// Has tract prepare the graph, its open dimensions named.
    fn named_plan(model: InferenceModel, source: &Source, batch: Batch) -> Result<Self, Error> {
        let (input_names, output_names) = border_names(&source.proto);
        let model = named_dimensions(model, batch).map_err(rejected)?;
        let mut model = model.into_typed().map_err(rejected)?;
        kept::keep(&mut model).map_err(rejected)?;
        let model = model.into_optimized().map_err(rejected)?;
        lasting_symbols(&model)?;
        let inputs = tensor_types(&model, &model.inputs, input_names)?;
        let outputs = tensor_types(&model, &model.outputs, output_names)?;
        let work = Work::of(&model).map_err(rejected)?;
        fits(&work)?;
        let plan = model.into_runnable().map_err(rejected)?;
        let (input_ports, output_ports) = (tensor_ports(&inputs), tensor_ports(&outputs));
        let (program, operators) = (Program::Plan(plan), source.operators.clone());
        Ok(Self { program, inputs, input_ports, outputs, output_ports, operators, work })
    }

    /// Prepares the graph to be run node by node. If the file does not tell the types that a plan
    /// would have found, the refusal of the plan stands.
    fn stepwise(
        source: &Source,
        framework: &Onnx,
        kernels: &Kernels,
        refusal: Error,
    ) -> Result<Self, Error> {
        let Source { proto, ports, .. } = source;
        let graph = proto.graph.as_ref();
        let mut border =
            graph.into_iter().flat_map(|graph| graph.input.iter().chain(&graph.output));
        // The generated messages have no other type than tensors, so that of anything else is empty.
        let other = border
            .find(|value| value.r#type.as_ref().is_some_and(|declared| declared.value.is_none()));
        if let Some(value) = other {
            let message = format!(
                "{} is no tensor, sequence of tensors or optional tensor; nothing else enters and leaves a graph",
                excerpt(&value.name)
            );
            let error = Error::new(ErrorKind::UnsupportedModel, "unsupported-type", message);
            return Err(error.at(&value.name));
        }
        let initializers = graph.into_iter().flat_map(|graph| &graph.initializer);
        let constants: BTreeSet<_> = initializers.map(|tensor| tensor.name.as_str()).collect();
        let inputs = graph.into_iter().flat_map(|graph| &graph.input);
        let inputs = inputs.filter(|input| !constants.contains(input.name.as_str()));
        let declare = |(place, value): (usize, &ValueInfoProto)| {
            let (form, declared) = match ports.get(&value.name) {
                Some((form, declared)) => (*form, declared.clone()),
                None => (Form::Tensor, declared::tensor_type(value, &Batch::Own.name(place))?),
            };
            Some((declared, Port { name: value.name.clone(), form }))
        };
        let inputs = inputs.enumerate().map(declare).collect::<Option<Vec<_>>>();
        let outputs = graph.into_iter().flat_map(|graph| &graph.output);
        let outputs = outputs.map(|value| declare((0, value))).collect::<Option<Vec<_>>>();
        let (Some(inputs), Some(outputs)) = (inputs, outputs) else {
            return Err(refusal);
        };
        let program = Stepwise::new(proto, framework, kernels).map_err(rejected)?;
        let (inputs, input_ports): (Vec<_>, _) = inputs.into_iter().unzip();
        let outline = program.outline(proto, framework, &inputs).map_err(rejected)?;
        let work = Work::at_least(&outline).map_err(rejected)?;
        fits(&work)?;
        let program = Program::Stepwise(program);
        let (outputs, output_ports) = outputs.into_iter().unzip();
        let operators = source.operators.clone();
        Ok(Self { program, inputs, input_ports, outputs, output_ports, operators, work })
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

    /// What each of the inputs is made of.
    pub(crate) fn input_ports(&self) -> &[Port] {
        &self.input_ports
    }

    /// What each of the outputs is made of.
    pub(crate) fn output_ports(&self) -> &[Port] {
        &self.output_ports
    }

    /// The operators, each once, sorted.
    #[must_use]
    pub fn operators(&self) -> &[String] {
        &self.operators
    }

    /// The operations of one row, every open dimension counted as 1; `None` if the work of a call
    /// can't be known from the shapes of its inputs.
    #[must_use]
    pub fn operations(&self) -> Option<u64> {
        self.work.is_known().then(|| self.least_operations())
    }

    /// The same, or the least that it can be.
    pub(crate) fn least_operations(&self) -> u64 {
        self.work.count(&BTreeMap::new()) as u64
    }

    /// Runs the graph on its inputs, given by name in any order.
    ///
    /// # Errors
    /// As [`Self::run_within`], with [`OPERATIONS`] as the limit.
    pub fn run(&self, tensors: Vec<Tensor>) -> Result<Vec<Tensor>, Error> {
        self.run_within(tensors, OPERATIONS)
    }

    /// Runs the graph on its inputs, if that is at most this many `operations`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if a tensor is missing, unknown, or of another type or shape than
    /// the graph declares; [`ErrorKind::TooLarge`] if it is too much work, before anything is done;
    /// [`ErrorKind::InferenceFailed`] if the graph fails on them.
    pub fn run_within(
        &self,
        mut tensors: Vec<Tensor>,
        operations: u64,
    ) -> Result<Vec<Tensor>, Error> {
        let mut inputs = Vec::with_capacity(self.inputs.len());
        let mut extents = Extents::default();
        for (declared, port) in self.inputs.iter().zip(&self.input_ports) {
            let mut take = |name: &str| {
                let place = tensors.iter().position(|tensor| tensor.name == name)?;
                Some(tensors.swap_remove(place))
            };
            if port.form.is_sequence() {
                let elements = (0..).map_while(|index| take(&port.element(index)));
                let elements = elements.map(|tensor| convert::to_value(&tensor, declared));
                let elements = elements.collect::<Result<Vec<_>, _>>()?;
                let none = elements.is_empty() && port.form.is_optional();
                let sequence = Item::sequence(elements)
                    .map_err(|error| Error::input("wrong-shape", flat(&error)).at(&port.name))?;
                inputs.push(if none { Item::Absent } else { sequence });
                continue;
            }
            let Some(tensor) = take(&port.name) else {
                if port.form.is_optional() {
                    inputs.push(Item::Absent);
                    continue;
                }
                let message = format!("the input {:?} is missing", port.name);
                return Err(Error::input("missing-tensor", message).at(&port.name));
            };
            inputs.push(convert::to_value(&tensor, declared)?.into());
            if declared.shape != [ANY_SHAPE] {
                extents.agree(&tensor, declared, &self.program)?;
            }
        }
        if let Some(tensor) = tensors.first() {
            let known: Vec<_> = self.inputs.iter().map(|input| input.name.as_str()).collect();
            let (found, known) = (excerpt(&tensor.name), known.join(", "));
            let message = format!("{found} is not an input left to fill; the graph takes {known}");
            return Err(Error::input("unknown-tensor", message).at(&tensor.name));
        }
        let values = extents.values();
        let bytes = self.work.largest(&values);
        if bytes > LARGEST {
            let message = format!(
                "a tensor of {bytes:.1e} bytes for one call, at most {LARGEST:.1e} fit the memory of an \
                 instance; give it less at once"
            );
            return Err(Error::new(ErrorKind::TooLarge, "too-much-memory", message));
        }
        let found = self.work.count(&values);
        if found > operations as f64 {
            let least = if self.work.is_known() { "" } else { "at least " };
            let message = format!(
                "{least}{found:.1e} operations for one call, at most {:.1e} are allowed; give it less \
                 at once, or allow more",
                operations as f64
            );
            return Err(Error::new(ErrorKind::TooLarge, "too-much-work", message));
        }
        let symbols = match &self.program {
            Program::Plan(plan) => extents.symbols(&plan.model().symbols),
            Program::Stepwise(_) => SymbolValues::default(),
        };
        let outputs = match &self.program {
            Program::Plan(plan) => {
                let tensor = |item: Item| Ok(Arc::clone(&item.tensor()?.tensor).into_tvalue());
                let inputs = inputs.into_iter().map(tensor).collect::<TractResult<_>>();
                let outputs = inputs.and_then(|inputs| plan.run(inputs));
                outputs.map(|outputs| {
                    let item = |value: TValue| Item::Tensor(value.into_arc_tensor().into());
                    outputs.into_iter().map(item).collect()
                })
            }
            Program::Stepwise(program) => program.run(inputs),
        };
        let outputs: Vec<Item> = outputs.map_err(|error| extents.uneven(failed(error)))?;
        let mut tensors = Vec::with_capacity(outputs.len());
        for (port, item) in self.output_ports.iter().zip(outputs) {
            match item {
                Item::Absent if port.form.is_optional() => {}
                Item::Sequence(elements) if port.form.is_sequence() => {
                    for (index, value) in elements.iter().enumerate() {
                        let name = port.element(index);
                        tensors.push(convert::from_value(value, &name, &symbols)?);
                    }
                }
                other => {
                    let value = other.tensor().map_err(failed)?;
                    tensors.push(convert::from_value(value, &port.name, &symbols)?);
                }
            }
        }
        Ok(tensors)
    }
}

fn failed(error: TractError) -> Error {
    if let Some(unaccepted) = error.downcast_ref::<Unaccepted>() {
        return Error::input("unaccepted-value", unaccepted.to_string());
    }
    Error::new(ErrorKind::InferenceFailed, "inference-failed", flat(&error))
}

/// An error with its causes in one line, cut to a readable length: tract quotes whole tensors.
fn flat(error: &TractError) -> String {
    let text = format!("{error:#}").split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Whether memory holds what a single row takes.
fn fits(work: &Work) -> Result<(), Error> {
    let bytes = work.largest(&BTreeMap::new());
    if bytes <= LARGEST {
        return Ok(());
    }
    let message = format!(
        "one row takes a tensor of {bytes:.1e} bytes, at most {LARGEST:.1e} fit the memory of an instance"
    );
    Err(Error::model("graph-too-large", message))
}

fn rejected(error: TractError) -> Error {
    if let Some(TooLarge(message)) = error.downcast_ref() {
        return Error::model("graph-too-large", message.clone());
    }
    unsupported(&flat(&error))
}

fn unsupported(reason: &str) -> Error {
    let message = format!("the graph can't be prepared: {reason}");
    Error::new(ErrorKind::UnsupportedModel, REJECTED, message)
}

/// Whether it is tract that can't prepare a graph: its types and shapes agree, or may in a call, tract
/// having found a name to stand for the same extent as another name or a number.
fn is_consistent(proto: &ModelProto, framework: &Onnx, refusal: &Error) -> bool {
    // tract's errors have no kinds; a name is written so in them.
    let about_names = refusal.message.contains("Sym(");
    let analysed = || {
        let model = named_dimensions(framework.model_for_proto_model(proto)?, Batch::Shared);
        model.and_then(|mut model| model.analyse(false))
    };
    about_names || analysed().is_ok()
}

/// The ports of a graph that has tensors only.
fn tensor_ports(types: &[TensorType]) -> Vec<Port> {
    let port = |declared: &TensorType| Port { name: declared.name.clone(), form: Form::Tensor };
    types.iter().map(port).collect()
}

/// tract gives some extents that depend on values a name that nothing holds on to; a plan with one
/// can't run.
fn lasting_symbols(model: &TypedModel) -> Result<(), Error> {
    let facts = model.nodes.iter().flat_map(|node| &node.outputs);
    let mut symbols = facts.flat_map(|output| output.fact.shape.iter()).flat_map(TDim::symbols);
    if symbols.all(|symbol| symbol.scope().is_some()) {
        return Ok(());
    }
    Err(unsupported("an extent depends on values"))
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
