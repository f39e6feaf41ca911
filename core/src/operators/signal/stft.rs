//! [`STFT`](https://onnx.ai/onnx/operators/onnx__STFT.html), the spectra of a signal's frames.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::fourier::{self, MAX_POINTS};
use super::known;
use crate::operators::kernel::{Call, Value, at, doubles, extent, from_doubles, volume};

/// How a signal is cut.
struct Frames {
    step: usize,
    length: usize,
    onesided: bool,
}

impl Frames {
    /// The frame's length is that of the window, unless it is given.
    fn new(
        node: &NodeProto,
        step: i64,
        length: Option<i64>,
        window: Option<usize>,
    ) -> TractResult<Self> {
        ensure!(step > 0, "a frame_step of {step}; accepted is 1 or more");
        let length = match length {
            Some(length) => extent(length)?,
            None => window.context("neither a window nor a frame_length is given")?,
        };
        let points = 1..=MAX_POINTS;
        ensure!(points.contains(&length), "frames of {length}; accepted are 1 to {MAX_POINTS}");
        let within = window.is_none_or(|window| window <= length);
        ensure!(within, "a window of {} for frames of {length}", window.unwrap_or_default());
        let onesided = node.get_attr_opt::<i64>("onesided")? != Some(0);
        Ok(Self { step: extent(step)?, length, onesided })
    }

    /// How many frequencies a spectrum has.
    fn frequencies(&self) -> usize {
        if self.onesided { self.length / 2 + 1 } else { self.length }
    }

    fn check(&self, points: usize) -> TractResult<()> {
        let length = self.length;
        ensure!(length <= points, "frames of {length} of a signal of {points} points");
        Ok(())
    }
}

/// The shape is told where the step and the length do not arrive later.
pub(super) fn facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let fact = |place: usize| inputs.get(place).copied().flatten();
    let known = |place: usize| known(inputs, place, "the frames' step or length arrives later");
    let signal = fact(0).context("STFT lacks its signal")?;
    let window = fact(2).and_then(|window| window.shape.first()).map(TDim::to_usize);
    let step = known(1)?.context("STFT lacks its frame_step")?;
    let frames = Frames::new(node, step, known(3)?, window.transpose()?)?;
    let [batch, points, _] = &*signal.shape.to_tvec() else {
        bail!("a signal of rank {}; accepted is 3", signal.rank())
    };
    if let Ok(points) = points.to_usize() {
        frames.check(points)?;
    }
    let count = (points.clone() - frames.length) / frames.step + 1;
    let frequencies = frames.frequencies().to_dim();
    Ok(tvec!(signal.datum_type.fact([batch.clone(), count, frequencies, 2.to_dim()])))
}

pub(super) fn stft(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let &[batch, points, parts] = input.shape() else {
        bail!("a signal of rank {}; accepted is 3", input.rank())
    };
    ensure!((1..=2).contains(&parts), "a signal of shape {:?}", input.shape());
    let window = call.optional(2).map(doubles).transpose()?;
    let step = call.integer(1)?.context("STFT lacks its frame_step")?;
    let width = window.as_ref().map(Vec::len);
    let frames = Frames::new(call.node, step, call.integer(3)?, width)?;
    frames.check(points)?;
    let count = (points - frames.length) / frames.step + 1;
    let frequencies = frames.frequencies();
    let shape = [batch, count, frequencies, 2];
    let mut result = Vec::with_capacity(volume(DatumType::F64, &shape)?);
    // A window that is shorter than its frame lies in the middle of it.
    let before = (frames.length - width.unwrap_or(frames.length)) / 2;
    let weight = |place: usize| match &window {
        Some(window) => {
            place.checked_sub(before).and_then(|place| window.get(place)).copied().unwrap_or(0.0)
        }
        None => 1.0,
    };
    let weights: Vec<_> = (0..frames.length).map(weight).collect();
    let values = doubles(input)?;
    let mut frame = Vec::with_capacity(frames.length);
    for (signal, number) in (0..batch).flat_map(|signal| (0..count).map(move |n| (signal, n))) {
        frame.clear();
        for (place, weight) in weights.iter().enumerate() {
            let point = (signal * points + number * frames.step + place) * parts;
            let imaginary = if parts == 2 { at(&values, point + 1)? } else { 0.0 };
            frame.push((at(&values, point)? * weight, imaginary * weight));
        }
        fourier::transform(&mut frame, false);
        let kept = frame.iter().take(frequencies);
        result.extend(kept.flat_map(|(real, imaginary)| [*real, *imaginary]));
    }
    Ok(vec![from_doubles(input.datum_type(), &shape, result)?.into()])
}
