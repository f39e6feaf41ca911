//! The orientation that a camera notes in EXIF, as Pillow's `ImageOps.exif_transpose` applies it.

use super::Frame;

/// Turns and mirrors a frame so that it is upright. `orientation` is the EXIF value; others than 2
/// to 8 mean upright.
pub(super) fn upright(frame: Frame, orientation: u8) -> Frame {
    if !(2..=8).contains(&orientation) {
        return frame;
    }
    let Frame { width, height, channels, .. } = frame;
    // Values from 5 on lie on their side.
    let (new_width, new_height) = if orientation >= 5 { (height, width) } else { (width, height) };
    let mut pixels = Vec::with_capacity(frame.pixels.len());
    for y in 0..new_height {
        for x in 0..new_width {
            let (mirrored_x, mirrored_y) = (new_width - 1 - x, new_height - 1 - y);
            let (from_x, from_y) = match orientation {
                2 => (mirrored_x, y),
                3 => (mirrored_x, mirrored_y),
                4 => (x, mirrored_y),
                5 => (y, x),
                6 => (y, mirrored_x),
                7 => (mirrored_y, mirrored_x),
                _ => (mirrored_y, x),
            };
            let start = (from_y * width + from_x) * channels;
            pixels.extend_from_slice(frame.pixels.get(start..start + channels).unwrap_or_default());
        }
    }
    Frame { width: new_width, height: new_height, channels, pixels }
}
