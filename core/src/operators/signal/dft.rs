//! [`DFT`](https://onnx.ai/onnx/operators/onnx__DFT.html), the discrete Fourier transform.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::fourier::{self, MAX_POINTS};
use super::known;
use crate::operators::kernel::{
    Call, Value, around, at, at_mut, axis, doubles, extent, from_doubles, volume,
};

/// The shape is told where the number of points and the axis do not arrive later.
pub(super) fn facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let input = inputs.first().copied().flatten().context("DFT lacks an input")?;
    let known = |place: usize| known(inputs, place, "the points or the axis arrive later");
    let flag = |name: &str| Ok::<_, TractError>(node.get_attr_opt::<i64>(name)? == Some(1));
    let (inverse, onesided) = (flag("inverse")?, flag("onesided")?);
    let given = match known(2)? {
        Some(place) => place,
        None => node.get_attr("axis")?,
    };
    let place = axis(given, input.rank())?;
    ensure!(place + 1 < input.rank(), "the last axis holds the parts of a number");
    let mut shape = input.shape.to_tvec();
    let own = shape.get(place).cloned().context("the axis is missing")?;
    let points = match known(1)? {
        Some(points) => extent(points)?.to_dim(),
        None if inverse && onesided => (own - 1) * 2,
        None => own,
    };
    let kept = if onesided && !inverse { points / 2 + 1 } else { points };
    *at_mut(&mut shape, place)? = kept;
    if let Some(parts) = shape.last_mut() {
        *parts = if onesided && inverse { 1.to_dim() } else { 2.to_dim() };
    }
    Ok(tvec!(input.datum_type.fact(shape)))
}

pub(super) fn dft(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let (inverse, onesided) = (call.flag("inverse", false)?, call.flag("onesided", false)?);
    let place = if call.opset < 20 { call.int("axis", 1)? } else { call.integer(2)?.unwrap_or(-2) };
    let rank = input.rank();
    let place = axis(place, rank)?;
    let parts = input.shape().last().copied().unwrap_or(0);
    ensure!(place + 1 < rank && (1..=2).contains(&parts), "an input of shape {:?}", input.shape());
    let signal_shape = input.shape().get(..rank - 1).unwrap_or_default();
    let (before, given, after) = around(signal_shape, place);
    let points = match call.integer(1)? {
        Some(points) => extent(points)?,
        None if inverse && onesided => 2 * given.saturating_sub(1),
        None => given,
    };
    ensure!((1..=MAX_POINTS).contains(&points), "a transform of {points} points");
    let kept = if onesided && !inverse { points / 2 + 1 } else { points };
    let out_parts = if onesided && inverse { 1 } else { 2 };
    let mut shape = signal_shape.to_vec();
    *at_mut(&mut shape, place)? = kept;
    shape.push(out_parts);
    let mut result = vec![0.0; volume(DatumType::F64, &shape)?];
    let values = doubles(input)?;
    for outer in 0..before {
        for inner in 0..after {
            let number = |place: usize, part: usize| {
                let row = (outer * given + place) * after + inner;
                if place < given && part < parts {
                    at(&values, row * parts + part)
                } else {
                    Ok(0.0)
                }
            };
            let mut signal = Vec::with_capacity(points);
            for place in 0..points {
                // One side of a spectrum stands for both.
                let mirrored = onesided && inverse && place > points / 2;
                let from = if mirrored { points - place } else { place };
                let imaginary = number(from, 1)?;
                signal.push((number(from, 0)?, if mirrored { -imaginary } else { imaginary }));
            }
            fourier::transform(&mut signal, inverse);
            let size = if inverse { points as f64 } else { 1.0 };
            for (frequency, (real, imaginary)) in signal.iter().take(kept).enumerate() {
                let row = ((outer * kept + frequency) * after + inner) * out_parts;
                *at_mut(&mut result, row)? = real / size;
                if out_parts == 2 {
                    *at_mut(&mut result, row + 1)? = imaginary / size;
                }
            }
        }
    }
    Ok(vec![from_doubles(input.datum_type(), &shape, result)?.into()])
}
