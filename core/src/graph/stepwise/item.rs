//! What a name stands for between the nodes of a graph that is run node by node: a tensor, a sequence
//! of tensors, or an optional value that is not there.

use std::sync::Arc;

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::Value;

/// The longest sequence. A node that adds an element copies the others' places, so this bounds what a
/// loop of them costs.
const LONGEST: usize = 10_000;

/// A tensor, a sequence, or nothing.
#[derive(Clone, Debug)]
pub(in crate::graph) enum Item {
    Tensor(Value),
    Sequence(Arc<Vec<Value>>),
    /// An optional value that is not there.
    Absent,
}

impl From<Value> for Item {
    fn from(value: Value) -> Self {
        Self::Tensor(value)
    }
}

impl From<Tensor> for Item {
    fn from(tensor: Tensor) -> Self {
        Self::Tensor(tensor.into())
    }
}

impl Item {
    /// A sequence of these elements.
    pub fn sequence(elements: Vec<Value>) -> TractResult<Self> {
        let count = elements.len();
        ensure!(count <= LONGEST, "a sequence of {count} elements; accepted are {LONGEST}");
        Ok(Self::Sequence(Arc::new(elements)))
    }

    /// The tensor that this has to be.
    pub fn tensor(&self) -> TractResult<&Value> {
        match self {
            Self::Tensor(value) => Ok(value),
            Self::Sequence(_) => bail!("a sequence where a tensor is expected"),
            Self::Absent => bail!("an optional value that is not there"),
        }
    }

    /// The elements of the sequence that this has to be.
    pub fn elements(&self) -> TractResult<&[Value]> {
        match self {
            Self::Sequence(elements) => Ok(elements),
            Self::Tensor(_) => bail!("a tensor where a sequence is expected"),
            Self::Absent => bail!("an optional value that is not there"),
        }
    }
}

/// The tensors that all of these have to be. One that is not there is as one that is left out.
pub(super) fn tensors(items: &[Option<Item>]) -> TractResult<Vec<Option<Value>>> {
    let tensor = |item: &Option<Item>| match item {
        None | Some(Item::Absent) => Ok(None),
        Some(item) => item.tensor().cloned().map(Some),
    };
    items.iter().map(tensor).collect()
}
