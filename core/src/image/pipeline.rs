//! The manifest's steps, one after the other.

use model_package::{Channels, Extent, ImageSpec, Layout, Limits, Pad, Position, Resize};

use super::{Frame, decode, ink, resize};
use crate::{ElementType, Error, ErrorKind};

/// The steps of one model, ready to run.
#[derive(Debug)]
pub(crate) struct Pipeline {
    spec: ImageSpec,
    max_pixels: u64,
    most: u64,
    /// For each channel of the tensor, what each value of a pixel becomes.
    tables: Vec<Vec<f32>>,
}

/// A picture as the graph takes it.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Width and height of the tensor.
    pub(crate) extent: (usize, usize),
    /// Its elements in the declared layout.
    pub(crate) data: Vec<u8>,
    /// Where the picture lies in it.
    pub(crate) placement: Placement,
    /// Things that the caller should know.
    pub(crate) warnings: Vec<String>,
}

/// Where a picture lies in the tensor: a point of the picture times `scale` plus `offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placement {
    /// Width and height of the upright picture.
    pub(crate) original: (usize, usize),
    pub(crate) scale: (f64, f64),
    pub(crate) offset: (f64, f64),
}

impl Pipeline {
    pub(crate) fn new(spec: &ImageSpec, limits: &Limits) -> Self {
        let tables = (0..spec.channels.count()).map(|channel| table(spec, channel)).collect();
        let max_pixels = spec.max_pixels.unwrap_or(limits.pixels);
        Self { spec: spec.clone(), max_pixels, most: limits.pixels, tables }
    }

    /// How many channels the tensor has, and in which order its dimensions are.
    pub(crate) fn layout(&self) -> (usize, Layout) {
        (self.spec.channels.count(), self.spec.layout)
    }

    /// Whether the tensor's elements are the pixels' own values.
    pub(crate) fn keeps_values(&self) -> bool {
        self.spec.rescale.is_none() && self.spec.normalize.is_none()
    }

    /// Width and height that every tensor has, where the steps give only one.
    pub(crate) fn extent(&self) -> Option<(usize, usize)> {
        let spec = &self.spec;
        let edges = if let Some(ink) = &spec.ink {
            Some((ink.size, ink.size))
        } else if let Some(pad) = &spec.pad {
            Some((pad.width, pad.height))
        } else if let Some(Extent { width, height }) = spec.center_crop {
            Some((width, height))
        } else {
            spec.resize.and_then(|resize| resize.width.zip(resize.height))
        };
        edges.map(|(width, height)| (width as usize, height as usize))
    }

    /// From encoded bytes to elements of this type.
    pub(crate) fn run(&self, bytes: &[u8], element: ElementType) -> Result<Prepared, Error> {
        let frame = decode(bytes, self.spec.transparency, self.max_pixels)?;
        let frame = match self.spec.channels {
            Channels::Gray => frame.into_gray(),
            Channels::Rgb | Channels::Bgr => frame.into_rgb(),
        };
        let original = (frame.width, frame.height);
        let mut placement = Placement { original, scale: (1.0, 1.0), offset: (0.0, 0.0) };
        let mut warnings = Vec::new();
        let frame = match self.spec.ink {
            Some(ink) => ink::centre(&frame, ink).unwrap_or_else(|| {
                warnings.push("the picture has no ink: every pixel has one value".into());
                Frame::filled(ink.size as usize, ink.size as usize, 1, 0)
            }),
            None => self.fit(frame, &mut placement)?,
        };
        let extent = (frame.width, frame.height);
        Ok(Prepared { extent, data: self.elements(&frame, element), placement, warnings })
    }

    /// Scales, crops and pads.
    fn fit(&self, mut frame: Frame, placement: &mut Placement) -> Result<Frame, Error> {
        if let Some(step) = &self.spec.resize {
            let (width, height) = target(step, frame.width, frame.height);
            self.check_extent(&frame, width, height)?;
            let scale = |new: usize, old: usize| new as f64 / old as f64;
            placement.scale = (scale(width, frame.width), scale(height, frame.height));
            frame = resize(&frame, width, height, step.filter);
        }
        if let Some(crop) = &self.spec.center_crop {
            let (width, height) = (crop.width as usize, crop.height as usize);
            let (left, top) = (middle(frame.width, width), middle(frame.height, height));
            placement.offset = (-(left as f64), -(top as f64));
            frame = frame.window(left, top, width, height, 0);
        }
        if let Some(pad) = &self.spec.pad {
            let (left, top) = corner(pad, &frame)?;
            placement.offset.0 += left as f64;
            placement.offset.1 += top as f64;
            let (left, top) = (-(left as isize), -(top as isize));
            frame = frame.window(left, top, pad.width as usize, pad.height as usize, pad.value);
        }
        Ok(frame)
    }

    /// With kept proportions, a very long picture would become a huge one.
    fn check_extent(&self, frame: &Frame, width: usize, height: usize) -> Result<(), Error> {
        if (width as u64).saturating_mul(height as u64) <= self.most {
            return Ok(());
        }
        let message = format!(
            "a picture of {} by {} pixels would be scaled to {width} by {height}; crop it to a less extreme shape",
            frame.width, frame.height
        );
        Err(Error::new(ErrorKind::TooLarge, "image-too-large", message))
    }

