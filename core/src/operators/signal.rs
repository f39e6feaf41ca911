//! [`DFT`](https://onnx.ai/onnx/operators/onnx__DFT.html), the discrete Fourier transform, and
//! [`Det`](https://onnx.ai/onnx/operators/onnx__Det.html), the determinant.
//!
//! Both are calculated in binary64.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::ops::fft::Fft;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{
    Call, Facts, Kernels, Value, around, at, at_mut, axis, doubles, extent, from_doubles, volume,
};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_planned("DFT", Facts::By(dft_facts), dft);
    kernels.add("Det", determinant);
}

/// A transform of this many points costs its square.
const MAX_POINTS: usize = 1 << 15;

/// The shape is told where the number of points and the axis do not arrive later.
fn dft_facts(node: &NodeProto, inputs: &[Option<&TypedFact>]) -> TractResult<TVec<TypedFact>> {
    let input = inputs.first().copied().flatten().context("DFT lacks an input")?;
    let known = |place: usize| -> TractResult<Option<i64>> {
        let Some(fact) = inputs.get(place).copied().flatten() else { return Ok(None) };
        let constant = fact.konst.as_ref().context("the points or the axis arrive later")?;
        Ok(Some(constant.cast_to_scalar::<i64>()?))
    };
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

fn dft(call: &Call) -> TractResult<Vec<Value>> {
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
    if inverse && !onesided && points == given && parts == 2 && input.datum_type() == DatumType::F32
    {
        return fast_inverse(input, place, points);
    }
    let kept = if onesided && !inverse { points / 2 + 1 } else { points };
    let out_parts = if onesided && inverse { 1 } else { 2 };
    let mut shape = signal_shape.to_vec();
    *at_mut(&mut shape, place)? = kept;
    shape.push(out_parts);
    let mut result = vec![0.0; volume(DatumType::F64, &shape)?];
    let values = doubles(input)?;
    let angle = |step: usize| 2.0 * std::f64::consts::PI * step as f64 / points as f64;
    let circle: Vec<_> = (0..points).map(|step| libm::sincos(angle(step))).collect();
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
            for frequency in 0..kept {
                let (mut real, mut imaginary) = (0.0, 0.0);
                for (time, (a, b)) in signal.iter().enumerate() {
                    let (sine, cosine) = at(&circle, frequency * time % points)?;
                    let sine = if inverse { sine } else { -sine };
                    real += a * cosine - b * sine;
                    imaginary += a * sine + b * cosine;
                }
                let size = if inverse { points as f64 } else { 1.0 };
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

/// tract's transform, whose steps are `n log n`, and which leaves the division by `n` to others.
fn fast_inverse(input: &Tensor, axis: usize, points: usize) -> TractResult<Vec<Value>> {
    let inputs = tvec!(input.clone().into_tvalue());
    let outputs = Fft { axis, inverse: true }.eval(&EvalContext::out_of_plan(), inputs)?;
    let output = outputs.into_iter().next().context("the transform gives nothing")?;
    let sums = super::kernel::floats(&output)?.into_iter();
    let scaled = sums.map(|sum| sum / points as f32).collect::<Vec<_>>();
    Ok(vec![super::kernel::values_of(input.shape(), scaled)?.into()])
}

fn determinant(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let Some((batch, &[size, columns])) = input.shape().split_last_chunk() else {
        bail!("an input of rank {}; accepted is 2 or more", input.rank())
    };
    ensure!(size == columns, "matrices of {size} × {columns} are not square");
    let values = doubles(input)?;
    let count = batch.iter().product();
    let mut results = Vec::with_capacity(count);
    for number in 0..count {
        let matrix = values.iter().skip(number * size * size).take(size * size);
        results.push(eliminate(&mut matrix.copied().collect::<Vec<_>>(), size)?);
    }
    Ok(vec![from_doubles(input.datum_type(), batch, results)?.into()])
}

/// The determinant by elimination with the largest pivot.
fn eliminate(matrix: &mut [f64], size: usize) -> TractResult<f64> {
    let mut determinant = 1.0;
    for step in 0..size {
        let mut pivot = step;
        for row in step..size {
            if at(matrix, row * size + step)?.abs() > at(matrix, pivot * size + step)?.abs() {
                pivot = row;
            }
        }
        if pivot != step {
            (0..size).for_each(|column| matrix.swap(pivot * size + column, step * size + column));
            determinant = -determinant;
        }
        let diagonal = at(matrix, step * size + step)?;
        determinant *= diagonal;
        if diagonal == 0.0 {
            return Ok(0.0);
        }
        for row in step + 1..size {
            let factor = at(matrix, row * size + step)? / diagonal;
            for column in step..size {
                let above = at(matrix, step * size + column)?;
                *at_mut(matrix, row * size + column)? -= factor * above;
            }
        }
    }
    Ok(determinant)
}
