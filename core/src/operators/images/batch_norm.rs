//! [`BatchNormalization`](https://onnx.ai/onnx/operators/onnx__BatchNormalization.html) with
//! parameters that arrive, and in training mode, where mean and variance are those of the batch.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, around, at, doubles, from_doubles};

pub(crate) fn batch_normalization(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    ensure!(input.rank() >= 2, "an input of rank {}; accepted is 2 or more", input.rank());
    let epsilon = f64::from(call.float("epsilon", 1e-5)?);
    let momentum = f64::from(call.float("momentum", 0.9)?);
    let training = call.flag("training_mode", false)?;
    let (items, channels, places) = around(input.shape(), 1);
    let values = doubles(input)?;
    let parameter = |place: usize| -> TractResult<Vec<f64>> {
        let values = doubles(call.tensor(place)?)?;
        ensure!(values.len() == channels, "{} parameters for {channels} channels", values.len());
        Ok(values)
    };
    let (scale, bias) = (parameter(1)?, parameter(2)?);
    let (mut mean, mut variance) = (parameter(3)?, parameter(4)?);
    let (mut running_mean, mut running_variance) = (mean.clone(), variance.clone());
    if training {
        let count = (items * places) as f64;
        let of_channel = |channel: usize| {
            let row = move |item: usize| (item * channels + channel) * places;
            let values = &values;
            (0..items).flat_map(move |item| values.iter().skip(row(item)).take(places))
        };
        mean = (0..channels).map(|channel| of_channel(channel).sum::<f64>() / count).collect();
        let squares = mean.iter().enumerate().map(|(channel, mean)| {
            of_channel(channel).map(|x| (x - mean) * (x - mean)).sum::<f64>() / count
        });
        variance = squares.collect();
        let mixed = |old: &[f64], new: &[f64]| -> Vec<f64> {
            old.iter().zip(new).map(|(old, new)| old * momentum + new * (1.0 - momentum)).collect()
        };
        running_mean = mixed(&running_mean, &mean);
        running_variance = mixed(&running_variance, &variance);
    }
    let mut result = Vec::with_capacity(values.len());
    for (place, value) in values.iter().enumerate() {
        let channel = place / places % channels;
        let deviation = libm::sqrt(at(&variance, channel)? + epsilon);
        let normal = (value - at(&mean, channel)?) / deviation;
        result.push(at(&scale, channel)? * normal + at(&bias, channel)?);
    }
    let own = input.datum_type();
    let statistics = call.tensor(3)?.datum_type();
    Ok(vec![
        from_doubles(own, input.shape(), result)?.into(),
        from_doubles(statistics, &[channels], running_mean)?.into(),
        from_doubles(statistics, &[channels], running_variance)?.into(),
    ])
}