    fn elements(&self, frame: &Frame, element: ElementType) -> Vec<u8> {
        let channels = frame.channels;
        // The tensor's channel at each place of a pixel.
        let place = |channel: usize| match self.spec.channels {
            Channels::Bgr => 2 - channel,
            Channels::Rgb | Channels::Gray => channel,
        };
        let values = |channel: usize| {
            frame.pixels.iter().skip(place(channel)).step_by(channels.max(1)).copied()
        };
        let float = |channel: usize, value: u8| {
            let table = self.tables.get(channel);
            table.and_then(|table| table.get(usize::from(value))).copied().unwrap_or_default()
        };
        let size = if element == ElementType::Uint8 { 1 } else { 4 };
        let mut data = Vec::with_capacity(frame.pixels.len() * size);
        let mut push = |channel: usize, value: u8| {
            if element == ElementType::Uint8 {
                data.push(value);
            } else {
                data.extend_from_slice(&float(channel, value).to_le_bytes());
            }
        };
        match self.spec.layout {
            Layout::Nchw => {
                for channel in 0..channels {
                    values(channel).for_each(|value| push(channel, value));
                }
            }
            Layout::Nhwc => {
                for pixel in frame.pixels.chunks_exact(channels.max(1)) {
                    for channel in 0..channels {
                        push(channel, pixel.get(place(channel)).copied().unwrap_or_default());
                    }
                }
            }
        }
        data
    }
}

/// What each value of one channel becomes: rescaled in binary64 and rounded to binary32, then
/// normalised in binary32, as `transformers` does with NumPy.
fn table(spec: &ImageSpec, channel: usize) -> Vec<f32> {
    let moments = spec.normalize.as_ref().map(|normalize| {
        let at = |numbers: &[f64]| numbers.get(channel).copied().unwrap_or_default() as f32;
        (at(&normalize.mean), at(&normalize.std))
    });
    let value = |value: u8| {
        let value = match spec.rescale {
            Some(factor) => (f64::from(value) * factor) as f32,
            None => f32::from(value),
        };
        moments.map_or(value, |(mean, std)| (value - mean) / std)
    };
    (0..=u8::MAX).map(value).collect()
}

/// The size that a picture is scaled to.
fn target(step: &Resize, width: usize, height: usize) -> (usize, usize) {
    let length = |edge: u32| edge as usize;
    let (short, long) = (width.min(height), width.max(height));
    let (new_short, new_long) = match *step {
        Resize { width: Some(width), height: Some(height), .. } => {
            return (length(width), length(height));
        }
        Resize { shortest_edge: Some(edge), longest_edge: Some(limit), .. } => {
            within(length(edge), length(limit), short, long)
        }
        // Rounded down, as in `get_resize_output_image_size`.
        Resize { shortest_edge: Some(edge), .. } => (length(edge), length(edge) * long / short),
        Resize { longest_edge: Some(edge), .. } => {
            let scaled = libm::rint(length(edge) as f64 * short as f64 / long as f64);
            (scaled as usize, length(edge))
        }
        _ => (short, long),
    };
    let (new_short, new_long) = (new_short.max(1), new_long.max(1));
    if width <= height { (new_short, new_long) } else { (new_long, new_short) }
}

/// The shorter edge gets `edge`, or less, so that the longer one stays within `limit`; as in
/// `get_size_with_aspect_ratio`.
fn within(edge: usize, limit: usize, short: usize, long: usize) -> (usize, usize) {
    let ratio = long as f64 / short as f64;
    if ratio * edge as f64 <= limit as f64 {
        return if short == edge { (short, long) } else { (edge, edge * long / short) };
    }
    let exact = limit as f64 * short as f64 / long as f64;
    let rounded = libm::rint(exact) as usize;
    if short == rounded {
        return (short, long);
    }
    (rounded, (exact * long as f64 / short as f64) as usize)
}

/// Where a window of length `new` begins in the middle of `old`: below zero if it is longer.
fn middle(old: usize, new: usize) -> isize {
    // Rounded down in both directions, as Python's `//` does.
    (old as isize - new as isize).div_euclid(2)
}

/// Where a picture lies in its surroundings.
fn corner(pad: &Pad, frame: &Frame) -> Result<(usize, usize), Error> {
    let room = |outer: u32, inner: usize| (outer as usize).checked_sub(inner);
    let rooms = room(pad.width, frame.width).zip(room(pad.height, frame.height));
    let Some((across, down)) = rooms else {
        let message = format!(
            "the picture has {} by {} pixels before padding to {} by {}; the package must scale it first",
            frame.width, frame.height, pad.width, pad.height
        );
        return Err(Error::new(ErrorKind::TooLarge, "image-too-large", message));
    };
    Ok(match pad.position {
        Position::Center => (across / 2, down / 2),
        Position::TopLeft => (0, 0),
    })
}
