//! Scaling as Pillow's `Image.resize` does it, to the bit.
//!
//! Pillow scales 8-bit pictures in two passes, one along rows and one along columns, with
//! coefficients in fixed point of 22 bits and rounding to 8 bits after each pass. When it scales
//! down, the filter grows with the scale: that is its antialiasing.
//!
//! Since both passes round, their order shows. Pillow before version 13 always took rows first;
//! since then it takes columns first where that leaves less to do, and so does this module.

use model_package::Filter;

use super::Frame;

/// Bits after the point of a coefficient: 32, less 8 for a pixel and 2 for the sum's overshoot.
const PRECISION: u32 = 22;

/// Scales a frame to `width` by `height`, both at least 1.
#[must_use]
pub fn resize(frame: &Frame, width: usize, height: usize, filter: Filter) -> Frame {
    if (frame.width, frame.height) == (width, height) {
        return frame.clone();
    }
    let Some(kernel) = Kernel::of(filter) else {
        return nearest(frame, width, height);
    };
    let columns = Taps::new(frame.width, width, kernel);
    let rows = Taps::new(frame.height, height, kernel);
    if columns_first(frame, width, height) {
        return horizontal(&vertical(frame, &rows), &columns);
    }
    let across = if frame.width == width { None } else { Some(horizontal(frame, &columns)) };
    match (across, frame.height == height) {
        (Some(across), true) => across,
        (across, _) => vertical(across.as_ref().unwrap_or(frame), &rows),
    }
}

/// Pillow 13's choice, found by experiment: the second pass is spared more by columns, and rows
/// count twice. Where only one pass is needed, there is no choice.
fn columns_first(frame: &Frame, width: usize, height: usize) -> bool {
    let spared = |old: usize, new: usize| old as i64 - new as i64;
    let (across, down) = (spared(frame.width, width), spared(frame.height, height));
    across != 0 && down > 0 && down > 2 * across
}

/// The place of each new pixel is found by adding up, as Pillow does, so that rounding agrees.
fn nearest(frame: &Frame, width: usize, height: usize) -> Frame {
    let places = |old: usize, new: usize| -> Vec<usize> {
        let step = old as f64 / new as f64;
        let steps = std::iter::successors(Some(step * 0.5), |place| Some(place + step));
        steps.take(new).map(|place| (place as usize).min(old.saturating_sub(1))).collect()
    };
    let columns = places(frame.width, width);
    let mut pixels = Vec::with_capacity(width * height * frame.channels);
    for y in places(frame.height, height) {
        for x in &columns {
            let start = (y * frame.width + x) * frame.channels;
            let pixel = frame.pixels.get(start..start + frame.channels);
            pixels.extend_from_slice(pixel.unwrap_or_default());
        }
    }
    Frame { width, height, channels: frame.channels, pixels }
}

/// A filter's curve: how much a pixel counts at a distance.
#[derive(Clone, Copy)]
struct Kernel {
    /// The largest distance at which a pixel counts.
    support: f64,
    weight: fn(f64) -> f64,
}

impl Kernel {
    /// `None` for the filter that has no curve.
    fn of(filter: Filter) -> Option<Self> {
        let (support, weight): (f64, fn(f64) -> f64) = match filter {
            Filter::Nearest => return None,
            Filter::Box => (0.5, |x| if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }),
            Filter::Bilinear => (1.0, |x| (1.0 - x.abs()).max(0.0)),
            Filter::Hamming => (1.0, hamming),
            Filter::Bicubic => (2.0, bicubic),
            Filter::Lanczos => (3.0, lanczos),
        };
        Some(Self { support, weight })
    }
}

fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x == 0.0 {
        return 1.0;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let x = x * std::f64::consts::PI;
    libm::sin(x) / x * (0.54 + 0.46 * libm::cos(x))
}

fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        return ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    }
    if x < 2.0 { (((x - 5.0) * x + 8.0) * x - 4.0) * A } else { 0.0 }
}

fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        if x == 0.0 {
            return 1.0;
        }
        let x = x * std::f64::consts::PI;
        libm::sin(x) / x
    };
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// For each new pixel, which old ones it is made of.
struct Taps(Vec<Tap>);

struct Tap {
    first: usize,
    /// In fixed point.
    coefficients: Vec<i32>,
}

impl Taps {
    fn new(old: usize, new: usize, kernel: Kernel) -> Self {
        let scale = old as f64 / new as f64;
        let stretch = scale.max(1.0);
        let support = kernel.support * stretch;
        let tap = |place: usize| {
            let center = (place as f64 + 0.5) * scale;
            // Casts from below zero give zero.
            let first = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(old);
            // Pillow multiplies by the reciprocal, which can differ from a division in the last bit.
            let distance = |x: usize| (x as f64 - center + 0.5) * (1.0 / stretch);
            let weights: Vec<f64> = (first..end).map(|x| (kernel.weight)(distance(x))).collect();
            let sum = weights.iter().fold(0.0, |sum, weight| sum + weight);
            let fixed = |weight: &f64| {
                let weight = if sum == 0.0 { *weight } else { weight / sum };
                let scaled = weight * f64::from(1_u32 << PRECISION);
                (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
            };
            Tap { first, coefficients: weights.iter().map(fixed).collect() }
        };
        Self((0..new).map(tap).collect())
    }
}

/// A sum in fixed point as a pixel.
fn round(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

fn horizontal(frame: &Frame, columns: &Taps) -> Frame {
    let (width, channels) = (columns.0.len(), frame.channels);
    let mut pixels = Vec::with_capacity(width * frame.height * channels);
    for row in frame.pixels.chunks_exact(frame.stride()) {
        for tap in &columns.0 {
            let part = row.get(tap.first * channels..).unwrap_or_default();
            if channels == 1 {
                let pairs = part.iter().zip(&tap.coefficients);
                pixels.push(round(pairs.fold(HALF, |sum, (pixel, k)| sum + i32::from(*pixel) * k)));
            } else {
                let mut sums = [HALF; 3];
                for (pixel, k) in part.as_chunks::<3>().0.iter().zip(&tap.coefficients) {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += i32::from(*value) * k;
                    }
                }
                pixels.extend(sums.map(round));
            }
        }
    }
    Frame { width, height: frame.height, channels, pixels }
}

fn vertical(frame: &Frame, rows: &Taps) -> Frame {
    let stride = frame.stride();
    let mut pixels = Vec::with_capacity(rows.0.len() * stride);
    let mut sums = vec![HALF; stride];
    for tap in &rows.0 {
        sums.fill(HALF);
        let part = frame.pixels.chunks_exact(stride).skip(tap.first);
        for (row, k) in part.zip(&tap.coefficients) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * k;
            }
        }
        pixels.extend(sums.iter().map(|sum| round(*sum)));
    }
    Frame { width: frame.width, height: rows.0.len(), channels: frame.channels, pixels }
}
