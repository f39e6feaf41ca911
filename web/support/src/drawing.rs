//! Strokes of a pen as a picture: dark ink on white paper, edges smooth.
//!
//! Browsers draw lines each in their own way. Drawn here, the same strokes are the same pixels in
//! every browser, and so the same answer.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{picture, problem};

/// The most points of a drawing, and the longest edge of its paper.
const MOST_POINTS: usize = 100_000;
const LARGEST: u32 = 2048;

/// A drawing as a PNG of one channel. `points` has x and y in turn, in pixels; `lengths` says how
/// many points each stroke has. The pen is round and `pen` pixels wide.
///
/// # Errors
/// If the numbers fit no drawing.
#[wasm_bindgen]
pub fn drawing(size: u32, pen: f32, points: &[f32], lengths: &[u32]) -> Result<Vec<u8>, JsValue> {
    let ink = ink(size, pen, points, lengths);
    let paper: Vec<u8> = ink
        .ok_or_else(|| problem::problem("no-drawing", "the strokes fit no drawing"))?
        .into_iter()
        .map(|ink| 255 - ink)
        .collect();
    picture::png(size, size, png::ColorType::Grayscale, &paper)
}

/// How much ink each pixel has, row by row.
fn ink(size: u32, pen: f32, points: &[f32], lengths: &[u32]) -> Option<Vec<u8>> {
    let is_sane = points.iter().all(|value| value.is_finite() && value.abs() < 1e6);
    if size == 0
        || size > LARGEST
        || points.len() / 2 > MOST_POINTS
        || !is_sane
        || pen.is_nan()
        || pen <= 0.0
    {
        return None;
    }
    let mut ink = vec![0; (size * size) as usize];
    let mut rest = points;
    for length in lengths {
        let count = (*length as usize).checked_mul(2)?;
        let stroke = rest.get(..count)?;
        rest = rest.get(count..)?;
        let points: Vec<_> = stroke
            .chunks_exact(2)
            .filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)))
            .collect();
        // A stroke of one point is a dot.
        let first = points.first().map(|point| (*point, *point));
        let pairs = points.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)));
        for (from, to) in first.into_iter().chain(pairs) {
            segment(&mut ink, size, pen / 2.0, from, to);
        }
    }
    Some(ink)
}

/// Darkens the pixels within `radius` of a line; the last half pixel fades.
fn segment(ink: &mut [u8], size: u32, radius: f32, from: (f32, f32), to: (f32, f32)) {
    let reach = radius + 1.0;
    let clamp = |value: f32| value.clamp(0.0, size as f32) as usize;
    let (left, right) = (clamp(from.0.min(to.0) - reach), clamp(from.0.max(to.0) + reach + 1.0));
    let (top, bottom) = (clamp(from.1.min(to.1) - reach), clamp(from.1.max(to.1) + reach + 1.0));
    let rows = ink.chunks_exact_mut(size as usize).enumerate().take(bottom).skip(top);
    for (y, row) in rows {
        for (x, pixel) in row.iter_mut().enumerate().take(right).skip(left) {
            let distance = distance((x as f32 + 0.5, y as f32 + 0.5), from, to);
            let cover = (radius + 0.5 - distance).clamp(0.0, 1.0);
            *pixel = (*pixel).max((cover * 255.0 + 0.5) as u8);
        }
    }
}

/// From a point to the nearest one of a line.
fn distance(point: (f32, f32), from: (f32, f32), to: (f32, f32)) -> f32 {
    let (along_x, along_y) = (to.0 - from.0, to.1 - from.1);
    let (x, y) = (point.0 - from.0, point.1 - from.1);
    let length = along_x * along_x + along_y * along_y;
    let part =
        if length > 0.0 { ((x * along_x + y * along_y) / length).clamp(0.0, 1.0) } else { 0.0 };
    let (x, y) = (x - part * along_x, y - part * along_y);
    (x * x + y * y).sqrt()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_dot_is_round_and_a_line_has_the_pens_width() {
        let dot = ink(9, 3.0, &[4.5, 4.5], &[1]).unwrap();
        let inked: Vec<_> =
            (0..).zip(dot).filter(|(_, ink)| *ink > 127).map(|(at, _)| at).collect();
        assert_eq!(inked, [30, 31, 32, 39, 40, 41, 48, 49, 50]);
        let line = ink(9, 1.0, &[1.5, 4.5, 7.5, 4.5], &[2]).unwrap();
        assert_eq!(line.iter().filter(|ink| **ink == 255).count(), 7);
    }

    #[test]
    fn what_fits_no_drawing_is_refused() {
        for (size, pen, points, lengths) in [
            (0, 1.0, vec![1.0, 1.0], vec![1]),
            (LARGEST + 1, 1.0, vec![1.0, 1.0], vec![1]),
            (9, f32::NAN, vec![1.0, 1.0], vec![1]),
            (9, 1.0, vec![f32::INFINITY, 1.0], vec![1]),
            (9, 1.0, vec![1.0, 1.0], vec![2]),
            (9, 1.0, vec![1.0, 1.0], vec![u32::MAX]),
        ] {
            assert_eq!(ink(size, pen, &points, &lengths), None, "{size} {pen} {points:?}");
        }
    }
}
