//! [`LpPool`](https://onnx.ai/onnx/operators/onnx__LpPool.html): the p-norm of each window.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, at, doubles, each_index, from_doubles, offset, strides, volume,
};

pub(crate) fn lp_pool(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let (Some(&[batch, channels]), Some(spatial)) =
        (input.shape().first_chunk(), input.shape().get(2..))
    else {
        bail!("an input of rank {}; accepted is 3 or more", input.rank())
    };
    let rank = spatial.len();
    let kernel = call.windows("kernel_shape", 1, rank)?;
    volume(DatumType::F64, &kernel)?;
    let (steps, dilations) =
        (call.windows("strides", 1, rank)?, call.windows("dilations", 1, rank)?);
    let mut pads = call.windows("pads", 0, 2 * rank)?;
    ensure!(steps.iter().chain(&kernel).all(|n| *n > 0), "strides and kernel are 1 or more");
    let auto = call.text("auto_pad", "NOTSET")?;
    let ceil = call.flag("ceil_mode", false)?;
    let p = f64::from(call.int("p", 2)? as i32);
    let mut out = Vec::with_capacity(rank);
    for axis in 0..rank {
        let (own, step) = (at(spatial, axis)?, at(&steps, axis)?);
        let reach = (at(&kernel, axis)? - 1) * at(&dilations, axis)? + 1;
        if matches!(auto.as_str(), "SAME_UPPER" | "SAME_LOWER") {
            let count = own.div_ceil(step);
            let missing = ((count.max(1) - 1) * step + reach).saturating_sub(own);
            let front = if auto == "SAME_UPPER" { missing / 2 } else { missing - missing / 2 };
            *crate::operators::kernel::at_mut(&mut pads, axis)? = front;
            out.push(count);
            continue;
        }
        let whole = own + at(&pads, axis)? + at(&pads, rank + axis)?;
        let free = whole.checked_sub(reach).context("a window larger than the input")?;
        let count = if ceil { free.div_ceil(step) } else { free / step } + 1;
        // The last window begins within the input or in front of it.
        let beyond = ceil && (count - 1) * step >= own + at(&pads, axis)?;
        out.push(count - usize::from(beyond));
    }
    let mut shape = vec![batch, channels];
    shape.extend_from_slice(&out);
    let values = doubles(input)?;
    let (own_steps, size) = (strides(spatial), spatial.iter().product::<usize>());
    let mut result = Vec::with_capacity(volume(DatumType::F64, &shape)?);
    for plane in 0..batch * channels {
        each_index(&out, |place| {
            let mut sum = 0.0;
            each_index(&kernel, |tap| {
                let mut from = Vec::with_capacity(rank);
                for axis in 0..rank {
                    let there = at(place, axis)? * at(&steps, axis)?
                        + at(tap, axis)? * at(&dilations, axis)?;
                    let inside = there.checked_sub(at(&pads, axis)?);
                    match inside.filter(|inside| spatial.get(axis).is_some_and(|own| inside < own))
                    {
                        Some(inside) => from.push(inside),
                        None => return Ok(()),
                    }
                }
                let value = at(&values, plane * size + offset(&from, &own_steps))?;
                sum += libm::pow(value.abs(), p);
                Ok(())
            })?;
            result.push(libm::pow(sum, 1.0 / p));
            Ok(())
        })?;
    }
    Ok(vec![from_doubles(input.datum_type(), &shape, result)?.into()])
}
