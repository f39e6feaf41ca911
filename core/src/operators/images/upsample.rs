//! [`Upsample`](https://onnx.ai/onnx/operators/onnx__Upsample.html), which opset 10 replaced by
//! Resize, to the nearest element or between elements; and
//! [`SpaceToDepth`](https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html) in both modes.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, around, at, at_mut, doubles, each_index, elements, for_type, from_doubles, offset,
    pick, strides, values_of, volume,
};

pub(crate) fn upsample(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let mode = call.text("mode", "nearest")?;
    ensure!(
        matches!(mode.as_str(), "nearest" | "linear" | "bilinear"),
        "mode is {mode:?}; accepted are nearest and linear"
    );
    let scales = match call.floats(1)? {
        Some(scales) => scales,
        None => call.node.get_attr_opt_vec("scales")?.context("the scales are missing")?,
    };
    ensure!(scales.len() == input.rank(), "{} scales for rank {}", scales.len(), input.rank());
    ensure!(scales.iter().all(|scale| *scale >= 1.0), "scales are 1 or more");
    let pairs = input.shape().iter().zip(&scales);
    let shape: Vec<_> =
        pairs.map(|(own, scale)| libm::floorf(*own as f32 * scale) as usize).collect();
    if mode != "nearest" {
        volume(DatumType::F64, &shape)?;
        return between(input, &scales, &shape);
    }
    let steps = strides(input.shape());
    for_type!(input.datum_type(), T => {
        let values = elements::<T>(input)?;
        let mut result = Vec::with_capacity(volume(T::datum_type(), &shape)?);
        each_index(&shape, |index| {
            let places = index.iter().zip(&scales).zip(input.shape());
            let from = places.map(|((place, scale), own)| {
                ((*place as f32 / scale) as usize).min(own - 1)
            });
            let from = offset(&from.collect::<Vec<_>>(), &steps);
            result.push(pick(values, from)?);
            Ok(())
        })?;
        Ok(vec![values_of(&shape, result)?.into()])
    })
}

/// Along one axis after the other, each element comes from the two on both sides of its place. Behind
/// the last one there is nothing but itself.
fn between(input: &Tensor, scales: &[f32], shape: &[usize]) -> TractResult<Vec<Value>> {
    let mut values = doubles(input)?;
    let mut extents = input.shape().to_vec();
    for (axis, (scale, extent)) in scales.iter().zip(shape).enumerate() {
        let (before, own, after) = around(&extents, axis);
        if own == *extent {
            continue;
        }
        let mut results = Vec::with_capacity(before * extent * after);
        for outer in 0..before {
            for place in 0..*extent {
                let exact = place as f32 / scale;
                let low = (exact as usize).min(own.saturating_sub(1));
                let high = (low + 1).min(own.saturating_sub(1));
                let part = f64::from(exact - low as f32);
                for inner in 0..after {
                    let from = |place: usize| at(&values, (outer * own + place) * after + inner);
                    results.push(from(low)? * (1.0 - part) + from(high)? * part);
                }
            }
        }
        values = results;
        *at_mut(&mut extents, axis)? = *extent;
    }
    Ok(vec![from_doubles(input.datum_type(), shape, values)?.into()])
}

pub(crate) fn space_to_depth_facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let block: usize = node.get_attr("blocksize")?;
    ensure!(block > 0, "blocksize is 0; accepted is 1 or more");
    let [Some(input)] = inputs else { bail!("SpaceToDepth has 1 input") };
    let [batch, channels, height, width] = &*input.shape.to_tvec() else {
        bail!("an input of rank {}; accepted is 4", input.rank())
    };
    let (height, width) = (height.clone() / block, width.clone() / block);
    let channels = channels.clone() * block * block;
    Ok(tvec!(input.datum_type.fact([batch.clone(), channels, height, width])))
}

pub(crate) fn space_to_depth(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let block: usize = call.node.get_attr("blocksize")?;
    let &[batch, channels, height, width] = input.shape() else {
        bail!("an input of rank {}; accepted is 4", input.rank())
    };
    let whole = block > 0 && height % block == 0 && width % block == 0;
    ensure!(whole, "an image of {height} × {width} does not divide into blocks of {block}");
    let order = match call.text("mode", "DCR")?.as_str() {
        "DCR" => [0, 3, 5, 1, 2, 4],
        "CRD" => [0, 1, 3, 5, 2, 4],
        other => bail!("mode is {other:?}; accepted are DCR and CRD"),
    };
    let split = [batch, channels, height / block, block, width / block, block];
    let shape = [batch, channels * block * block, height / block, width / block];
    let tensor = input.clone().into_shape(&split)?.permute_axes(&order)?.into_shape(&shape)?;
    Ok(vec![tensor.into()])
}
