//! Operators as plain functions from values to values.
//!
//! A kernel computes one operator of the standard from concrete values. It is what a graph that is
//! run step by step is made of: there every shape and every value is known when a node's turn
//! comes. tract's operators serve there too; a kernel is for what tract lacks or answers wrongly.
//!
//! Kernels trust nothing: attributes, shapes and values are checked, and what a result takes is
//! checked before it is allocated.

mod call;
mod narrow;
mod number;
mod numbers;
mod planned;
mod value;
mod whole;

use std::collections::BTreeMap;

pub(crate) use call::{Call, LARGEST_WINDOW};
pub(crate) use narrow::{Narrow, ScaleRounding};
pub(crate) use number::Number;
pub(crate) use numbers::*;
pub(crate) use planned::{Facts, read};
pub(crate) use value::{Value, values_of};
pub(crate) use whole::{is_whole, to_whole};

use tract_onnx::tract_hir::internal::*;

/// Computes a node's outputs, in their order.
pub(crate) type Kernel = fn(&Call) -> TractResult<Vec<Value>>;

/// How an operator is computed.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub kernel: Kernel,
    /// Whether it knows the types that tract lacks. For others they are widened to float32.
    pub narrow: bool,
    /// What a plan has to know; without it, the operator of that name in tract stays in plans.
    pub facts: Option<Facts>,
}

/// The kernels by the operator's name.
#[derive(Default)]
pub(crate) struct Kernels(BTreeMap<&'static str, Entry>);

impl Kernels {
    /// Adds a kernel for graphs that are run node by node.
    pub fn add(&mut self, operator: &'static str, kernel: Kernel) {
        self.0.insert(operator, Entry { kernel, narrow: false, facts: None });
    }

    /// Adds a kernel that knows the types that tract lacks.
    pub fn add_narrow(&mut self, operator: &'static str, kernel: Kernel) {
        self.0.insert(operator, Entry { kernel, narrow: true, facts: None });
    }

    /// Adds a kernel that knows the types that tract lacks, and serves in plans for the others.
    pub fn add_narrow_planned(&mut self, operator: &'static str, facts: Facts, kernel: Kernel) {
        self.0.insert(operator, Entry { kernel, narrow: true, facts: Some(facts) });
    }

    /// Adds a kernel that also serves in plans, where it takes the place of tract's operator.
    pub fn add_planned(&mut self, operator: &'static str, facts: Facts, kernel: Kernel) {
        self.0.insert(operator, Entry { kernel, narrow: false, facts: Some(facts) });
    }

    /// All operators.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// The operators that serve in plans.
    pub fn planned(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|(_, entry)| entry.facts.is_some()).map(|(name, _)| *name)
    }

    /// The kernel of an operator.
    pub fn get(&self, operator: &str) -> Option<Entry> {
        self.0.get(operator).copied()
    }
}
