//! JPEG, to the bit as libjpeg-turbo decodes it with Pillow's settings: the accurate integer inverse
//! DCT and smooth chroma upsampling. Other pure-Rust decoders differ by up to 5 of 255 there.

use libjpeg_turbo_rs::{DecodeLimits, Decoder, PixelFormat};

use super::Frame;
use super::decode::{check_size, damaged, unsupported};
use super::orientation::upright;
use crate::Error;

/// A progressive picture has about ten scans. Each one visits every block, so their number bounds
/// the time.
const MOST_SCANS: usize = 64;

/// Decodes a JPEG: baseline or progressive, gray, YCbCr, RGB, CMYK or YCCK.
pub(super) fn decode(bytes: &[u8], max_pixels: u64) -> Result<Frame, Error> {
    let limits = DecodeLimits { max_pixels, max_scans: MOST_SCANS, ..DecodeLimits::default() };
    let problem = |error: libjpeg_turbo_rs::JpegError| damaged("JPEG", &error);
    // Reads markers only, and takes no memory for pixels.
    let mut decoder = Decoder::new_with_limits(bytes, limits).map_err(problem)?;
    let header = decoder.header();
    check_size(u64::from(header.width), u64::from(header.height), max_pixels)?;
    if header.precision != 8 {
        let message = format!("a JPEG of {} bits; expected 8 bits", header.precision);
        return Err(unsupported(message));
    }
    let sampling: Vec<_> = header
        .components
        .iter()
        .map(|part| (part.horizontal_sampling, part.vertical_sampling))
        .collect();
    let channels = match sampling.as_slice() {
        [_] => 1,
        [_, _, _] => 3,
        // The decoder reads inks of one size, and a first one of twice the width; no others.
        [first, rest @ ..] if rest.len() == 3 => {
            let even = rest.iter().all(|other| other == first);
            let wide = *first == (2, 1) && rest.iter().all(|other| *other == (1, 1));
            if !even && !wide {
                return Err(unsupported("a CMYK JPEG with inks of different size; save it as RGB"));
            }
            3
        }
        other => {
            let found = other.len();
            return Err(unsupported(format!("a JPEG of {found} channels; expected 1, 3 or 4")));
        }
    };
    let format = if channels == 1 { PixelFormat::Grayscale } else { PixelFormat::Rgb };
    decoder.set_output_format(format);
    let orientation = decoder.exif_orientation().unwrap_or(1);
    let image = decoder.decode_image().map_err(problem)?;
    let (width, height, pixels) = (image.width, image.height, image.data);
    if pixels.len() != width * height * channels {
        return Err(damaged("JPEG", &"its size differs from its header"));
    }
    Ok(upright(Frame { width, height, channels, pixels }, orientation))
}
