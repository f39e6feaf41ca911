//! [`RoiAlign`](https://onnx.ai/onnx/operators/onnx__RoiAlign.html): regions of an image, sampled to
//! one size.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, at, extent, floats, values_of, volume};

/// The samples of one axis of a region that a model may ask for in each bin.
const MAX_SAMPLES: f32 = 1024.0;

/// Four pixels with their weights.
type Sample = [(usize, f32); 4];

pub(crate) fn roi_align(call: &Call) -> TractResult<Vec<Value>> {
    let (input, regions) = (call.tensor(0)?, call.tensor(1)?);
    let (&[images, channels, height, width], &[count, 4]) = (input.shape(), regions.shape()) else {
        bail!("an input of shape {:?} with regions of {:?}", input.shape(), regions.shape())
    };
    let batches = call.integers(2)?.context("the regions' images are missing")?;
    ensure!(batches.len() == count, "{} images for {count} regions", batches.len());
    let mode = call.text("mode", "avg")?;
    ensure!(matches!(mode.as_str(), "avg" | "max"), "mode is {mode:?}; accepted are avg and max");
    let default = if call.opset < 16 { "output_half_pixel" } else { "half_pixel" };
    let half_pixel = call.text("coordinate_transformation_mode", default)? == "half_pixel";
    let rows = extent(call.int("output_height", 1)?)?;
    let columns = extent(call.int("output_width", 1)?)?;
    let ratio = call.int("sampling_ratio", 0)?;
    let scale = call.float("spatial_scale", 1.0)?;
    let values = floats(input)?;
    let corners = floats(regions)?;
    let shape = [count, channels, rows, columns];
    let mut result = Vec::with_capacity(volume(DatumType::F32, &shape)?);
    for (number, image) in batches.into_iter().enumerate() {
        let image = usize::try_from(image).ok().filter(|image| *image < images);
        let image = image.context("a region of an image that is not there")?;
        let shift = if half_pixel { 0.5 } else { 0.0 };
        let corner =
            |place: usize| Ok::<_, TractError>(at(&corners, number * 4 + place)? * scale - shift);
        let (left, top) = (corner(0)?, corner(1)?);
        let (mut wide, mut high) = (corner(2)? - left, corner(3)? - top);
        if !half_pixel {
            (wide, high) = (wide.max(1.0), high.max(1.0));
        }
        let (bin_high, bin_wide) = (high / rows as f32, wide / columns as f32);
        let grid = |bin: f32| -> TractResult<usize> {
            let samples = if ratio > 0 { ratio as f32 } else { libm::ceilf(bin) };
            ensure!(samples <= MAX_SAMPLES, "more than {MAX_SAMPLES} samples in a bin");
            Ok(samples.max(0.0) as usize)
        };
        let (down, across) = (grid(bin_high)?, grid(bin_wide)?);
        for channel in 0..channels {
            let plane = (image * channels + channel) * height * width;
            for row in 0..rows {
                for column in 0..columns {
                    let mut pooled: Option<f32> = None;
                    for step in 0..down * across {
                        let (iy, ix) = (step / across, step % across);
                        let y = top
                            + row as f32 * bin_high
                            + (iy as f32 + 0.5) * bin_high / down as f32;
                        let x = left
                            + column as f32 * bin_wide
                            + (ix as f32 + 0.5) * bin_wide / across as f32;
                        for_sample(&values, plane, sample(y, x, height, width), &mode, &mut pooled);
                    }
                    let value = pooled.unwrap_or(0.0);
                    let average = value / (down * across).max(1) as f32;
                    result.push(if mode == "avg" { average } else { value });
                }
            }
        }
    }
    Ok(vec![values_of(&shape, result)?.cast_to_dt(input.datum_type())?.into_owned().into()])
}

/// Adds a sample to what is pooled so far.
fn for_sample(values: &[f32], plane: usize, sample: Sample, mode: &str, pooled: &mut Option<f32>) {
    let parts =
        sample.map(|(place, weight)| weight * values.get(plane + place).copied().unwrap_or(0.0));
    *pooled = Some(if mode == "avg" {
        pooled.unwrap_or(0.0) + parts.iter().sum::<f32>()
    } else {
        let greatest = parts.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        pooled.map_or(greatest, |pooled| pooled.max(greatest))
    });
}

/// The pixels around a point.
fn sample(y: f32, x: f32, height: usize, width: usize) -> Sample {
    if y < -1.0 || y > height as f32 || x < -1.0 || x > width as f32 || height * width == 0 {
        return [(0, 0.0); 4];
    }
    let pair = |value: f32, extent: usize| -> (usize, usize, f32) {
        let value = value.max(0.0);
        let low = value as usize;
        if low + 1 >= extent {
            (extent - 1, extent - 1, 0.0)
        } else {
            (low, low + 1, value - low as f32)
        }
    };
    let (top, bottom, below) = pair(y, height);
    let (left, right, beside) = pair(x, width);
    [
        (top * width + left, (1.0 - below) * (1.0 - beside)),
        (top * width + right, (1.0 - below) * beside),
        (bottom * width + left, below * (1.0 - beside)),
        (bottom * width + right, below * beside),
    ]
}
