//! The ONNX graph: from bytes to a plan, from tensors to tensors.
//!
//! With [`crate::operators`] the only place that names tract. Matrix products and convolutions run
//! inside the plan built here; whoever offers other kernels for them starts here.

mod convert;
mod declared;
mod flatten;
mod inline;
mod kept;
mod port;
mod quantized;
mod stepwise;
mod trial;
mod untyped;
mod validate;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tract_onnx::Onnx;
use tract_onnx::pb::{ModelProto, ValueInfoProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{SymbolScope, SymbolValues, ToDim};
use tract_onnx::tract_hir::infer::{Factoid, InferenceFact, InferenceModel, InferenceModelExt};

pub(crate) use convert::{decode_small, encode_small};
pub(crate) use port::{ANY_SHAPE, Form, Port};
pub(crate) use stepwise::own_operators;
use stepwise::{Item, Stepwise};

use crate::error::{TooLarge, Unaccepted, excerpt};
use crate::graph::port::Ports;
use crate::graph::work::Work;
use crate::operators;
use crate::operators::kernel::Kernels;
use crate::{Error, ErrorKind, Tensor, TensorType};

/// The code of a graph that can't be prepared.
const REJECTED: &str = "graph-rejected";

/// The name of the first dimension where the file has none.
const BATCH: &str = "N";

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
    ///
    /// # Errors
    /// [`ErrorKind::InvalidModel`] if the bytes are no valid graph, and
    /// [`ErrorKind::UnsupportedModel`] if the graph has an operator, type or form that this core
    /// does not run; both name the node.
    pub fn load(onnx: &[u8]) -> Result<Self, Error> {
        Self::prepare(onnx, Batch::Own)
    }

    /// The same for inputs that are all filled with the same rows: a first extent without a name is
    /// their number.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_rows(onnx: &[u8]) -> Result<Self, Error> {
        Self::prepare(onnx, Batch::Shared)
    }

    fn prepare(onnx: &[u8], batch: Batch) -> Result<Self, Error> {
        let mut proto = validate::decode(onnx)?;
        inline::inline(&mut proto, onnx)?;
        quantized::rewrite(&mut proto);
        let untyped = untyped::types(&proto, onnx);
        let types = port::types(&untyped);
        let mut ports = flatten::flatten(&mut proto, &untyped, &types)?;
        let own = port::take(&mut proto, &types);
        // tract carries no sequences.
        let planned = own.is_empty();
        ports.extend(own);
        let (framework, kernels) = (operators::onnx(), operators::kernels());
        validate::check(&proto, |operator| {
            framework.op_register.0.contains_key(operator)
                || kernels.get(operator).is_some()
                || own_operators().any(|own| own == operator)
        })?;
        let keys = flatten::keys(&proto);
        flatten::declare(&mut proto, &keys);
        let operators = operator_names(&proto);
        let step = |refusal| {
            Self::stepwise(&proto, &framework, kernels, &ports, operators.clone(), refusal)
        };
        let graph = if planned {
            match Self::plan(&proto, &framework, operators.clone(), batch) {
                Err(refusal)
                    if refusal.code == REJECTED
                        && (stepwise::may_help(&proto, &framework, kernels)
                            || is_consistent(&proto, &framework, &refusal)) =>
                {
                    step(refusal)
                }
                Ok(planned)
                    if trial::is_due(&proto, &planned)
                        && trial::answers(&planned) == Some(false) =>
                {
                    let stepped = step(unsupported("it fails on zeros"));
                    let better = stepped.ok().filter(|own| trial::answers(own) == Some(true));
                    Ok(better.unwrap_or(planned))
                }
                planned => planned,
            }
        } else {
            step(unsupported("an input or output of the graph has no type"))
        };
        let mut graph = graph?;
        for (output, keys) in graph.outputs.iter_mut().zip(keys) {
            output.keys = keys;
        }
        Ok(graph)
    }

    /// Has tract prepare the graph.
    fn plan(
        proto: &ModelProto,
        framework: &Onnx,
        operators: Vec<String>,
        batch: Batch,
    ) -> Result<Self, Error> {
        let model = framework.model_for_proto_model(proto).map_err(rejected)?;
        if batch == Batch::Own && has_open_batches(&model) {
            // Where the inputs have to be of one length, names that differ are refused, or fail.
            match Self::named_plan(model.clone(), proto, operators.clone(), Batch::Own) {
                Ok(own) if trial::answers(&own) == Some(false) => {
                    let shared = Self::named_plan(model, proto, operators, Batch::Shared).ok();
                    let better = shared.filter(|shared| trial::answers(shared) == Some(true));
                    return Ok(better.unwrap_or(own));
                }
                Ok(own) => return Ok(own),
                Err(_) => {}
            }
        }
        Self::named_plan(model, proto, operators, Batch::Shared)
    }

    /// Has tract prepare the graph, its open dimensions named.
    fn named_plan(
        model: InferenceModel,
        proto: &ModelProto,
        operators: Vec<String>,
        batch: Batch,
    ) -> Result<Self, Error> {
        let (input_names, output_names) = border_names(proto);
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
        let program = Program::Plan(plan);
        Ok(Self { program, inputs, input_ports, outputs, output_ports, operators, work })
    }

    /// Prepares the graph to be run node by node. If the file does not tell the types that a plan
    /// would have found, the refusal of the plan stands.
    fn stepwise(
        proto: &ModelProto,
        framework: &Onnx,
        kernels: &Kernels,
        ports: &Ports,
        operators: Vec<String>,
        refusal: Error,
    ) -> Result<Self, Error> {
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

/// The extents that names stand for in one call.
#[derive(Default)]
struct Extents<'a>(BTreeMap<&'a str, (usize, &'a str)>);

impl<'a> Extents<'a> {
    fn values(&self) -> BTreeMap<&'a str, usize> {
        self.0.iter().map(|(name, (extent, _))| (*name, *extent)).collect()
    }

    /// A name stands for the same extent in every input. Node by node nothing relies on that of a name
    /// that the file did not give.
    fn agree(
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
    fn uneven(&self, error: Error) -> Error {
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

    fn symbols(&self, symbols: &SymbolScope) -> SymbolValues {
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

/// Whose the first extents without a name are.
#[derive(Clone, Copy, PartialEq)]
enum Batch {
    /// One for all inputs.
    Shared,
    /// One for each.
    Own,
}

impl Batch {
    /// The name of the first extent of an input.
    fn name(self, input: usize) -> String {
        match self {
            Self::Own if input > 0 => format!("{BATCH}{input}"),
            _ => BATCH.into(),
        }
    }
}

/// Whether it is one of the names for a first extent.
fn is_batch(name: &str) -> bool {
    name.strip_prefix(BATCH).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether several inputs have a first extent without a name.
fn has_open_batches(model: &InferenceModel) -> bool {
    let open = |input: usize| {
        let shape = &model.input_fact(input).ok()?.shape;
        Some(shape.rank().concretize()? > 0 && shape.dim(0)?.concretize().is_none())
    };
    (0..model.inputs.len()).filter(|input| open(*input) == Some(true)).count() > 1
}

/// Gives every open dimension of the inputs a name, so that one plan serves any extent. The first
/// dimension is the batch.
fn named_dimensions(mut model: InferenceModel, batch: Batch) -> TractResult<InferenceModel> {
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
