//! `Attention`: softmax(query · key · scale + bias) · value.
//!
//! Each step is rounded to the type of the queries, as the operator's definition does. A query that
//! sees no key gives zeros.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Narrow, Value, at_mut, volume};

use super::bias::Bias;
use super::heads::{Heads, Precision};

/// What the fourth output shows.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Products,
    Capped,
    Biased,
    Probabilities,
}

pub(super) fn attention(call: &Call) -> TractResult<Vec<Value>> {
    let heads = |name: &str| -> TractResult<Option<usize>> { call.node.get_attr_opt(name) };
    let (query_heads, key_heads) = (heads("q_num_heads")?, heads("kv_num_heads")?);
    let precision = Precision::of(call.value(0)?)?;
    let value_precision = Precision::of(call.value(2)?)?;
    let query = Heads::read(call.value(0)?, query_heads)?;
    let mut key = Heads::read(call.value(1)?, key_heads)?;
    let mut value = Heads::read(call.value(2)?, key_heads)?;
    let past = |place: usize| -> TractResult<Option<Heads>> {
        let given = call.inputs.get(place).and_then(Option::as_ref);
        given.map(|given| Heads::read(given, None)).transpose()
    };
    let mut cached = 0;
    if let (Some(past_key), Some(past_value)) = (past(4)?, past(5)?) {
        cached = past_key.length;
        key = past_key.followed_by(&key)?;
        value = past_value.followed_by(&value)?;
    }
    ensure!(
        query.batch == key.batch
            && (key.batch, key.heads, key.length) == (value.batch, value.heads, value.length)
            && query.width == key.width,
        "queries of {:?}, keys of {:?} and values of {:?} do not fit",
        query.shape(),
        key.shape(),
        value.shape()
    );
    ensure!(
        key.heads > 0 && query.heads % key.heads == 0,
        "{} heads of queries for {} of keys",
        query.heads,
        key.heads
    );
    let shared = query.heads / key.heads;
    let shape = [query.batch, query.heads, query.length, key.length];
    let bias = Bias::read(call, shape, cached)?;
    let scale: Option<f32> = call.node.get_attr_opt("scale")?;
    let scale = scale.unwrap_or(1.0 / libm::sqrtf(query.width as f32));
    let scale = precision.round(libm::sqrtf(scale));
    let softmax_precision = match call.int("softmax_precision", 0)? {
        0 => precision,
        1 | 11 => Precision::Float32,
        10 => Precision::Float16,
        16 => Precision::Narrow(Narrow::Bfloat16),
        other => bail!("softmax_precision is {other}, which is no type of floats"),
    };
    let softcap = call.float("softcap", 0.0)?;
    let shown = match call.int("qk_matmul_output_mode", 0)? {
        0 => Shown::Products,
        1 => Shown::Capped,
        2 => Shown::Biased,
        3 => Shown::Probabilities,
        other => bail!("qk_matmul_output_mode is {other}; accepted are 0 to 3"),
    };
    volume(DatumType::F32, &shape)?;
    let mut products_shown = Vec::new();
    let round = |value: f32| precision.round(value);
    let scaled = |row: &[f32]| -> Vec<f32> { row.iter().map(|x| round(x * scale)).collect() };
    let out_shape = [query.batch, query.heads, query.length, value.width];
    let mut output = vec![0.0; volume(DatumType::F32, &out_shape)?];
    let mut rows = output.chunks_mut(value.width.max(1));
    for batch in 0..query.batch {
        for head in 0..query.heads {
            let own = head / shared;
            let keys = (0..key.length).map(|place| Ok(scaled(key.row(batch, own, place)?)));
            let keys = keys.collect::<TractResult<Vec<_>>>()?;
            for place in 0..query.length {
                let row = scaled(query.row(batch, head, place)?);
                let mut scores = Vec::with_capacity(key.length);
                let mut hidden = true;
                for (key_place, key) in keys.iter().enumerate() {
                    let product = round(row.iter().zip(key).map(|(a, b)| a * b).sum());
                    let capped = if softcap > 0.0 {
                        round(round(libm::tanhf(round(product / softcap))) * softcap)
                    } else {
                        product
                    };
                    let added = bias.at(batch, head, place, key_place)?;
                    hidden &= added == f32::NEG_INFINITY;
                    let biased = round(capped + added);
                    scores.push(biased);
                    match shown {
                        Shown::Products => products_shown.push(product),
                        Shown::Capped => products_shown.push(capped),
                        Shown::Biased => products_shown.push(biased),
                        Shown::Probabilities => {}
                    }
                }
                softmax(&mut scores, hidden, softmax_precision);
                scores.iter_mut().for_each(|score| *score = round(*score));
                if shown == Shown::Probabilities {
                    products_shown.extend_from_slice(&scores);
                }
                let Some(target) = rows.next() else { continue };
                for (place, weight) in scores.iter().enumerate() {
                    // A key that is not seen adds nothing, not even if its value is infinite.
                    if *weight == 0.0 {
                        continue;
                    }
                    for (column, value) in value.row(batch, own, place)?.iter().enumerate() {
                        *at_mut(target, column)? += weight * value;
                    }
                }
            }
        }
    }
    let result = Heads {
        batch: query.batch,
        heads: query.heads,
        length: query.length,
        width: value.width,
        values: output,
    };
    let result = if call.value(0)?.tensor.rank() == 3 {
        let width = result.heads * result.width;
        let shape = [result.batch, result.length, width];
        precision.value(&shape, result.swapped().values)?
    } else {
        precision.value(&out_shape, result.values)?
    };
    let key_precision = Precision::of(call.value(1)?)?;
    Ok(vec![
        result,
        key_precision.value(&key.shape(), key.values)?,
        value_precision.value(&value.shape(), value.values)?,
        precision.value(&shape, products_shown)?,
    ])
}

/// Probabilities from scores; none if every key is hidden.
fn softmax(scores: &mut [f32], hidden: bool, precision: Precision) {
    if hidden {
        scores.fill(0.0);
        return;
    }
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = precision.round(libm::expf(precision.round(*score - largest)));
        sum += *score;
    }
    let sum = precision.round(sum);
    scores.iter_mut().for_each(|score| *score = precision.round(*score / sum));
}
