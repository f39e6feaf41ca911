//! How much work a graph is: operations, counted before it runs.
//!
//! Each node's operations are an expression in the extents that callers choose (`N`, the batch, and
//! the other open dimensions), so that the work of a call is known from the shapes of its inputs. A
//! graph whose inner extents follow from values, not shapes, has only a least.
//!
//! Beside them stands the largest tensor, which has to fit the memory of an instance.
//!
//! One operation is a multiplication with addition, a division, a comparison, or writing one
//! element. It is a measure for limits, not a prediction of time.

use std::collections::BTreeMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::ToDim;

/// The operations of a graph as an expression of its open dimensions.
#[derive(Debug)]
pub(super) struct Work {
    count: Count,
    /// The bytes of tensors, of which none is larger than the largest of these.
    tensors: Vec<Count>,
    known: bool,
}

/// An expression, evaluated in floating point: it may be more than an integer holds.
#[derive(Debug)]
enum Count {
    Number(f64),
    /// An open dimension, by its name in [`crate::TensorType::shape`].
    Extent(String),
    Sum(Vec<Count>),
    Product(Vec<Count>),
    Quotient(Box<Count>, f64),
    Largest(Vec<Count>),
    Smallest(Vec<Count>),
    AtLeast(Box<Count>, Box<Count>),
    Equal(Box<Count>, Box<Count>),
}

impl Work {
    /// Counts the operations of an optimised graph.
    pub(super) fn of(model: &TypedModel) -> TractResult<Self> {
        Self::counted(model, true)
    }

    /// Counts the operations of a part of a graph, which is the least that the graph takes.
    pub(super) fn at_least(model: &TypedModel) -> TractResult<Self> {
        Self::counted(model, false)
    }

    fn counted(model: &TypedModel, whole: bool) -> TractResult<Self> {
        let mut symbols = Vec::new();
        for input in &model.inputs {
            for extent in model.outlet_fact(*input)?.shape.iter() {
                symbols.extend(extent.symbols());
            }
        }
        let mut total = TDim::Val(0);
        let mut sizes = BTreeMap::new();
        for node in &model.nodes {
            let inputs = model.node_input_facts(node.id)?;
            for (cost, count) in node.op.cost(&inputs)? {
                if cost.is_compute() {
                    total += count;
                }
            }
            for output in &node.outputs {
                if output.fact.konst.is_none() {
                    let volume = output.fact.shape.volume();
                    size(&volume, output.fact.datum_type.size_of(), &mut sizes);
                    total += volume;
                }
            }
        }
        let known = whole && total.symbols().iter().all(|symbol| symbols.contains(symbol));
        let tensors = sizes.into_values().map(|(rest, bytes)| Count::of(&(rest * bytes)));
        Ok(Self { count: Count::of(&total.simplify()), tensors: tensors.collect(), known })
    }

    /// Whether it follows from the shapes of the inputs.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// The operations of a call with these extents, or the least that they are, if they are not known;
    /// an extent without a value counts as 1. Always a number, however large.
    pub(super) fn count(&self, extents: &BTreeMap<&str, usize>) -> f64 {
        self.count.value(extents)
    }

    /// The bytes of the largest tensor of such a call.
    pub(super) fn largest(&self, extents: &BTreeMap<&str, usize>) -> f64 {
        self.tensors.iter().map(|bytes| bytes.value(extents)).fold(0.0, f64::max)
    }
}

/// Adds the bytes of a tensor to those of others. Of multiples of one extent the largest is kept, so
/// that few are left to look at in a call.
fn size(volume: &TDim, element: usize, sizes: &mut BTreeMap<String, (TDim, i64)>) {
    let (factor, rest) = match volume {
        TDim::Val(number) => (*number, 1.to_dim()),
        TDim::MulInt(factor, rest) => (*factor, (**rest).clone()),
        other => (1, other.clone()),
    };
    let bytes = factor.saturating_mul(i64::try_from(element).unwrap_or(i64::MAX));
    let kept = sizes.entry(rest.to_string()).or_insert((rest, bytes));
    kept.1 = kept.1.max(bytes);
}

impl Count {
    fn of(term: &TDim) -> Self {
        let all = |terms: &[TDim]| terms.iter().map(Self::of).collect();
        let one = |term: &TDim| Box::new(Self::of(term));
        match term {
            TDim::Val(number) => Self::Number(*number as f64),
            TDim::Sym(symbol) => Self::Extent(symbol.to_string()),
            TDim::Add(terms) => Self::Sum(all(terms)),
            TDim::Mul(terms) => Self::Product(all(terms)),
            TDim::MulInt(factor, term) => {
                Self::Product(vec![Self::Number(*factor as f64), Self::of(term)])
            }
            TDim::Div(term, divisor) => Self::Quotient(one(term), *divisor as f64),
            TDim::Broadcast(terms) | TDim::Max(terms) => Self::Largest(all(terms)),
            TDim::Min(terms) => Self::Smallest(all(terms)),
            TDim::Ge(left, right) => Self::AtLeast(one(left), one(right)),
            TDim::Eq(left, right) => Self::Equal(one(left), one(right)),
        }
    }

    fn value(&self, extents: &BTreeMap<&str, usize>) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Extent(name) => extents.get(name.as_str()).map_or(1.0, |extent| *extent as f64),
            Self::Sum(terms) => terms.iter().map(|term| term.value(extents)).sum(),
            Self::Product(terms) => terms.iter().map(|term| term.value(extents)).product(),
            Self::Quotient(term, divisor) => (term.value(extents) / divisor).floor(),
            Self::Largest(terms) => {
                terms.iter().map(|term| term.value(extents)).fold(0.0, f64::max)
            }
            Self::Smallest(terms) => {
                terms.iter().map(|term| term.value(extents)).fold(f64::INFINITY, f64::min)
            }
            Self::AtLeast(left, right) => f64::from(left.value(extents) >= right.value(extents)),
            Self::Equal(left, right) => f64::from(left.value(extents) == right.value(extents)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Extents of a tensor are bounded by memory; their products in a node's work are not.
    #[test]
    fn a_product_beyond_every_integer_is_still_a_number() {
        let scope = SymbolScope::default();
        let cube = TDim::Mul(vec![TDim::Sym(scope.sym("N")); 3]);
        let work = Work { count: Count::of(&cube), tensors: Vec::new(), known: true };
        assert_eq!(work.count(&BTreeMap::from([("N", 1 << 40)])), 2_f64.powi(120));
        assert_eq!(work.count(&BTreeMap::new()), 1.0);
    }
}
