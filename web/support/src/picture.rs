//! Pixels to pictures and back: PNG for the component, RGBA for the canvas.

use model_package::{Channels, ImageSpec, Layout};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::problem;

/// A canvas's pixels (RGBA, 8 bits each) as a PNG without transparency: what a camera saw.
///
/// # Errors
/// If the pixels are not `width` times `height`.
#[wasm_bindgen(js_name = pngOfCanvas)]
pub fn png_of_canvas(width: u32, height: u32, rgba: &[u8]) -> Result<Vec<u8>, JsValue> {
    let rgb: Vec<u8> =
        rgba.chunks_exact(4).flat_map(|pixel| pixel.iter().copied().take(3)).collect();
    png(width, height, png::ColorType::Rgb, &rgb)
}

/// Pixels of 8-bit channels as a PNG.
pub(crate) fn png(
    width: u32,
    height: u32,
    color: png::ColorType,
    pixels: &[u8],
) -> Result<Vec<u8>, JsValue> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
    written.map_err(|error| problem::problem("no-picture", &error.to_string()))?;
    Ok(bytes)
}

/// The picture behind a tensor of one instance, without the batch dimension: the preparation's
/// arithmetic run backwards. None if the shape or the length does not fit.
pub(crate) fn rgba_of_tensor(spec: &ImageSpec, shape: &[u32], data: &[u8]) -> Option<Vec<u8>> {
    let [first, second, third] = <[u32; 3]>::try_from(shape).ok()?;
    let (channels, height, width) = match spec.layout {
        Layout::Nchw => (first, second, third),
        Layout::Nhwc => (third, first, second),
    };
    let count = spec.channels.count();
    let area = (height as usize).checked_mul(width as usize)?;
    let elements = area.checked_mul(count)?;
    if channels as usize != count {
        return None;
    }
    let values: Vec<f32> = if data.len() == elements {
        data.iter().map(|byte| f32::from(*byte)).collect()
    } else if data.len() == elements.checked_mul(4)? {
        let floats = data.chunks_exact(4).filter_map(|four| <[u8; 4]>::try_from(four).ok());
        floats.map(f32::from_le_bytes).collect()
    } else {
        return None;
    };
    let mut rgba = Vec::with_capacity(area.checked_mul(4)?);
    for at in 0..area {
        let channel = |channel: usize| {
            let index = match spec.layout {
                Layout::Nchw => channel * area + at,
                Layout::Nhwc => at * count + channel,
            };
            values.get(index).map(|value| undone(spec, channel, *value))
        };
        let [red, green, blue] = match spec.channels {
            Channels::Rgb => [channel(0)?, channel(1)?, channel(2)?],
            Channels::Bgr => [channel(2)?, channel(1)?, channel(0)?],
            Channels::Gray => [channel(0)?; 3],
        };
        rgba.extend([red, green, blue, 255]);
    }
    Some(rgba)
}

/// The 8-bit value that a number of the tensor came from.
fn undone(spec: &ImageSpec, channel: usize, value: f32) -> u8 {
    let mut value = f64::from(value);
    if let Some(normalize) = &spec.normalize {
        let of = |numbers: &[f64]| numbers.get(channel).or(numbers.first()).copied();
        value = value * of(&normalize.std).unwrap_or(1.0) + of(&normalize.mean).unwrap_or(0.0);
    }
    if let Some(rescale) = spec.rescale.filter(|rescale| *rescale != 0.0) {
        value /= rescale;
    }
    value.round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use model_package::Normalize;

    use super::*;

    fn check(spec: &ImageSpec, shape: &[u32], values: &[f32], expected: Option<&[u8]>) {
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(rgba_of_tensor(spec, shape, &data).as_deref(), expected);
    }

    #[test]
    fn the_preparation_is_undone() {
        let gray = ImageSpec {
            channels: Channels::Gray,
            rescale: Some(1.0 / 255.0),
            ..ImageSpec::default()
        };
        check(&gray, &[1, 1, 2], &[0.0, 1.0], Some(&[0, 0, 0, 255, 255, 255, 255, 255]));
        let normalize = Normalize { mean: vec![0.5; 3], std: vec![0.25; 3] };
        let rgb = ImageSpec {
            rescale: Some(1.0 / 255.0),
            normalize: Some(normalize),
            ..ImageSpec::default()
        };
        check(&rgb, &[3, 1, 1], &[-2.0, 0.0, 2.0], Some(&[0, 128, 255, 255]));
        let bgr = ImageSpec { channels: Channels::Bgr, layout: Layout::Nhwc, ..rgb };
        check(&bgr, &[1, 1, 3], &[-2.0, 0.0, 2.0], Some(&[255, 128, 0, 255]));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let spec = ImageSpec::default();
        check(&spec, &[3, 1], &[0.0; 3], None);
        check(&spec, &[1, 1, 1], &[0.0], None);
        check(&spec, &[3, 1, 2], &[0.0; 3], None);
        check(&spec, &[3, u32::MAX, u32::MAX], &[0.0; 3], None);
    }
}
