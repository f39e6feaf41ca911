//! Operators as plain functions from values to values.
//!
//! A kernel computes one operator of the standard from concrete values. It is what a graph that is
//! run step by step is made of: there every shape and every value is known when a node's turn
//! comes. tract's operators serve there too; a kernel is for what tract lacks or answers wrongly.
//!
//! Kernels trust nothing: attributes, shapes and values are checked, and what a result takes is
//! checked against [`MAX_BYTES`] before it is allocated.

mod call;
mod narrow;
mod numbers;
mod value;

use std::collections::BTreeMap;

pub(crate) use call::Call;
pub(crate) use narrow::{Narrow, ScaleRounding};
pub(crate) use numbers::*;
pub(crate) use value::{MAX_BYTES, Value, values_of};

use tract_onnx::tract_hir::internal::*;

/// Computes a node's outputs, in their order.
pub(crate) type Kernel = fn(&Call) -> TractResult<Vec<Value>>;

/// How an operator is computed.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub kernel: Kernel,
    /// Whether it knows the types that tract lacks. For others they are widened to float32.
    pub narrow: bool,
}

/// The kernels by the operator's name.
#[derive(Default)]
pub(crate) struct Kernels(BTreeMap<&'static str, Entry>);

impl Kernels {
    /// Adds a kernel that gives one tensor.
    pub fn add(&mut self, operator: &'static str, kernel: Kernel) {
        self.0.insert(operator, Entry { kernel, narrow: false });
    }

    /// Adds a kernel that knows the types that tract lacks.
    pub fn add_narrow(&mut self, operator: &'static str, kernel: Kernel) {
        self.0.insert(operator, Entry { kernel, narrow: true });
    }

    /// The kernel of an operator.
    pub fn get(&self, operator: &str) -> Option<Entry> {
        self.0.get(operator).copied()
    }
}
