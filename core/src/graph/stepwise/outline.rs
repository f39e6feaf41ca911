//! What can be told of a graph before it runs, although it is run node by node: the least that it takes.
//!
//! Each node whose inputs' types are known is wired into a model of tract's, which finds the types of
//! its outputs and counts its work. Nodes whose shapes depend on values, those with graphs inside, and
//! what follows from them are left out: they add nothing to what is known to be needed.

use std::collections::BTreeMap;

use tract_onnx::model::ParsingContext;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_hir::internal::*;

use super::super::{ANY_SHAPE, convert};
use super::body::{Body, Step};
use super::item::Item;
use crate::TensorType;
use crate::error::TooLarge;

/// The nodes that are looked at. What wiring one costs grows with their number.
const MOST: usize = 5_000;

/// Operators that have kernels for graphs that are run node by node, whose shapes tract tells, too. Of
/// others tract's shapes may be wrong.
const KERNELS: [&str; 9] =
    ["BatchNormalization", "Cast", "CastLike", "Clip", "Gemm", "MatMul", "Max", "Min", "Relu"];

/// As much of the graph as has known types. Fails with [`TooLarge`] alone.
pub(super) fn outline(
    body: &Body,
    context: &ParsingContext,
    inputs: &[TensorType],
) -> TractResult<TypedModel> {
    let mut outline = Outline { body, model: TypedModel::default(), known: BTreeMap::new() };
    let declared = body.inputs.iter().zip(inputs);
    for (name, declared) in declared {
        if let Some(fact) = fact(declared, &outline.model.symbols) {
            let source = outline.model.add_source(name.clone(), fact)?;
            outline.known.insert(name, source);
            outline.model.inputs.push(source);
        }
    }
    for (place, step) in body.steps.iter().enumerate().take(MOST) {
        match outline.wire(&format!("step{place}"), step, context) {
            Some(Ok(outputs)) => {
                let names = step.node.output.iter().filter(|name| !name.is_empty());
                outline.known.extend(names.map(String::as_str).zip(outputs));
            }
            Some(Err(error)) if error.downcast_ref::<TooLarge>().is_some() => return Err(error),
            _ => {}
        }
    }
    Ok(outline.model)
}

struct Outline<'a> {
    body: &'a Body,
    model: TypedModel,
    known: BTreeMap<&'a str, OutletId>,
}

impl<'a> Outline<'a> {
    /// Wires a node; `None` if the types of its inputs are not known.
    fn wire(
        &mut self,
        prefix: &str,
        step: &'a Step,
        context: &ParsingContext,
    ) -> Option<TractResult<TVec<OutletId>>> {
        let node = &step.node;
        if step.is_own_kernel() && !KERNELS.contains(&node.op_type.as_str()) {
            return None;
        }
        let mut inputs = TVec::new();
        for name in node.input.iter().filter(|name| !name.is_empty()) {
            inputs.push(self.outlet(name)?);
        }
        let build = context.framework.op_register.0.get(&node.op_type)?;
        let (op, _) = build(context, node).ok()?;
        let op = op.as_op();
        let model = &mut self.model;
        let before = model.nodes.len();
        let outputs = if let Some(op) = op.downcast_ref::<Box<dyn Expansion>>() {
            op.wire(prefix, model, &inputs)
        } else if let Some(op) = op.downcast_ref::<ElementWiseOp>() {
            model.wire_node(prefix, op.clone(), &inputs)
        } else {
            model.wire_node(prefix, op.downcast_ref::<Const>()?.clone(), &inputs)
        };
        if outputs.is_err() {
            // What was wired in vain.
            model.nodes.truncate(before);
        }
        Some(outputs)
    }

    /// What a name stands for: a value that is known, or a constant.
    fn outlet(&mut self, name: &'a str) -> Option<OutletId> {
        if let Some(outlet) = self.known.get(name) {
            return Some(*outlet);
        }
        let Item::Tensor(value) = self.body.constants.get(name)? else { return None };
        if value.narrow.is_some() {
            return None;
        }
        let outlet = self.model.add_const(format!("constant {name}"), Arc::clone(&value.tensor));
        let outlet = outlet.ok()?;
        self.known.insert(name, outlet);
        Some(outlet)
    }
}

/// The type of an input, if it is a tensor of known rank and of a type that tract has.
fn fact(declared: &TensorType, symbols: &SymbolScope) -> Option<TypedFact> {
    let other = declared.name.ends_with(['?', ']']);
    if other || declared.shape == [ANY_SHAPE] || !convert::is_plain(declared.element_type) {
        return None;
    }
    let extent = |extent: &String| match extent.parse::<usize>() {
        Ok(number) => number.to_dim(),
        Err(_) => symbols.sym(extent).to_dim(),
    };
    let shape: TVec<TDim> = declared.shape.iter().map(extent).collect();
    Some(convert::datum_type(declared.element_type).fact(shape))
}
