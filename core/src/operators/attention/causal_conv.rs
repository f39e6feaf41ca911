//! `CausalConvWithState`: a convolution of each channel on its own that sees no place after its own,
//! and what the next call has to see of this one.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, at, floats, values_of, volume};

pub(super) fn causal_conv_with_state(call: &Call) -> TractResult<Vec<Value>> {
    let (input, weight) = (call.tensor(0)?, call.tensor(1)?);
    let ([batch, channels, length], [outputs, 1, kernel]) = (input.shape(), weight.shape()) else {
        bail!("an input of shape {:?} with weights of {:?}", input.shape(), weight.shape())
    };
    let (batch, channels, length, kernel) = (*batch, *channels, *length, *kernel);
    ensure!(*outputs == channels && kernel > 0, "weights for {outputs} channels of {channels}");
    let swish = match call.text("activation", "none")?.as_str() {
        "none" => false,
        "silu" | "swish" => true,
        other => bail!("activation is {other:?}; accepted are none, silu and swish"),
    };
    let datum = input.datum_type();
    let (values, weights) = (floats(input)?, floats(weight)?);
    let bias = call.floats(2)?;
    let state_shape = [batch, channels, kernel - 1];
    let past = match call.optional(3) {
        Some(past) => {
            ensure!(past.shape() == state_shape, "a state of shape {:?}", past.shape());
            floats(past)?
        }
        None => vec![0.0; volume(DatumType::F32, &state_shape)?],
    };
    let half = datum == DatumType::F16;
    let round = |value: f32| if half { f16::from_f32(value).to_f32() } else { value };
    let (mut result, mut state) = (Vec::with_capacity(values.len()), Vec::new());
    for row in 0..batch * channels {
        let channel = row % channels;
        let before = past.iter().skip(row * (kernel - 1)).take(kernel - 1);
        let padded = before.chain(values.iter().skip(row * length).take(length));
        let padded: Vec<f32> = padded.copied().collect();
        let own = weights.iter().skip(channel * kernel).take(kernel);
        let bias = bias.as_ref().map_or(Ok(0.0), |bias| at(bias, channel))?;
        for window in padded.windows(kernel) {
            let sum: f32 = window.iter().zip(own.clone()).map(|(a, b)| a * b).sum();
            let value = round(sum + bias);
            result.push(if swish { value / (1.0 + libm::expf(-value)) } else { value });
        }
        state.extend(padded.iter().skip(length));
    }
    let tensor = |shape: &[usize], values| -> TractResult<Value> {
        Ok(values_of(shape, values)?.cast_to_dt(datum)?.into_owned().into())
    };
    Ok(vec![tensor(&[batch, channels, length], result)?, tensor(&state_shape, state)?])
}
