//! [`RotaryEmbedding`](https://onnx.ai/onnx/operators/onnx__RotaryEmbedding.html): pairs of columns
//! turned by an angle that grows with the place. tract crashes on a place that the cache lacks.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, at, at_mut, extent, floats, values_of};

pub(super) fn rotary_embedding(call: &Call) -> TractResult<Vec<Value>> {
    let (input, cosines) = (call.tensor(0)?, call.tensor(1)?);
    let heads = extent(call.int("num_heads", 0)?)?;
    // How far one head's row is from the next, and one place's.
    let (batch, length, heads, width, by_head) = match *input.shape() {
        [batch, heads, length, width] => (batch, length, heads, width, true),
        [batch, length, all] if heads > 0 && all.is_multiple_of(heads) => {
            (batch, length, heads, all / heads, false)
        }
        _ => bail!("an input of shape {:?} and {heads} heads", input.shape()),
    };
    let turned = match extent(call.int("rotary_embedding_dim", 0)?)? {
        0 => width,
        turned => turned,
    };
    let half = turned / 2;
    ensure!(
        turned <= width && turned % 2 == 0 && cosines.shape().last() == Some(&half),
        "{turned} of {width} columns are turned by angles of shape {:?}",
        cosines.shape()
    );
    ensure!(cosines.shape() == call.tensor(2)?.shape(), "cosines and sines of two shapes");
    let places = call.integers(3)?;
    let expected: &[usize] = if places.is_some() { &[] } else { &[batch, length, half] };
    ensure!(
        cosines.shape() == expected || (places.is_some() && cosines.rank() == 2),
        "angles of shape {:?}",
        cosines.shape()
    );
    let count = batch * length;
    ensure!(places.as_ref().is_none_or(|places| places.len() == count), "a place for each row");
    let rows = cosines.len() / half.max(1);
    let interleaved = call.flag("interleaved", false)?;
    let (cosines, sines) = (floats(cosines)?, floats(call.tensor(2)?)?);
    let mut values = floats(input)?;
    for item in 0..batch {
        for place in 0..length {
            let number = item * length + place;
            let row = match &places {
                Some(places) => {
                    let given = at(places, number)?;
                    let row = usize::try_from(given).ok().filter(|row| *row < rows);
                    row.with_context(|| format!("the place {given} of {rows} in the cache"))?
                }
                None => number,
            };
            for head in 0..heads {
                let start = match by_head {
                    true => (item * heads + head) * length + place,
                    false => number * heads + head,
                } * width;
                for pair in 0..half {
                    let (first, second) = match interleaved {
                        true => (start + 2 * pair, start + 2 * pair + 1),
                        false => (start + pair, start + half + pair),
                    };
                    let (cosine, sine) =
                        (at(&cosines, row * half + pair)?, at(&sines, row * half + pair)?);
                    let (x, y) = (at(&values, first)?, at(&values, second)?);
                    *at_mut(&mut values, first)? = cosine * x - sine * y;
                    *at_mut(&mut values, second)? = sine * x + cosine * y;
                }
            }
        }
    }
    let result = values_of(input.shape(), values)?;
    Ok(vec![result.cast_to_dt(input.datum_type())?.into_owned().into()])
}
