//! A graph, or a graph within a node, as a list of steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Entry, Kernels, Value};

use super::control::{Branch, Loop, Scan};
use super::item::{Item, tensors};
use super::prepared::Prepared;
use super::sequence::Sequence;
use super::{Frame, tensor};

/// The steps of a graph, in its order.
pub(super) struct Body {
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub(super) constants: BTreeMap<String, Item>,
    pub(super) steps: Vec<Step>,
}

/// A node.
pub(super) struct Step {
    pub(super) node: NodeProto,
    action: Action,
    /// The same as tract prepares it, if that is worth it.
    prepared: Option<Prepared>,
    /// The values that no later step uses.
    done: Vec<String>,
}

/// What computes a node.
enum Action {
    Kernel(Entry, i64),
    Tract(Box<dyn InferenceOp>),
    Branch(Branch),
    Loop(Loop),
    Scan(Scan),
    Sequence(Sequence),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let operators = self.steps.iter().map(|step| &step.node.op_type);
        f.debug_list().entries(operators).finish()
    }
}

impl Body {
    /// Runs the steps on the graph's inputs. Inputs that are missing have to be constants.
    pub fn run<'a>(
        &'a self,
        inputs: Vec<Item>,
        outer: Option<&'a Frame<'a>>,
        steps: &'a AtomicUsize,
    ) -> TractResult<Vec<Item>> {
        let values = self.inputs.iter().map(String::as_str).zip(inputs).collect();
        let mut frame = Frame { values, constants: &self.constants, outer, steps };
        for step in &self.steps {
            frame.step()?;
            let outputs = step.run(&frame).with_context(|| {
                let name = step.node.output.first().map_or("", String::as_str);
                format!("node {:?} ({})", crate::error::excerpt(name), step.node.op_type)
            })?;
            for (name, value) in step.node.output.iter().zip(outputs) {
                if !name.is_empty() {
                    frame.values.insert(name, value);
                }
            }
            for name in &step.done {
                frame.values.remove(name.as_str());
            }
        }
        let output = |name: &String| {
            frame.get(name).cloned().with_context(|| format!("nothing gave the output {name:?}"))
        };
        self.outputs.iter().map(output).collect()
    }
}

impl Step {
    /// Whether a kernel computes it that serves in no plan.
    pub(super) fn is_own_kernel(&self) -> bool {
        matches!(&self.action, Action::Kernel(entry, _) if entry.facts.is_none())
    }

    fn run(&self, frame: &Frame) -> TractResult<Vec<Item>> {
        let mut inputs = Vec::with_capacity(self.node.input.len());
        for name in &self.node.input {
            inputs.push(match name.as_str() {
                "" => None,
                name => {
                    Some(frame.get(name).with_context(|| format!("{name:?} is missing"))?.clone())
                }
            });
        }
        match &self.action {
            Action::Branch(branch) => branch.run(&inputs, frame),
            Action::Loop(body) => body.run(&inputs, frame),
            Action::Sequence(sequence) => sequence.run(&inputs, frame),
            _ => {
                let outputs = self.compute(tensors(&inputs)?, frame)?;
                Ok(outputs.into_iter().map(Item::from).collect())
            }
        }
    }

    /// Runs an operator whose inputs and outputs are tensors.
    fn compute(&self, inputs: Vec<Option<Value>>, frame: &Frame) -> TractResult<Vec<Value>> {
        if let (Some(prepared), Some(Some(input))) = (&self.prepared, inputs.first())
            && let Some(outputs) = prepared.run(input)
        {
            return outputs;
        }
        match &self.action {
            Action::Kernel(entry, opset) => {
                let run = |inputs: &[Option<Value>]| {
                    (entry.kernel)(&Call { node: &self.node, opset: *opset, inputs })
                };
                if entry.narrow { run(&inputs) } else { widened(&inputs, run) }
            }
            Action::Tract(op) => widened(&inputs, |inputs| self.tract(&**op, inputs)),
            Action::Scan(scan) => scan.run(inputs, frame),
            Action::Branch(_) | Action::Loop(_) | Action::Sequence(_) => {
                bail!("the operator takes more than tensors")
            }
        }
    }

    /// Evaluates an operator of tract.
    fn tract(&self, op: &dyn InferenceOp, inputs: &[Option<Value>]) -> TractResult<Vec<Value>> {
        let inputs = inputs.iter().flatten();
        let inputs = inputs.map(|value| Arc::clone(&value.tensor).into_tvalue()).collect();
        let inputs: TVec<TValue> = inputs;
        let found = match op.eval_out_of_plan(inputs.clone())? {
            Some(found) => found,
            None => op.eval(&EvalContext::out_of_plan(), inputs)?,
        };
        let mut found = found.into_iter();
        let mut outputs = Vec::with_capacity(self.node.output.len());
        for name in &self.node.output {
            // Outputs that are left out have no place in tract.
            outputs.push(if name.is_empty() {
                Value::from(Tensor::default())
            } else {
                let value = found.next().context("the operator gives fewer outputs")?;
                Value::from(plain(value.into_arc_tensor())?)
            });
        }
        Ok(outputs)
    }
}

/// tract's dimensions as integers.
fn plain(tensor: Arc<Tensor>) -> TractResult<Arc<Tensor>> {
    if tensor.datum_type() == TDim::datum_type() {
        return Ok(Arc::new(tensor.cast_to::<i64>()?.into_owned()));
    }
    Ok(tensor)
}

