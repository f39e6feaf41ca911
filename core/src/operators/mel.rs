//! [`MelWeightMatrix`](https://onnx.ai/onnx/operators/onnx__MelWeightMatrix.html): which bins of a
//! spectrum make up each band of the mel scale. tract crashes on edges beyond the spectrum.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{Call, Kernels, Value, at_mut, doubles, extent, from_doubles, volume};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add("MelWeightMatrix", mel_weight_matrix);
}

/// The most bands.
const MAX_BANDS: usize = 1 << 16;

fn mel_weight_matrix(call: &Call) -> TractResult<Vec<Value>> {
    let whole = |place: usize| -> TractResult<usize> {
        extent(call.integer(place)?.with_context(|| format!("the input {place} is missing"))?)
    };
    let (bands, length, rate) = (whole(0)?, whole(1)?, whole(2)?);
    let edge = |place: usize| -> TractResult<f64> {
        doubles(call.tensor(place)?)?.first().copied().context("an edge is missing")
    };
    let (low, high) = (edge(3)?, edge(4)?);
    ensure!(bands <= MAX_BANDS && rate > 0, "{bands} bands of a signal of {rate} Hz");
    let bins = length / 2 + 1;
    let number = i32::try_from(call.int("output_datatype", 1)?)?;
    let datum = DataType::try_from(number).map_err(|_| format_err!("no type {number}"))?;
    let datum = DatumType::try_from(datum)?;
    let to_mel = |hertz: f64| 2595.0 * libm::log1p(hertz / 700.0) / std::f64::consts::LN_10;
    let from_mel = |mel: f64| 700.0 * libm::expm1(mel / 2595.0 * std::f64::consts::LN_10);
    let (low, high) = (to_mel(low), to_mel(high));
    let step = (high - low) / (bands + 2) as f64;
    let mut points = Vec::with_capacity(bands + 2);
    for point in 0..bands + 2 {
        let hertz = from_mel(point as f64 * step + low);
        let bin = libm::floor((length + 1) as f64 * hertz / rate as f64);
        ensure!(
            (0.0..bins as f64).contains(&bin),
            "an edge of {hertz} Hz lies beyond the spectrum"
        );
        points.push(bin as usize);
    }
    let mut weights = vec![0.0; volume(DatumType::F64, &[bins, bands])?];
    for (band, edges) in points.windows(3).enumerate() {
        let &[left, center, right] = edges else { continue };
        let mut set = |bin: usize, weight: f64| -> TractResult<()> {
            *at_mut(&mut weights, bin * bands + band)? = weight;
            Ok(())
        };
        if left == center {
            set(center, 1.0)?;
        }
        let rise = center.saturating_sub(left) as f64;
        for bin in left..=center {
            if rise > 0.0 {
                set(bin, (bin - left) as f64 / rise)?;
            }
        }
        let fall = right.saturating_sub(center) as f64;
        for bin in center..right {
            set(bin, (right - bin) as f64 / fall)?;
        }
    }
    Ok(vec![from_doubles(datum, &[bins, bands], weights)?.into()])
}
