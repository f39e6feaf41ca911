//! [`Upsample`](https://onnx.ai/onnx/operators/onnx__Upsample.html), which opset 10 replaced by
//! Resize, to the nearest element; and
//! [`SpaceToDepth`](https://onnx.ai/onnx/operators/onnx__SpaceToDepth.html) in both modes.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, each_index, elements, for_type, offset, pick, strides, values_of, volume,
};

pub(crate) fn upsample(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let mode = call.text("mode", "nearest")?;
    ensure!(mode == "nearest", "mode is {mode:?}; accepted is nearest");
    let scales = match call.floats(1)? {
        Some(scales) => scales,
        None => call.node.get_attr_opt_vec("scales")?.context("the scales are missing")?,
    };
    ensure!(scales.len() == input.rank(), "{} scales for rank {}", scales.len(), input.rank());
    ensure!(scales.iter().all(|scale| *scale >= 1.0), "scales are 1 or more");
    let pairs = input.shape().iter().zip(&scales);
    let shape: Vec<_> =
        pairs.map(|(own, scale)| libm::floorf(*own as f32 * scale) as usize).collect();
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
