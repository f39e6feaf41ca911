//! The rules for the preprocessing of pictures.

use super::{Checked, fail};
use crate::{ImageSpec, Limits, Resize};

/// Longest edge that a step may ask for.
const LONGEST: u32 = 16_384;

/// Checks every step.
pub(super) fn check(image: &ImageSpec, limits: &Limits) -> Checked {
    if let Some(max) = image.max_pixels
        && !(1..=limits.pixels).contains(&max)
    {
        let message = format!("expected 1 to {}, found {max}", limits.pixels);
        return fail("input.image.max_pixels", message);
    }
    if let Some(resize) = &image.resize {
        check_resize(resize, limits)?;
    }
    if let Some(crop) = &image.center_crop {
        extent("input.image.center_crop", crop.width, crop.height, limits)?;
    }
    if let Some(pad) = &image.pad {
        extent("input.image.pad", pad.width, pad.height, limits)?;
    }
    if let Some(ink) = &image.ink {
        if image.resize.is_some() || image.center_crop.is_some() || image.pad.is_some() {
            return fail(
                "input.image.ink",
                "stands in the place of resize, center_crop and pad; take those out",
            );
        }
        if image.channels.count() != 1 {
            return fail(
                "input.image.channels",
                "ink is found in gray pictures; expected \"gray\"",
            );
        }
        extent("input.image.ink", ink.size, ink.size, limits)?;
        if !(1..=ink.size).contains(&ink.inner) {
            let message = format!("expected 1 to size, {}, found {}", ink.size, ink.inner);
            return fail("input.image.ink.box", message);
        }
        if ink.threshold == 0 {
            return fail("input.image.ink.threshold", "expected 1 to 255, found 0");
        }
    }
    if let Some(factor) = image.rescale
        && !(factor > 0.0 && factor.is_finite())
    {
        return fail("input.image.rescale", format!("expected more than 0, found {factor}"));
    }
    let Some(normalize) = &image.normalize else { return Ok(()) };
    let count = image.channels.count();
    for (key, numbers) in [("mean", &normalize.mean), ("std", &normalize.std)] {
        if numbers.len() != count {
            let message =
                format!("expected {count}, one for each channel, found {}", numbers.len());
            return fail(format!("input.image.normalize.{key}"), message);
        }
    }
    // In binary32, in which it is computed.
    if normalize.std.iter().any(|std| !(*std as f32 > 0.0 && (*std as f32).is_finite())) {
        return fail("input.image.normalize.std", "expected numbers above 0");
    }
    if normalize.mean.iter().any(|mean| !(*mean as f32).is_finite()) {
        return fail("input.image.normalize.mean", "expected finite numbers");
    }
    Ok(())
}

fn check_resize(resize: &Resize, limits: &Limits) -> Checked {
    match (resize.width, resize.height, resize.shortest_edge, resize.longest_edge) {
        (Some(width), Some(height), None, None) => {
            extent("input.image.resize", width, height, limits)
        }
        (None, None, None, Some(edge)) | (None, None, Some(edge), None) => {
            extent("input.image.resize", edge, 1, limits)
        }
        (None, None, Some(shortest), Some(longest)) => {
            extent("input.image.resize", longest, shortest, limits)?;
            if longest < shortest {
                return fail("input.image.resize", "longest_edge is below shortest_edge");
            }
            Ok(())
        }
        _ => fail(
            "input.image.resize",
            "expected width and height, or shortest_edge, longest_edge or both",
        ),
    }
}

fn extent(field: &str, width: u32, height: u32, limits: &Limits) -> Checked {
    let edges = 1..=LONGEST;
    if !edges.contains(&width) || !edges.contains(&height) {
        return fail(field, format!("expected edges of 1 to {LONGEST} pixels"));
    }
    if u64::from(width) * u64::from(height) > limits.pixels {
        return fail(field, format!("more than {} pixels", limits.pixels));
    }
    Ok(())
}
