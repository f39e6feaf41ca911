//! From encoded bytes to pixels. What a picture is says its content, never a file's name.

use std::fmt::Display;
use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder, ImageError};
use model_package::Transparency;

use super::frame::flatten;
use super::orientation::upright;
use super::{Frame, jpeg};
use crate::{Error, ErrorKind};

/// What the core reads, for messages.
const ACCEPTED: &str = "JPEG, PNG, WebP, GIF and BMP are accepted";

/// Memory for what a decoder keeps besides pixels: palettes, colour profiles, compressed texts.
const BESIDES_PIXELS: u64 = 64 << 20;

/// Decodes the first picture of an encoded file and turns it upright.
///
/// The header is read first, so that a file which promises more than `max_pixels` costs no memory.
///
/// # Errors
/// `unsupported-image` if it is no picture of an accepted kind, `image-too-large` by its header, and
/// `invalid-image` if it is damaged or cut short.
pub fn decode(bytes: &[u8], transparency: Transparency, max_pixels: u64) -> Result<Frame, Error> {
    let source = Cursor::new(bytes);
    match bytes {
        [0xff, 0xd8, 0xff, ..] => jpeg::decode(bytes, max_pixels),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => {
            check_png_size(bytes, max_pixels)?;
            let limits = memory(BESIDES_PIXELS);
            let decoder = PngDecoder::with_limits(source, limits);
            read("PNG", decoder, transparency, max_pixels)
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            read("WebP", WebPDecoder::new(source), transparency, max_pixels)
        }
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => {
            read("GIF", GifDecoder::new(source), transparency, max_pixels)
        }
        [b'B', b'M', ..] => {
            check_bmp_size(bytes, max_pixels)?;
            read("BMP", BmpDecoder::new(source), transparency, max_pixels)
        }
        other => Err(unknown(other)),
    }
}

/// The size in a PNG's first chunk, before its decoder looks at any other.
fn check_png_size(bytes: &[u8], max_pixels: u64) -> Result<(), Error> {
    let edge = |start| u64::from(u32::from_be_bytes(four(bytes, start)));
    check_size(edge(16), edge(20), max_pixels)
}

/// The size in a BMP's header, since its decoder has a limit of its own. The oldest headers (12
/// bytes) have none that is too large.
fn check_bmp_size(bytes: &[u8], max_pixels: u64) -> Result<(), Error> {
    if u32::from_le_bytes(four(bytes, 14)) < 40 {
        return Ok(());
    }
    // A negative height means that rows begin at the top.
    let edge = |start| u64::from(i32::from_le_bytes(four(bytes, start)).unsigned_abs());
    check_size(edge(18), edge(22), max_pixels)
}

/// Four bytes of a header; zeros beyond its end.
fn four(bytes: &[u8], start: usize) -> [u8; 4] {
    bytes.get(start..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}

fn read<D: ImageDecoder>(
    kind: &str,
    decoder: Result<D, ImageError>,
    transparency: Transparency,
    max_pixels: u64,
) -> Result<Frame, Error> {
    let problem = |error: ImageError| damaged(kind, &error);
    let mut decoder = decoder.map_err(problem)?;
    let (width, height) = decoder.dimensions();
    check_size(u64::from(width), u64::from(height), max_pixels)?;
    let total = decoder.total_bytes();
    let size = usize::try_from(total).map_err(|error| damaged(kind, &error))?;
    decoder.set_limits(memory(total.saturating_mul(2) + BESIDES_PIXELS)).map_err(problem)?;
    // A picture without a readable note of its orientation is upright.
    let orientation = decoder.orientation().map_or(1, image::metadata::Orientation::to_exif);
    let color = decoder.color_type();
    let mut data = vec![0; size];
    decoder.read_image(&mut data).map_err(problem)?;
    let (width, height) = (width as usize, height as usize);
    let (channels, pixels) = eight_bits(color, data, transparency)
        .ok_or_else(|| unsupported(format!("a {kind} with pixels of type {color:?}")))?;
    Ok(upright(Frame { width, height, channels, pixels }, orientation))
}

fn memory(bytes: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

/// Gray or RGB with 8 bits a channel. Of 16 bits the upper eight are kept, but of gray ones all above
/// 255 are white: so does Pillow.
fn eight_bits(color: ColorType, data: Vec<u8>, ground: Transparency) -> Option<(usize, Vec<u8>)> {
    let narrow: fn(u16) -> u8 = match color {
        ColorType::L16 => |value| value.min(255) as u8,
        _ => |value| (value >> 8) as u8,
    };
    let data = match color {
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            let wide = data.as_chunks::<2>().0.iter();
            wide.map(|bytes| narrow(u16::from_ne_bytes(*bytes))).collect()
        }
        _ => data,
    };
    Some(match color {
        ColorType::L8 | ColorType::L16 => (1, data),
        ColorType::Rgb8 | ColorType::Rgb16 => (3, data),
        ColorType::La8 | ColorType::La16 => {
            let pixels = data.as_chunks::<2>().0.iter();
            (1, pixels.map(|[value, alpha]| flatten(*value, *alpha, ground)).collect())
        }
        ColorType::Rgba8 | ColorType::Rgba16 => {
            let pixels = data.as_chunks::<4>().0.iter();
            let colours = pixels.flat_map(|[red, green, blue, alpha]| {
                [red, green, blue].map(|value| flatten(*value, *alpha, ground))
            });
            (3, colours.collect())
        }
        _ => return None,
    })
}

/// Refuses a picture by the size in its header.
pub(super) fn check_size(width: u64, height: u64, max_pixels: u64) -> Result<(), Error> {
    if width == 0 || height == 0 {
        return Err(damaged("picture", &format!("it is {width} by {height} pixels")));
    }
    if width.saturating_mul(height) <= max_pixels {
        return Ok(());
    }
    let message = format!(
        "the picture has {width} by {height} pixels, at most {max_pixels} in all are accepted; scale it down"
    );
    Err(Error::new(ErrorKind::TooLarge, "image-too-large", message))
}

/// A picture that begins well and goes wrong.
pub(super) fn damaged(kind: &str, error: &dyn Display) -> Error {
    let text: String = error.to_string().chars().take(200).collect();
    let message = format!("the {kind} is damaged or cut short: {text}");
    Error::input("invalid-image", message)
}

/// A picture of a kind that is not read.
pub(super) fn unsupported(found: impl Into<String>) -> Error {
    let message = format!("{ACCEPTED}, found {}", found.into());
    Error::new(ErrorKind::UnsupportedInput, "unsupported-image", message)
}

fn unknown(bytes: &[u8]) -> Error {
    let found = match bytes {
        [] => "nothing",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => "AVIF",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => "HEIC, the format of phones",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "TIFF",
        [b'%', b'P', b'D', b'F', ..] => "PDF",
        [0, 0, 1, 0, ..] => "an icon",
        [0xff, 0x0a, ..] | [0, 0, 0, 0x0c, b'J', b'X', b'L', ..] => "JPEG XL",
        [b'P', b'K', 3, 4, ..] => "a zip archive",
        other if other.trim_ascii_start().starts_with(b"<") => "SVG or another markup",
        other if std::str::from_utf8(other).is_ok() => "plain text",
        _ => "something else",
    };
    unsupported(found)
}
