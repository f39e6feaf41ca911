//! `preprocessor_config.json`: the steps before the graph.

use std::path::Path;

use anyhow::Result;
use model_package::{Channels, Extent, Filter, ImageSpec, Normalize, Resize};
use serde_json::Value;

use super::json_file;
use crate::failure::ModelError;

/// The steps that the file asks for, in its processor's order.
pub(super) fn read(folder: &Path) -> Result<ImageSpec> {
    let missing = || ModelError(format!("{} has no preprocessor_config.json", folder.display()));
    let config = json_file(folder, "preprocessor_config.json")?.ok_or_else(missing)?;
    let does = |key: &str| config.get(key).and_then(Value::as_bool);
    let mut image = ImageSpec::default();
    if does("do_resize").unwrap_or(true)
        && let Some(size) = config.get("size")
    {
        image.resize = Some(resize(&config, size)?);
    }
    if does("do_center_crop").unwrap_or(false) {
        let size = config.get("crop_size").ok_or_else(|| wrong("crop_size", "missing"))?;
        let (width, height) =
            extent(size).ok_or_else(|| wrong("crop_size", "expected height and width"))?;
        image.center_crop = Some(Extent { width, height });
    }
    crop_pct(&config, &mut image);
    if does("do_rescale").unwrap_or(true) {
        let factor = config.get("rescale_factor").and_then(Value::as_f64);
        image.rescale = Some(factor.unwrap_or(1.0 / 255.0));
    }
    if does("do_normalize").unwrap_or(true) {
        let numbers = |key: &str| -> Result<Vec<f64>> {
            let list = config.get(key).and_then(Value::as_array);
            let list = list.and_then(|list| list.iter().map(Value::as_f64).collect());
            Ok(list.ok_or_else(|| wrong(key, "expected a list of numbers"))?)
        };
        image.normalize =
            Some(Normalize { mean: numbers("image_mean")?, std: numbers("image_std")? });
    }
    if image.normalize.as_ref().is_some_and(|normalize| normalize.mean.len() == 1) {
        image.channels = Channels::Gray;
    }
    if does("do_flip_channel_order").unwrap_or(false) {
        image.channels = Channels::Bgr;
    }
    Ok(image)
}

fn resize(config: &Value, size: &Value) -> Result<Resize> {
    let filter = match config.get("resample").and_then(Value::as_u64) {
        Some(0) => Filter::Nearest,
        Some(1) => Filter::Lanczos,
        Some(3) => Filter::Bicubic,
        Some(4) => Filter::Box,
        Some(5) => Filter::Hamming,
        Some(2) | None => Filter::Bilinear,
        Some(other) => return Err(wrong("resample", &format!("{other} is no filter")).into()),
    };
    let edge =
        |key: &str| size.get(key).and_then(Value::as_u64).and_then(|edge| u32::try_from(edge).ok());
    let whole = extent(size);
    let step = Resize {
        width: whole.map(|(width, _)| width),
        height: whole.map(|(_, height)| height),
        shortest_edge: edge("shortest_edge"),
        longest_edge: edge("longest_edge"),
        filter,
    };
    if whole.is_none() && step.shortest_edge.is_none() && step.longest_edge.is_none() {
        return Err(
            wrong("size", "expected height and width, shortest_edge or longest_edge").into()
        );
    }
    Ok(step)
}

/// Width and height, from an object or from one number for both.
fn extent(size: &Value) -> Option<(u32, u32)> {
    let number = |value: &Value| value.as_u64().and_then(|edge| u32::try_from(edge).ok());
    if let Some(edge) = number(size) {
        return Some((edge, edge));
    }
    Some((number(size.get("width")?)?, number(size.get("height")?)?))
}

fn wrong(key: &str, message: &str) -> ModelError {
    ModelError(format!("preprocessor_config.json: {key}: {message}"))
}

/// ConvNeXT's processor scales to more than its size and cuts the middle out; from 384 pixels on it
/// only scales.
fn crop_pct(config: &Value, image: &mut ImageSpec) {
    let share = config.get("crop_pct").and_then(Value::as_f64);
    let step = image.resize.as_mut();
    let edge = step.as_ref().and_then(|step| step.shortest_edge);
    let (Some(share), Some(step), Some(edge)) = (share, step, edge) else { return };
    if edge < 384 {
        step.shortest_edge = Some((f64::from(edge) / share) as u32);
        image.center_crop = Some(Extent { width: edge, height: edge });
    } else {
        (step.shortest_edge, step.width, step.height) = (None, Some(edge), Some(edge));
    }
}
