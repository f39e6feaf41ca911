//! How much work a graph is: operations, counted before it runs.
//!
//! Each node's operations are an expression in the extents that callers choose (`N`, the batch, and
//! the other open dimensions), so that the work of a call is known from the shapes of its inputs. A
//! graph whose inner extents follow from values, not shapes, has none.
//!
//! One operation is a multiplication with addition, a division, a comparison, or writing one
//! element. It is a measure for limits, not a prediction of time.

use std::collections::BTreeMap;

use tract_onnx::prelude::*;

/// The operations of a graph as an expression of its open dimensions.
#[derive(Debug)]
pub(super) struct Work {
    /// The terms: one for each node.
    terms: Vec<TDim>,
    /// Open dimensions of the inputs, by name as in [`crate::TensorType::shape`].
    known: bool,
}

impl Work {
    /// Counts the operations of an optimised graph.
    pub(super) fn of(model: &TypedModel) -> TractResult<Self> {
        let mut symbols = Vec::new();
        for input in &model.inputs {
            for extent in model.outlet_fact(*input)?.shape.iter() {
                symbols.extend(extent.symbols());
            }
        }
        let mut terms = Vec::new();
        let mut known = true;
        for node in &model.nodes {
            let inputs = model.node_input_facts(node.id)?;
            for (cost, count) in node.op.cost(&inputs)? {
                if cost.is_compute() {
                    terms.push(count);
                }
            }
            for output in &node.outputs {
                if output.fact.konst.is_none() {
                    terms.push(output.fact.shape.volume());
                }
            }
        }
        for term in &terms {
            known &= term.symbols().iter().all(|symbol| symbols.contains(symbol));
        }
        Ok(Self { terms, known })
    }

    /// Whether it follows from the shapes of the inputs.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// The operations of a call with these extents; an extent without a value counts as 1. Always
    /// a number, however large: what can't be known adds the least that it can be.
    pub(super) fn count(&self, extents: &BTreeMap<&str, usize>) -> f64 {
        self.terms.iter().map(|term| value(term, extents).max(0.0)).sum()
    }
}

/// The value of an expression, in floating point: it may be more than an integer holds.
fn value(term: &TDim, extents: &BTreeMap<&str, usize>) -> f64 {
    let of = |term: &TDim| value(term, extents);
    match term {
        TDim::Val(number) => *number as f64,
        TDim::Sym(symbol) => {
            extents.get(symbol.to_string().as_str()).map_or(1.0, |extent| *extent as f64)
        }
        TDim::Add(terms) => terms.iter().map(of).sum(),
        TDim::Mul(terms) => terms.iter().map(of).product(),
        TDim::MulInt(factor, term) => *factor as f64 * of(term),
        TDim::Div(term, divisor) => (of(term) / *divisor as f64).floor(),
        TDim::Broadcast(terms) | TDim::Max(terms) => terms.iter().map(of).fold(0.0, f64::max),
        TDim::Min(terms) => terms.iter().map(of).fold(f64::INFINITY, f64::min),
        TDim::Ge(left, right) => f64::from(of(left) >= of(right)),
        TDim::Eq(left, right) => f64::from(of(left) == of(right)),
    }
}
