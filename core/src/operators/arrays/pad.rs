//! [`Pad`](https://onnx.ai/onnx/operators/onnx__Pad.html) in all modes, where a graph is run node by
//! node. A negative padding cuts off.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, at, at_mut, axis, each_index, elements, for_type, pick, strides, values_of, volume,
};

/// What stands where the input has nothing.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Constant,
    Edge,
    Reflect,
    Wrap,
}

pub(crate) fn pad(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let mode = match call.text("mode", "constant")?.as_str() {
        "constant" => Mode::Constant,
        "edge" => Mode::Edge,
        "reflect" => Mode::Reflect,
        "wrap" => Mode::Wrap,
        other => bail!("mode is {other:?}; accepted are constant, edge, reflect and wrap"),
    };
    let rank = input.rank();
    let given = match call.integers(1)? {
        Some(pads) => pads,
        None => call.ints("pads")?.context("the paddings are missing")?,
    };
    let axes = match call.integers(3)? {
        Some(axes) => {
            axes.into_iter().map(|place| axis(place, rank)).collect::<TractResult<_>>()?
        }
        None => (0..rank).collect::<Vec<_>>(),
    };
    ensure!(given.len() == 2 * axes.len(), "{} paddings for {} axes", given.len(), axes.len());
    let mut before = vec![0_i64; rank];
    let mut shape = input.shape().to_vec();
    for (place, axis) in axes.iter().enumerate() {
        let (front, back) = (at(&given, place)?, at(&given, axes.len() + place)?);
        let own = i64::try_from(at(&shape, *axis)?)?;
        let new = own.checked_add(front).and_then(|sum| sum.checked_add(back));
        let new = new.and_then(|new| usize::try_from(new).ok());
        *at_mut(&mut shape, *axis)? = new.context("an axis of negative length")?;
        *at_mut(&mut before, *axis)? = front;
    }
    let steps = strides(input.shape());
    // For each axis and place, the place in the input.
    let mut places = Vec::with_capacity(rank);
    for ((new, own), front) in shape.iter().zip(input.shape()).zip(&before) {
        let new = i64::try_from(*new)?;
        places.push((0..new).map(|to| source(mode, to - front, *own)).collect::<Vec<_>>());
    }
    for_type!(input.datum_type(), T => {
        let values = elements::<T>(input)?;
        let fill = fill::<T>(call)?;
        let mut result = Vec::with_capacity(volume(T::datum_type(), &shape)?);
        each_index(&shape, |index| {
            let mut from = Some(0);
            for ((place, sources), step) in index.iter().zip(&places).zip(&steps) {
                let source = sources.get(*place).copied().flatten();
                from = from.zip(source).map(|(from, source)| from + source * step);
            }
            result.push(match from {
                Some(from) => pick(values, from)?,
                None => pick(&fill, 0)?,
            });
            Ok(())
        })?;
        Ok(vec![values_of(&shape, result)?.into()])
    })
}

/// The one element that stands outside.
fn fill<T: Datum + Default>(call: &Call) -> TractResult<[T; 1]> {
    let given = match (call.optional(2), call.node.get_attr_opt::<f32>("value")?) {
        (Some(given), _) => Some(given.cast_to::<T>()?.into_owned()),
        (None, Some(value)) => Some(tensor0(value).cast_to::<T>()?.into_owned()),
        (None, None) => None,
    };
    let Some(given) = given else { return Ok([T::default()]) };
    ensure!(given.len() == 1, "{} elements to pad with, accepted is 1", given.len());
    Ok([pick(elements::<T>(&given)?, 0)?])
}

/// The place in the input that a place before, in or behind it takes its element from.
fn source(mode: Mode, place: i64, extent: usize) -> Option<usize> {
    let extent = i64::try_from(extent).ok().filter(|extent| *extent > 0)?;
    let inside = match mode {
        _ if (0..extent).contains(&place) => place,
        Mode::Constant => return None,
        Mode::Edge => place.clamp(0, extent - 1),
        Mode::Wrap => place.rem_euclid(extent),
        Mode::Reflect if extent == 1 => 0,
        Mode::Reflect => {
            let period = 2 * (extent - 1);
            let there = place.rem_euclid(period);
            there.min(period - there)
        }
    };
    usize::try_from(inside).ok()
}
