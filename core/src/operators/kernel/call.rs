//! What a kernel is given: a node and its inputs.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::{Value, extents};

/// The largest window, step, dilation and padding along an axis.
pub(crate) const LARGEST_WINDOW: i64 = 1 << 16;

/// One evaluation of a node.
pub(crate) struct Call<'a> {
    pub node: &'a NodeProto,
    /// The version of the operator set.
    pub opset: i64,
    /// By position; an input that is left out is `None`.
    pub inputs: &'a [Option<Value>],
}

impl Call<'_> {
    /// An input that must be there.
    pub fn value(&self, place: usize) -> TractResult<&Value> {
        self.inputs
            .get(place)
            .and_then(Option::as_ref)
            .with_context(|| format!("{} lacks its input {place}", self.node.op_type))
    }

    /// An input that must be there, as a tensor.
    pub fn tensor(&self, place: usize) -> TractResult<&Tensor> {
        self.value(place).map(|value| &*value.tensor)
    }

    /// An input that may be left out.
    pub fn optional(&self, place: usize) -> Option<&Tensor> {
        self.inputs.get(place).and_then(Option::as_ref).map(|value| &*value.tensor)
    }

    /// The integers of an input that may be left out.
    pub fn integers(&self, place: usize) -> TractResult<Option<Vec<i64>>> {
        self.optional(place).map(integers).transpose()
    }

    /// The integer of an input that may be left out.
    pub fn integer(&self, place: usize) -> TractResult<Option<i64>> {
        let Some(integers) = self.integers(place)? else { return Ok(None) };
        match *integers {
            [integer] => Ok(Some(integer)),
            _ => bail!("the input {place} has {} elements, not 1", integers.len()),
        }
    }

    /// The floats of an input that may be left out.
    pub fn floats(&self, place: usize) -> TractResult<Option<Vec<f32>>> {
        self.optional(place).map(floats).transpose()
    }

    /// An attribute.
    pub fn int(&self, name: &str, default: i64) -> TractResult<i64> {
        Ok(self.node.get_attr_opt(name)?.unwrap_or(default))
    }

    /// An attribute that is 0 or another number.
    pub fn flag(&self, name: &str, default: bool) -> TractResult<bool> {
        Ok(self.int(name, i64::from(default))? != 0)
    }

    /// An attribute.
    pub fn float(&self, name: &str, default: f32) -> TractResult<f32> {
        Ok(self.node.get_attr_opt(name)?.unwrap_or(default))
    }

    /// An attribute.
    pub fn text(&self, name: &str, default: &'static str) -> TractResult<String> {
        let text: Option<String> = self.node.get_attr_opt(name)?;
        Ok(text.unwrap_or_else(|| default.into()))
    }

    /// An attribute that may be left out.
    pub fn ints(&self, name: &str) -> TractResult<Option<Vec<i64>>> {
        self.node.get_attr_opt_vec(name)
    }

    /// An attribute with an extent for each of `count` axes of a window.
    pub fn windows(&self, name: &str, default: i64, count: usize) -> TractResult<Vec<usize>> {
        let values = self.ints(name)?.unwrap_or_else(|| vec![default; count]);
        ensure!(values.len() == count, "{name} has {} values, expected {count}", values.len());
        let inside = values.iter().all(|value| (0..=LARGEST_WINDOW).contains(value));
        ensure!(inside, "{name} is {values:?}; accepted are 0 to {LARGEST_WINDOW}");
        extents(&values)
    }
}

/// A tensor's integers.
pub(crate) fn integers(tensor: &Tensor) -> TractResult<Vec<i64>> {
    let tensor = tensor.cast_to::<i64>()?;
    Ok(tensor.try_as_plain_ram()?.as_slice::<i64>()?.to_vec())
}

/// A tensor's floats.
pub(crate) fn floats(tensor: &Tensor) -> TractResult<Vec<f32>> {
    let tensor = tensor.cast_to::<f32>()?;
    Ok(tensor.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
}
