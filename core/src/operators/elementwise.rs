//! Operators on each element:
//! [`BitShift`](https://onnx.ai/onnx/operators/onnx__BitShift.html),
//! [`Swish`](https://onnx.ai/onnx/operators/onnx__Swish.html),
//! [`SwiGLU`](https://onnx.ai/onnx/operators/onnx__SwiGLU.html),
//! [`Celu`](https://onnx.ai/onnx/operators/onnx__Celu.html),
//! [`Softplus`](https://onnx.ai/onnx/operators/onnx__Softplus.html),
//! [`Shrink`](https://onnx.ai/onnx/operators/onnx__Shrink.html) and
//! [`IsInf`](https://onnx.ai/onnx/operators/onnx__IsInf.html). tract answers the first for shifts
//! beyond the width, the second with an `alpha`, the fourth in float16, the fifth beyond 88 and the
//! sixth for integers wrongly; the last fails in some plans.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{
    Call, Facts, Kernels, Value, broadcast, doubles, elements, expand_to, floats, for_integer,
    to_whole, values_of,
};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_planned("BitShift", Facts::Stretched, bit_shift);
    kernels.add_planned("Swish", Facts::Like, swish);
    kernels.add_planned("SwiGLU", Facts::Like, swiglu);
    kernels.add_planned("Celu", Facts::Like, celu);
    kernels.add_planned("Softplus", Facts::Like, softplus);
    kernels.add_planned("Shrink", Facts::Like, shrink);
    kernels.add_planned("IsInf", Facts::By(is_inf_facts), is_inf);
}

/// A float function of each element.
fn map(tensor: &Tensor, function: impl Fn(f32) -> f32) -> TractResult<Tensor> {
    let results = floats(tensor)?.into_iter().map(function).collect::<Vec<_>>();
    Ok(values_of(tensor.shape(), results)?.cast_to_dt(tensor.datum_type())?.into_owned())
}

fn swish(call: &Call) -> TractResult<Vec<Value>> {
    let alpha = call.float("alpha", 1.0)?;
    Ok(vec![map(call.tensor(0)?, |x| x / (1.0 + libm::expf(-alpha * x)))?.into()])
}

fn swiglu(call: &Call) -> TractResult<Vec<Value>> {
    let (a, b) = (call.tensor(0)?, call.tensor(1)?);
    ensure!(
        a.shape() == b.shape() && a.datum_type() == b.datum_type(),
        "inputs of shapes {:?} and {:?}",
        a.shape(),
        b.shape()
    );
    let alpha = call.float("alpha", 1.0)?;
    let pairs = floats(a)?.into_iter().zip(floats(b)?);
    let results: Vec<f32> = pairs.map(|(a, b)| a / (1.0 + libm::expf(-alpha * a)) * b).collect();
    Ok(vec![values_of(a.shape(), results)?.cast_to_dt(a.datum_type())?.into_owned().into()])
}

fn celu(call: &Call) -> TractResult<Vec<Value>> {
    let alpha = call.float("alpha", 1.0)?;
    let celu = |x: f32| x.max(0.0) + (alpha * libm::expm1f(x / alpha)).min(0.0);
    Ok(vec![map(call.tensor(0)?, celu)?.into()])
}

/// `ln(1 + eˣ)`, by an exponential that does not run over.
fn softplus(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    if input.datum_type() == DatumType::F64 {
        let softplus = |x: f64| {
            if x.is_nan() { x } else { x.max(0.0) + libm::log1p(libm::exp(-x.abs())) }
        };
        let values = elements::<f64>(input)?.iter().map(|x| softplus(*x)).collect();
        return Ok(vec![values_of(input.shape(), values)?.into()]);
    }
    Ok(vec![
        map(
            input,
            |x| {
                if x.is_nan() { x } else { x.max(0.0) + libm::log1pf(libm::expf(-x.abs())) }
            },
        )?
        .into(),
    ])
}

/// What is near zero becomes zero, and the rest comes nearer. Integers are cut to whole numbers at the
/// end, as ONNX Runtime does.
fn shrink(call: &Call) -> TractResult<Vec<Value>> {
    let (bias, bound) = (call.float("bias", 0.0)?, call.float("lambd", 0.5)?);
    let (bias, bound) = (f64::from(bias), f64::from(bound));
    let input = call.tensor(0)?;
    let shrink = |x: f64| match x {
        x if x < -bound => x + bias,
        x if x > bound => x - bias,
        _ => 0.0,
    };
    let (datum, values) = (input.datum_type(), doubles(input)?);
    let result = values_of(input.shape(), values.into_iter().map(shrink).collect())?;
    let result = match datum.is_integer() {
        true => to_whole(&result, datum)?,
        false => result.cast_to_dt(datum)?.into_owned(),
    };
    Ok(vec![result.into()])
}

fn is_inf_facts(_: &NodeProto, inputs: &[Option<&TypedFact>]) -> TractResult<TVec<TypedFact>> {
    let input = inputs.first().copied().flatten().context("IsInf lacks its input")?;
    Ok(tvec!(DatumType::Bool.fact(input.shape.clone())))
}

fn is_inf(call: &Call) -> TractResult<Vec<Value>> {
    let (low, high) = (call.flag("detect_negative", true)?, call.flag("detect_positive", true)?);
    let input = call.tensor(0)?;
    let infinite = |x: f64| (high && x == f64::INFINITY) || (low && x == f64::NEG_INFINITY);
    let found: Vec<bool> = doubles(input)?.into_iter().map(infinite).collect();
    Ok(vec![values_of(input.shape(), found)?.into()])
}

/// A distance; what is no distance is as good as the longest.
fn distance_of<T: TryInto<u32>>(distance: T) -> u32 {
    distance.try_into().unwrap_or(u32::MAX)
}

/// Shifts by the width or more, or by less than nothing, leave only the sign.
fn bit_shift(call: &Call) -> TractResult<Vec<Value>> {
    let (a, b) = (call.tensor(0)?, call.tensor(1)?);
    let right = match call.text("direction", "")?.as_str() {
        "RIGHT" => true,
        "LEFT" => false,
        other => bail!("direction is {other:?}; accepted are LEFT and RIGHT"),
    };
    let shape = broadcast(a.shape(), b.shape())?;
    ensure!(a.datum_type() == b.datum_type(), "a shift of {:?}", a.datum_type());
    let (a, b) = (expand_to(a, &shape)?, expand_to(b, &shape)?);
    for_integer!(a.datum_type(), T => {
        let pairs = elements::<T>(&a)?.iter().zip(elements::<T>(&b)?);
        let shifted = pairs.map(|(value, distance)| {
            let distance = distance_of(*distance);
            if right {
                value.checked_shr(distance).unwrap_or(if *value < T::default() { !0 } else { 0 })
            } else {
                value.checked_shl(distance).unwrap_or(0)
            }
        });
        Ok(vec![values_of(&shape, shifted.collect::<Vec<T>>())?.into()])
    })
}
