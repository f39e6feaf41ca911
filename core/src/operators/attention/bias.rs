//! What is added to the products of queries and keys before softmax: 0 where a query sees a key,
//! −∞ where it does not, and what the mask says.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, at, expand_to, floats};

/// Which keys a query sees.
pub(super) struct Bias {
    queries: usize,
    keys: usize,
    heads: usize,
    /// `[batch, heads, queries, keys]`.
    mask: Option<Vec<f32>>,
    causal: bool,
    window: (i64, i64),
    /// How many keys precede the first query, for each batch.
    offsets: Vec<i64>,
    /// How many keys are there, for each batch.
    lengths: Option<Vec<i64>>,
}

impl Bias {
    /// For products of this shape `[batch, heads, queries, keys]` and a cache of `past` keys.
    pub fn read(call: &Call, shape: [usize; 4], past: usize) -> TractResult<Self> {
        let [batch, heads, queries, keys] = shape;
        let mask = match call.inputs.get(3).and_then(Option::as_ref) {
            Some(mask) => Some(read_mask(&*mask.widened()?, shape)?),
            None => None,
        };
        let lengths = call.integers(6)?;
        if let Some(lengths) = &lengths {
            ensure!(lengths.len() == batch, "{} lengths for a batch of {batch}", lengths.len());
        }
        let first = i64::try_from(queries)?;
        let offsets = match &lengths {
            Some(lengths) if call.optional(4).is_none() => {
                lengths.iter().map(|length| length.saturating_sub(first)).collect()
            }
            _ => vec![i64::try_from(past)?; batch],
        };
        let window = (call.int("left_window_size", -1)?, call.int("right_window_size", -1)?);
        let causal = call.flag("is_causal", false)?;
        Ok(Self { queries, keys, heads, mask, causal, window, offsets, lengths })
    }

    /// What is added to the product of a query with a key.
    pub fn at(&self, batch: usize, head: usize, query: usize, key: usize) -> TractResult<f32> {
        let offset = at(&self.offsets, batch)?;
        let (place, key_place) =
            (offset.saturating_add(i64::try_from(query)?), i64::try_from(key)?);
        let behind = place.saturating_sub(key_place);
        let (left, right) = self.window;
        let length = self.lengths.as_ref().map(|lengths| at(lengths, batch)).transpose()?;
        let hidden = (self.causal && behind < 0)
            || (left >= 0 && behind > left)
            || (right >= 0 && behind < -right)
            || length.is_some_and(|length| key_place >= length);
        if hidden {
            return Ok(f32::NEG_INFINITY);
        }
        let Some(mask) = &self.mask else { return Ok(0.0) };
        at(mask, ((batch * self.heads + head) * self.queries + query) * self.keys + key)
    }
}

/// The mask, stretched to the products. Keys that it does not reach are hidden.
fn read_mask(mask: &Tensor, shape: [usize; 4]) -> TractResult<Vec<f32>> {
    let [.., keys] = shape;
    let mut own = mask.shape().to_vec();
    let reach = *own.last().context("a mask without axes")?;
    let mut values: Vec<f32> = if mask.datum_type() == DatumType::Bool {
        let seen = mask.try_as_plain_ram()?;
        let seen = seen.as_slice::<bool>()?.iter();
        seen.map(|seen| if *seen { 0.0 } else { f32::NEG_INFINITY }).collect()
    } else {
        floats(mask)?
    };
    if reach < keys {
        let missing = std::iter::repeat_n(f32::NEG_INFINITY, keys - reach);
        let rows = values.chunks(reach.max(1));
        values = rows.flat_map(|row| row.iter().copied().chain(missing.clone())).collect();
        if let Some(last) = own.last_mut() {
            *last = keys;
        }
    }
    let tensor = crate::operators::kernel::values_of(&own, values)?;
    floats(&expand_to(&tensor, &shape)?)
}