/// Runs an operator that does not know the types that tract lacks: they go in as float32, and what
/// it gives in float32 becomes what the first of them was.
fn widened(
    inputs: &[Option<Value>],
    run: impl FnOnce(&[Option<Value>]) -> TractResult<Vec<Value>>,
) -> TractResult<Vec<Value>> {
    let Some(narrow) = inputs.iter().flatten().find_map(|value| value.narrow) else {
        return run(inputs);
    };
    let widen = |value: &Option<Value>| -> TractResult<Option<Value>> {
        value.as_ref().map(|value| value.widened().map(Value::from)).transpose()
    };
    let inputs = inputs.iter().map(widen).collect::<TractResult<Vec<_>>>()?;
    let mut outputs = run(&inputs)?;
    for output in &mut outputs {
        if output.narrow.is_none() && output.tensor.datum_type() == DatumType::F32 {
            let tensor = narrow.narrow(&output.tensor, true)?;
            *output = Value { tensor: Arc::new(tensor), narrow: Some(narrow) };
        }
    }
    Ok(outputs)
}

/// Makes bodies of the graphs of one model.
pub(super) struct Builder<'a> {
    context: ParsingContext<'a>,
    kernels: &'a Kernels,
}

impl<'a> Builder<'a> {
    pub fn new(model: &'a ModelProto, framework: &'a Onnx, kernels: &'a Kernels) -> Self {
        let context = super::context(model, framework);
        Self { context, kernels }
    }

    /// A graph's constants and steps.
    pub fn body(&self, graph: &'a GraphProto) -> TractResult<Body> {
        let mut constants = BTreeMap::new();
        for initializer in &graph.initializer {
            constants.insert(initializer.name.clone(), tensor::load(initializer)?.into());
        }
        let inputs = graph.input.iter().map(|input| input.name.clone());
        let inputs = inputs.filter(|name| !constants.contains_key(name)).collect();
        let outputs: Vec<_> = graph.output.iter().map(|output| output.name.clone()).collect();
        let mut steps = Vec::with_capacity(graph.node.len());
        for node in &graph.node {
            if let Some(constant) = constant(node)? {
                let name = node.output.first().cloned().unwrap_or_default();
                constants.insert(name, constant.into());
                continue;
            }
            let action =
                self.action(node).with_context(|| format!("{} can't be built", node.op_type))?;
            let prepared = self.prepared(node, &constants);
            steps.push(Step { node: without_graphs(node), action, prepared, done: Vec::new() });
        }
        // Backwards: the first use that is met is the last one.
        let mut used: BTreeSet<String> = outputs.iter().cloned().collect();
        let nodes = graph.node.iter().filter(|node| !is_constant(node));
        for (step, node) in steps.iter_mut().zip(nodes.collect::<Vec<_>>()).rev() {
            let mut names = BTreeSet::new();
            uses(node, &mut names);
            step.done = names.difference(&used).map(|name| (*name).clone()).collect();
            let unused = node.output.iter().filter(|name| !used.contains(*name));
            step.done.extend(unused.cloned());
            used.extend(names);
        }
        Ok(Body { inputs, outputs, constants, steps })
    }

    fn prepared(&self, node: &NodeProto, constants: &BTreeMap<String, Item>) -> Option<Prepared> {
        let build = self.context.framework.op_register.0.get(&node.op_type)?;
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return None;
        }
        let (op, _) = build(&self.context, node).ok()?;
        Prepared::new(node, &*op, constants)
    }

    fn action(&self, node: &'a NodeProto) -> TractResult<Action> {
        let standard = matches!(node.domain.as_str(), "" | "ai.onnx");
        let opset = self.context.onnx_operator_set_version;
        if standard && let Some(sequence) = Sequence::new(self, node)? {
            return Ok(Action::Sequence(sequence));
        }
        Ok(match node.op_type.as_str() {
            "If" if standard => Action::Branch(Branch::new(self, node)?),
            "Loop" if standard => Action::Loop(Loop::new(self, node)?),
            "Scan" if standard => Action::Scan(Scan::new(self, node, opset)?),
            operator => match self.kernels.get(operator).filter(|_| standard) {
                Some(entry) => Action::Kernel(entry, opset),
                None => {
                    let registered = self.context.framework.op_register.0.get(operator);
                    let build = registered.context("the operator is not supported")?;
                    Action::Tract(build(&self.context, node)?.0)
                }
            },
        })
    }
}

/// Whether a node is nothing but a tensor.
fn is_constant(node: &NodeProto) -> bool {
    let tensor = node.attribute.iter().any(|attribute| attribute.t.is_some());
    node.op_type == "Constant" && matches!(node.domain.as_str(), "" | "ai.onnx") && tensor
}

/// The tensor that a node is.
fn constant(node: &NodeProto) -> TractResult<Option<Value>> {
    if !is_constant(node) {
        return Ok(None);
    }
    let value = node.attribute.iter().find_map(|attribute| attribute.t.as_ref());
    value.map(tensor::load).transpose()
}

/// The node without the graphs in its attributes, which have become bodies.
fn without_graphs(node: &NodeProto) -> NodeProto {
    let mut node = node.clone();
    node.attribute.retain(|attribute| attribute.g.is_none() && attribute.graphs.is_empty());
    node
}

/// The names that a node uses, those in its graphs included.
fn uses(node: &NodeProto, names: &mut BTreeSet<String>) {
    names.extend(node.input.iter().filter(|name| !name.is_empty()).cloned());
    let graphs = node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs));
    for graph in graphs {
        names.extend(graph.output.iter().map(|output| output.name.clone()));
        graph.node.iter().for_each(|node| uses(node, names));
    }
}
