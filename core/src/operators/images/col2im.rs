//! [`Col2Im`](https://onnx.ai/onnx/operators/onnx__Col2Im.html): columns back into an image, summed
//! where they overlap.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, at, at_mut, doubles, each_index, extents, from_doubles, offset, strides, volume,
};

pub(crate) fn col2im(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let &[batch, rows, columns] = input.shape() else {
        bail!("an input of rank {}; accepted is 3", input.rank())
    };
    let image = extents(&call.integers(1)?.context("the image's shape is missing")?)?;
    let block = extents(&call.integers(2)?.context("the block's shape is missing")?)?;
    let rank = image.len();
    ensure!(block.len() == rank, "a block of {block:?} in an image of {image:?}");
    let (dilations, steps) =
        (call.windows("dilations", 1, rank)?, call.windows("strides", 1, rank)?);
    let pads = call.windows("pads", 0, 2 * rank)?;
    ensure!(steps.iter().all(|step| *step > 0), "strides are 1 or more");
    let size = volume(DatumType::U8, &block)?;
    ensure!(size > 0 && rows % size == 0, "{rows} rows do not make blocks of {size}");
    let channels = rows / size;
    let mut blocks = Vec::with_capacity(rank);
    for axis in 0..rank {
        let reach = at(&dilations, axis)? * (at(&block, axis)?.max(1) - 1) + 1;
        let whole = at(&image, axis)? + at(&pads, axis)? + at(&pads, rank + axis)?;
        let free = whole.checked_sub(reach).context("a block larger than the image")?;
        blocks.push(free / at(&steps, axis)? + 1);
    }
    ensure!(volume(DatumType::U8, &blocks)? == columns, "{columns} columns for {blocks:?} blocks");
    let mut shape = vec![batch, channels];
    shape.extend_from_slice(&image);
    let mut result = vec![0.0; volume(DatumType::F64, &shape)?];
    let values = doubles(input)?;
    let image_steps = strides(&image);
    let image_size: usize = image.iter().product();
    for plane in 0..batch * channels {
        let mut row = plane * size;
        each_index(&block, |inner| {
            let mut column = 0;
            each_index(&blocks, |outer| {
                let value = at(&values, row * columns + column)?;
                column += 1;
                let mut place = Vec::with_capacity(rank);
                for axis in 0..rank {
                    let from = at(outer, axis)? * at(&steps, axis)?
                        + at(inner, axis)? * at(&dilations, axis)?;
                    let inside = from.checked_sub(at(&pads, axis)?);
                    match inside.filter(|inside| image.get(axis).is_some_and(|own| inside < own)) {
                        Some(inside) => place.push(inside),
                        None => return Ok(()),
                    }
                }
                let target = plane * image_size + offset(&place, &image_steps);
                *at_mut(&mut result, target)? += value;
                Ok(())
            })?;
            row += 1;
            Ok(())
        })?;
    }
    Ok(vec![from_doubles(input.datum_type(), &shape, result)?.into()])
}
