//! Graphs that are run node by node.
//!
//! tract prepares a graph completely before it is run, and for that every shape has to follow from
//! the shapes of the inputs. Where a shape depends on values (a reshape to a shape that arrives, a
//! loop, a filter), and where tract lacks an operator, the graph is run the way it is written:
//! each node in turn, on values whose shapes are known by then. Operators come from
//! [`crate::operators`] or from tract; loops and branches are run here.
//!
//! What that costs is bounded: a call runs at most [`MAX_STEPS`] nodes, whatever its loops say.

mod body;
mod control;
mod item;
mod need;
mod outline;
mod prepared;
mod sequence;
mod tensor;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::ModelProto;
use tract_onnx::tract_hir::internal::*;

use crate::TensorType;
use crate::operators::kernel::Kernels;

use body::Body;
pub(super) use item::Item;
pub(super) use need::may_help;
use sequence::SEQUENCES;
pub(super) use tensor::{pack, unpack};

/// Operators with graphs inside, which are run here.
const CONTROL: [&str; 3] = ["If", "Loop", "Scan"];

/// The operators that only a graph that is run node by node has.
pub(crate) fn own_operators() -> impl Iterator<Item = &'static str> {
    let sequences = SEQUENCES.into_iter().filter(|operator| *operator != "Identity");
    CONTROL.into_iter().chain(sequences)
}

/// The nodes that one call may run, those of loops counted each time.
const MAX_STEPS: usize = 1_000_000;

/// A graph with its constants, ready to run.
#[derive(Debug)]
pub(super) struct Stepwise {
    body: Body,
}

/// The values that nodes can use: those of their graph, and those of the graphs around it.
pub(super) struct Frame<'a> {
    values: BTreeMap<&'a str, Item>,
    constants: &'a BTreeMap<String, Item>,
    outer: Option<&'a Frame<'a>>,
    steps: &'a AtomicUsize,
}

impl<'a> Frame<'a> {
    fn get(&self, name: &str) -> Option<&Item> {
        let own = self.values.get(name).or_else(|| self.constants.get(name));
        own.or_else(|| self.outer.and_then(|outer| outer.get(name)))
    }

    /// Counts a node that is about to run.
    fn step(&self) -> TractResult<()> {
        let steps = self.steps.fetch_add(1, Ordering::Relaxed);
        ensure!(steps < MAX_STEPS, "the graph runs more than {MAX_STEPS} nodes");
        Ok(())
    }
}

/// The context in which tract reads a model's nodes.
fn context<'a>(model: &'a ModelProto, framework: &'a Onnx) -> ParsingContext<'a> {
    let standard = |domain: &str| matches!(domain, "" | "ai.onnx");
    let opset = model.opset_import.iter().find(|set| standard(&set.domain));
    ParsingContext {
        onnx_operator_set_version: opset.map_or(0, |set| set.version),
        framework,
        model,
        parent_graphs: Vec::new(),
        model_dir: None,
        template: InferenceModel::default(),
    }
}

impl Stepwise {
    /// Prepares the graph of a model.
    pub fn new(proto: &ModelProto, framework: &Onnx, kernels: &Kernels) -> TractResult<Self> {
        let graph = proto.graph.as_ref().context("the model has no graph")?;
        let builder = body::Builder::new(proto, framework, kernels);
        Ok(Self { body: builder.body(graph)? })
    }

    /// As much of the graph as has known types before it runs; fails if that alone is too large.
    pub fn outline(
        &self,
        proto: &ModelProto,
        framework: &Onnx,
        inputs: &[TensorType],
    ) -> TractResult<TypedModel> {
        outline::outline(&self.body, &context(proto, framework), inputs)
    }

    /// Runs the graph on its inputs, in its order.
    pub fn run(&self, inputs: Vec<Item>) -> TractResult<Vec<Item>> {
        self.body.run(inputs, None, &AtomicUsize::new(0))
    }
}
