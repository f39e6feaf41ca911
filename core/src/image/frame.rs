//! Pixels in memory.

use model_package::Transparency;

/// A picture as rows of 8-bit pixels, interleaved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes of a pixel: 1 (gray) or 3 (red, green, blue).
    pub channels: usize,
    /// `height * width * channels` bytes.
    pub pixels: Vec<u8>,
}

impl Frame {
    /// A frame of one value.
    pub(super) fn filled(width: usize, height: usize, channels: usize, value: u8) -> Self {
        Self { width, height, channels, pixels: vec![value; width * height * channels] }
    }

    /// Bytes of a row; at least 1, so that rows can be counted.
    pub(super) fn stride(&self) -> usize {
        (self.width * self.channels).max(1)
    }

    /// One channel: ITU-R 601 luma, in the fixed point that Pillow's `convert("L")` uses.
    #[must_use]
    pub fn into_gray(self) -> Self {
        if self.channels == 1 {
            return self;
        }
        let pixels = self.pixels.as_chunks::<3>().0.iter().map(|[red, green, blue]| {
            let [red, green, blue] = [red, green, blue].map(|value| u32::from(*value));
            ((red * 19_595 + green * 38_470 + blue * 7_471 + 0x8000) >> 16) as u8
        });
        Self { channels: 1, pixels: pixels.collect(), ..self }
    }

    /// Three channels.
    #[must_use]
    pub fn into_rgb(self) -> Self {
        if self.channels == 3 {
            return self;
        }
        let pixels = self.pixels.iter().flat_map(|value| [*value; 3]).collect();
        Self { channels: 3, pixels, ..self }
    }

    /// The rectangle at `left`, `top`; what lies outside of the frame has this value.
    pub(super) fn window(
        &self,
        left: isize,
        top: isize,
        width: usize,
        height: usize,
        value: u8,
    ) -> Self {
        let mut out = Self::filled(width, height, self.channels, value);
        // Where the two overlap, in this frame and in the new one.
        let (from_x, to_x) = (left.max(0) as usize, (-left).max(0) as usize);
        let (from_y, to_y) = (top.max(0) as usize, (-top).max(0) as usize);
        let columns = self.width.saturating_sub(from_x).min(width.saturating_sub(to_x));
        let (start, length) = (from_x * self.channels, columns * self.channels);
        let (stride, new_stride) = (self.stride(), out.stride());
        let rows = self.pixels.chunks_exact(stride).skip(from_y);
        let new_rows = out.pixels.chunks_exact_mut(new_stride).skip(to_y);
        for (row, new_row) in rows.zip(new_rows) {
            let part = row.get(start..start + length);
            let new_part = new_row.get_mut(to_x * self.channels..to_x * self.channels + length);
            if let (Some(part), Some(new_part)) = (part, new_part) {
                new_part.copy_from_slice(part);
            }
        }
        out
    }
}

/// What a pixel with alpha looks like.
pub(super) fn flatten(value: u8, alpha: u8, transparency: Transparency) -> u8 {
    let ground = match transparency {
        Transparency::Drop => return value,
        Transparency::White => 255,
        Transparency::Black => 0,
    };
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + ground * (255 - alpha) + 127) / 255) as u8
}
