//! [`DeformConv`](https://onnx.ai/onnx/operators/onnx__DeformConv.html): a convolution whose places
//! are moved by offsets, in two dimensions.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, at, floats, values_of, volume};

pub(crate) fn deform_conv(call: &Call) -> TractResult<Vec<Value>> {
    let (input, weight, offsets) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let (
        &[batch, channels, height, width],
        &[outputs, depth, rows, columns],
        &[_, offset_rows, out_height, out_width],
    ) = (input.shape(), weight.shape(), offsets.shape())
    else {
        bail!("DeformConv is supported in two dimensions")
    };
    let (dilations, steps) = (call.windows("dilations", 1, 2)?, call.windows("strides", 1, 2)?);
    let pads = call.windows("pads", 0, 4)?;
    let group = usize::try_from(call.int("group", 1)?)?;
    let offset_group = usize::try_from(call.int("offset_group", 1)?)?;
    let taps = rows * columns;
    let fits = group > 0
        && offset_group > 0
        && channels == depth * group
        && outputs % group == 0
        && channels % offset_group == 0
        && offset_rows == offset_group * taps * 2;
    ensure!(
        fits,
        "inputs of shapes {:?}, {:?} and {:?} do not fit",
        input.shape(),
        weight.shape(),
        offsets.shape()
    );
    let (values, weights, moves) = (floats(input)?, floats(weight)?, floats(offsets)?);
    let bias = call.floats(3)?;
    let mask = call.floats(4)?;
    let plane = out_height * out_width;
    let shape = [batch, outputs, out_height, out_width];
    let mut result = Vec::with_capacity(volume(DatumType::F32, &shape)?);
    let sample = |image: usize, y: f32, x: f32| -> f32 {
        let (top, left) = (libm::floorf(y), libm::floorf(x));
        let (below, right) = (y - top, x - left);
        let pixel = |y: f32, x: f32| -> f32 {
            let inside = y >= 0.0 && x >= 0.0 && y < height as f32 && x < width as f32;
            if !inside {
                return 0.0;
            }
            let place = (image * height + y as usize) * width + x as usize;
            values.get(place).copied().unwrap_or(0.0)
        };
        (1.0 - below) * ((1.0 - right) * pixel(top, left) + right * pixel(top, left + 1.0))
            + below
                * ((1.0 - right) * pixel(top + 1.0, left) + right * pixel(top + 1.0, left + 1.0))
    };
    for item in 0..batch {
        for output in 0..outputs {
            let own_group = output / (outputs / group);
            for place in 0..plane {
                let (row, column) = (place / out_width, place % out_width);
                let mut sum = bias.as_ref().map_or(Ok(0.0), |bias| at(bias, output))?;
                for inner in 0..depth {
                    let channel = own_group * depth + inner;
                    let own_offsets = channel / (channels / offset_group);
                    for tap in 0..taps {
                        let first = (item * offset_group + own_offsets) * taps + tap;
                        let moved = |axis: usize| at(&moves, (first * 2 + axis) * plane + place);
                        let start = |place: usize, tap: usize, axis: usize| -> TractResult<f32> {
                            let whole = place * at(&steps, axis)? + tap * at(&dilations, axis)?;
                            Ok(whole as f32 - at(&pads, axis)? as f32 + moved(axis)?)
                        };
                        let y = start(row, tap / columns, 0)?;
                        let x = start(column, tap % columns, 1)?;
                        let strength = match &mask {
                            Some(mask) => at(mask, first * plane + place)?,
                            None => 1.0,
                        };
                        let weight = at(&weights, (output * depth + inner) * taps + tap)?;
                        sum += sample(item * channels + channel, y, x) * weight * strength;
                    }
                }
                result.push(sum);
            }
        }
    }
    Ok(vec![values_of(&shape, result)?.cast_to_dt(input.datum_type())?.into_owned().into()])
}
