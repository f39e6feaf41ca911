//! Drawings, centred as the MNIST database of handwritten digits centres its own.
//!
//! The ground may be light or dark; afterwards it is 0 and the strongest ink 255.

use model_package::{Filter, Ink};

use super::{Frame, resize};

/// Finds the ink of a gray frame, scales it so that its longer side is `ink.inner`, and puts its
/// centre of mass into the middle of a square of `ink.size`. `None` if there is no ink.
pub(super) fn centre(frame: &Frame, ink: Ink) -> Option<Frame> {
    let size = ink.size as usize;
    let ink_only = against_ground(frame);
    let (left, top, width, height) = bounds(&ink_only, ink.threshold)?;
    let cut = ink_only.window(left as isize, top as isize, width, height, 0);
    let longest = width.max(height);
    // Rounded half up, so that a line of one pixel stays visible.
    let scaled = |edge: usize| ((2 * edge * ink.inner as usize + longest) / (2 * longest)).max(1);
    let small = resize(&cut, scaled(width), scaled(height), Filter::Bilinear);
    let (x, y) = mass(&small);
    // The centre of mass falls on the middle of the square, but no ink over its edge.
    let place = |center: f64, edge: usize| -> isize {
        let start = libm::floor(size as f64 / 2.0 - center + 0.5) as isize;
        start.clamp(0, size.saturating_sub(edge) as isize)
    };
    let (left, top) = (place(x, small.width), place(y, small.height));
    Some(small.window(-left, -top, size, size, 0))
}

/// How far each pixel is from the ground, stretched to 0 to 255. The ground is the median of the
/// frame's edge: people draw in the middle.
fn against_ground(frame: &Frame) -> Frame {
    let ground = median(edge(frame));
    let distance = |value: u8| value.abs_diff(ground);
    // Ink lies on one side of the ground only: the one that has the stronger pixel. Where both are
    // equal, ink is dark.
    let lightest = frame.pixels.iter().copied().max().unwrap_or(ground);
    let darkest = frame.pixels.iter().copied().min().unwrap_or(ground);
    let light = distance(lightest) > distance(darkest);
    let strongest = u32::from(distance(lightest).max(distance(darkest)).max(1));
    let stretch = |value: &u8| {
        if (*value > ground) != light {
            return 0;
        }
        ((u32::from(distance(*value)) * 255 + strongest / 2) / strongest) as u8
    };
    let pixels = frame.pixels.iter().map(stretch).collect();
    Frame { width: frame.width, height: frame.height, channels: 1, pixels }
}

/// The values of the outermost rows and columns.
fn edge(frame: &Frame) -> Vec<u8> {
    let last = frame.height.saturating_sub(1);
    let rows = frame.pixels.chunks_exact(frame.stride()).enumerate();
    let parts = rows.flat_map(|(y, row)| {
        let whole = if y == 0 || y == last { row } else { &[] };
        let ends = if whole.is_empty() { [row.first(), row.last()] } else { [None, None] };
        whole.iter().chain(ends.into_iter().flatten()).copied()
    });
    parts.collect()
}

fn median(mut values: Vec<u8>) -> u8 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Left, top, width and height of what is at least `threshold`.
fn bounds(frame: &Frame, threshold: u8) -> Option<(usize, usize, usize, usize)> {
    let inked = |value: &u8| *value >= threshold;
    let rows = || frame.pixels.chunks_exact(frame.stride());
    let top = rows().position(|row| row.iter().any(inked))?;
    let bottom = frame.height - rows().rev().position(|row| row.iter().any(inked))?;
    let left = rows().filter_map(|row| row.iter().position(inked)).min()?;
    let right = rows().filter_map(|row| row.iter().rposition(inked)).max()?;
    Some((left, top, right + 1 - left, bottom - top))
}

/// The centre of mass, in pixels from the upper left corner.
fn mass(frame: &Frame) -> (f64, f64) {
    let (mut sum, mut across, mut down) = (0.0, 0.0, 0.0);
    for (y, row) in frame.pixels.chunks_exact(frame.stride()).enumerate() {
        for (x, value) in row.iter().enumerate() {
            let value = f64::from(*value);
            sum += value;
            across += value * (x as f64 + 0.5);
            down += value * (y as f64 + 0.5);
        }
    }
    if sum == 0.0 {
        return (frame.width as f64 / 2.0, frame.height as f64 / 2.0);
    }
    (across / sum, down / sum)
}
