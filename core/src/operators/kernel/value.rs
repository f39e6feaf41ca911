//! Values between the nodes of a graph that is run step by step.

use std::sync::Arc;

use tract_onnx::tract_hir::internal::*;

use super::Narrow;

/// The largest tensor that a kernel makes: as much as a 32-bit memory could hold with its inputs.
const MAX_BYTES: usize = 1 << 31;

/// A tensor, with the type that its bits stand for where tract has no such type.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub tensor: Arc<Tensor>,
    pub narrow: Option<Narrow>,
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Self {
        Self { tensor: Arc::new(tensor), narrow: None }
    }
}

impl From<Arc<Tensor>> for Value {
    fn from(tensor: Arc<Tensor>) -> Self {
        Self { tensor, narrow: None }
    }
}

impl Value {
    /// The value as one of tract's types: what tract lacks becomes float32, which holds all of it.
    pub fn widened(&self) -> TractResult<Arc<Tensor>> {
        match self.narrow {
            Some(narrow) => narrow.widen(&self.tensor).map(Arc::new),
            None => Ok(Arc::clone(&self.tensor)),
        }
    }
}

/// Checks that a tensor of this shape may be made, and counts its elements.
pub(crate) fn volume(datum: DatumType, shape: &[usize]) -> TractResult<usize> {
    let count = shape.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent));
    let bytes = count.and_then(|count| count.checked_mul(datum.size_of()));
    match (count, bytes) {
        (Some(count), Some(bytes)) if bytes <= MAX_BYTES => Ok(count),
        _ => bail!("a tensor of shape {shape:?} takes more than {MAX_BYTES} bytes"),
    }
}

/// A tensor of these elements.
pub(crate) fn values_of<T: Datum>(shape: &[usize], elements: Vec<T>) -> TractResult<Tensor> {
    ensure!(
        volume(T::datum_type(), shape)? == elements.len(),
        "{} elements do not fill the shape {shape:?}",
        elements.len()
    );
    Ok(tract_ndarray::ArrayD::from_shape_vec(shape, elements)?.into_tensor())
}
