//! `LinearAttention`: a state of `[key width, value width]` for each head that is decayed, corrected
//! and written at each place, and read by the query.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, at_mut, volume};

use super::heads::{Heads, Precision};

pub(super) fn linear_attention(call: &Call) -> TractResult<Vec<Value>> {
    let query_heads: usize = call.node.get_attr("q_num_heads")?;
    let key_heads: usize = call.node.get_attr("kv_num_heads")?;
    ensure!(
        key_heads > 0 && query_heads.is_multiple_of(key_heads),
        "{query_heads} heads of queries for {key_heads} of keys"
    );
    let rule = call.text("update_rule", "gated_delta")?;
    let (gated, corrected) = match rule.as_str() {
        "linear" => (false, false),
        "gated" => (true, false),
        "delta" => (false, true),
        "gated_delta" => (true, true),
        other => bail!("update_rule is {other:?}"),
    };
    let precision = Precision::of(call.value(0)?)?;
    let query = Heads::read(call.value(0)?, Some(query_heads))?;
    let key = Heads::read(call.value(1)?, Some(key_heads))?;
    let value = Heads::read(call.value(2)?, Some(key_heads))?;
    ensure!(
        (query.batch, query.length, query.width) == (key.batch, key.length, key.width)
            && (key.batch, key.length) == (value.batch, value.length),
        "queries of {:?}, keys of {:?} and values of {:?} do not fit",
        query.shape(),
        key.shape(),
        value.shape()
    );
    let decay = gated.then(|| Heads::read(call.value(4)?, Some(key_heads))).transpose()?;
    let beta = corrected.then(|| read_beta(call, key_heads)).transpose()?;
    for (what, tensor) in [("decay", &decay), ("beta", &beta)] {
        let Some(tensor) = tensor else { continue };
        ensure!(
            (tensor.batch, tensor.length) == (key.batch, key.length)
                && (tensor.width == 1 || (what == "decay" && tensor.width == key.width)),
            "{what} of shape {:?} for keys of {:?}",
            tensor.shape(),
            key.shape()
        );
    }
    let (width, depth) = (value.width, key.width);
    let state_shape = [key.batch, key_heads, depth, width];
    let size = depth * width;
    let past = call.inputs.get(3).and_then(Option::as_ref);
    let mut states = match past {
        Some(past) => {
            let past = Heads::read(past, None)?;
            ensure!(past.shape() == state_shape, "a state of shape {:?}", past.shape());
            past.values
        }
        None => vec![0.0; volume(DatumType::F32, &state_shape)?],
    };
    let scale = match call.float("scale", 0.0)? {
        0.0 => 1.0 / libm::sqrtf(depth as f32),
        scale => scale,
    };
    let shared = query_heads / key_heads;
    let out_shape = [query.batch, query_heads, query.length, width];
    let mut output = vec![0.0; volume(DatumType::F32, &out_shape)?];
    for batch in 0..key.batch {
        for head in 0..key_heads {
            let start = (batch * key_heads + head) * size;
            let state = states.get_mut(start..start + size).context("a state outside")?;
            for place in 0..key.length {
                let (key, value) = (key.row(batch, head, place)?, value.row(batch, head, place)?);
                if let Some(decay) = &decay {
                    let decay = decay.row(batch, head, place)?.iter().cycle();
                    for (row, decay) in state.chunks_mut(width.max(1)).zip(decay) {
                        let factor = libm::expf(*decay);
                        row.iter_mut().for_each(|cell| *cell *= factor);
                    }
                }
                let mut written = value.to_vec();
                if let Some(beta) = &beta {
                    let beta = beta.row(batch, head, place)?.first().copied().unwrap_or(1.0);
                    let retrieved = read(state, key, width)?;
                    for (value, retrieved) in written.iter_mut().zip(retrieved) {
                        *value = beta * (*value - retrieved);
                    }
                }
                for (row, key) in state.chunks_mut(width.max(1)).zip(key) {
                    row.iter_mut().zip(&written).for_each(|(cell, value)| *cell += key * value);
                }
                for sharing in 0..shared {
                    let head = head * shared + sharing;
                    let found = read(state, query.row(batch, head, place)?, width)?;
                    let start = ((batch * query_heads + head) * query.length + place) * width;
                    for (column, value) in found.into_iter().enumerate() {
                        *at_mut(&mut output, start + column)? = scale * value;
                    }
                }
            }
        }
    }
    let result = Heads {
        batch: query.batch,
        heads: query_heads,
        length: query.length,
        width,
        values: output,
    };
    let shape = [query.batch, query.length, query_heads * width];
    let state_precision = past.map_or(Ok(precision), Precision::of)?;
    Ok(vec![
        precision.value(&shape, result.swapped().values)?,
        state_precision.value(&state_shape, states)?,
    ])
}

/// The strength of the correction, for each head or for all.
fn read_beta(call: &Call, heads: usize) -> TractResult<Heads> {
    let given = call.value(5)?;
    let last = given.tensor.shape().last().copied();
    let own = Heads::read(given, Some(if last == Some(1) { 1 } else { heads }))?;
    if own.heads == heads {
        return Ok(own);
    }
    let items = own.values.chunks(own.length.max(1));
    let values = items.flat_map(|item| item.repeat(heads)).collect();
    Ok(Heads { heads, values, ..own })
}

/// A key's or query's row times the state.
fn read(state: &[f32], row: &[f32], width: usize) -> TractResult<Vec<f32>> {
    let mut found = vec![0.0; width];
    for (cells, factor) in state.chunks(width.max(1)).zip(row) {
        found.iter_mut().zip(cells).for_each(|(found, cell)| *found += factor * cell);
    }
    Ok(found)
}
