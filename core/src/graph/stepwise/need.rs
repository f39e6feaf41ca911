//! Whether a graph that can't be planned can be run node by node, or is simply wrong.
//!
//! A graph is run node by node for a reason that can be seen in it: a shape that depends on values
//! which arrive later, an operator or a type that tract lacks, a loop. Where there is none, the
//! refusal of the plan stands, and a wrong graph is refused when it is loaded.

use std::collections::BTreeSet;

use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};

use crate::operators::kernel::{Kernels, Narrow};

use super::{context, own_operators};

/// Operators of tract whose output's shape depends on values of these inputs.
const DEPENDING: [(&str, &[usize]); 31] = [
    ("BlackmanWindow", &[0]),
    ("Compress", &[1]),
    ("ConstantOfShape", &[0]),
    ("CumSum", &[1]),
    ("DFT", &[1, 2]),
    ("Expand", &[1]),
    ("GatherND", &[1]),
    ("HammingWindow", &[0]),
    ("HannWindow", &[0]),
    ("NonZero", &[0]),
    ("OneHot", &[1]),
    ("Pad", &[1, 3]),
    ("Range", &[0, 1, 2]),
    ("ReduceL1", &[1]),
    ("ReduceL2", &[1]),
    ("ReduceLogSum", &[1]),
    ("ReduceLogSumExp", &[1]),
    ("ReduceMax", &[1]),
    ("ReduceMean", &[1]),
    ("ReduceMin", &[1]),
    ("ReduceProd", &[1]),
    ("ReduceSum", &[1]),
    ("ReduceSumSquare", &[1]),
    ("Reshape", &[1]),
    ("Resize", &[1, 2, 3]),
    ("STFT", &[1, 3]),
    ("Slice", &[1, 2, 3, 4]),
    ("Split", &[1]),
    ("Squeeze", &[1]),
    ("Tile", &[1]),
    ("Unsqueeze", &[1]),
];

/// Operators that tract plans whatever their inputs are.
const PLANNED: [&str; 7] = ["Cast", "CastLike", "Clip", "Gemm", "MatMul", "Max", "Min"];

/// Whether there is a reason to run a graph node by node.
pub(in crate::graph) fn may_help(proto: &ModelProto, framework: &Onnx, kernels: &Kernels) -> bool {
    let context = context(proto, framework);
    let reader = Reader { context: &context, kernels };
    proto.graph.as_ref().is_some_and(|graph| reader.graph(graph, BTreeSet::new()))
}

struct Reader<'a> {
    context: &'a ParsingContext<'a>,
    kernels: &'a Kernels,
}

impl Reader<'_> {
    /// `known` are the names whose values are there before the graph runs.
    fn graph<'a>(&self, graph: &'a GraphProto, mut known: BTreeSet<&'a str>) -> bool {
        let narrow = |number: i32| Narrow::from_onnx(number).is_some();
        let inputs = graph.input.iter().filter_map(super::super::declared::element);
        let mut types = inputs.chain(graph.initializer.iter().map(|tensor| tensor.data_type));
        if types.any(narrow) {
            return true;
        }
        known.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
        for node in &graph.node {
            if self.node(node, &known) {
                return true;
            }
            // The extents of a tensor are known as far as its shape is.
            let told = matches!(node.op_type.as_str(), "Shape" | "Size" | "Constant");
            if told
                || node.input.iter().all(|name| name.is_empty() || known.contains(name.as_str()))
            {
                known.extend(node.output.iter().map(String::as_str));
            }
        }
        false
    }

    fn node(&self, node: &NodeProto, known: &BTreeSet<&str>) -> bool {
        let operator = node.op_type.as_str();
        if own_operators().any(|own| own == operator) || makes_narrow(node) {
            return true;
        }
        let arrives = |place: &usize| {
            let name = node.input.get(*place).filter(|name| !name.is_empty());
            name.is_some_and(|name| !known.contains(name.as_str()))
        };
        let depending = DEPENDING.iter().find(|(name, _)| *name == operator);
        if depending.is_some_and(|(_, places)| places.iter().any(arrives)) {
            return true;
        }
        if operator == "TopK" && arrives(&1) {
            return true;
        }
        // tract has no steps along an extent that is open.
        if operator == "Slice" && node.input.get(4).is_some_and(|steps| !steps.is_empty()) {
            return true;
        }
        let Some(entry) = self.kernels.get(operator) else { return false };
        let build = self.context.framework.op_register.0.get(operator);
        let builds = build.is_some_and(|build| build(self.context, node).is_ok());
        let parameters = 1..node.input.len();
        let open = entry.facts.is_none() && parameters.into_iter().any(|place| arrives(&place));
        !builds || (open && !PLANNED.contains(&operator))
    }
}

/// Whether a node makes a tensor of a type that tract lacks.
fn makes_narrow(node: &NodeProto) -> bool {
    node.attribute.iter().any(|attribute| match attribute.name.as_str() {
        "to" | "dtype" | "output_dtype" | "output_datatype" => {
            i32::try_from(attribute.i).is_ok_and(|number| Narrow::from_onnx(number).is_some())
        }
        _ => attribute.t.as_ref().is_some_and(|t| Narrow::from_onnx(t.data_type).is_some()),
    })
}
