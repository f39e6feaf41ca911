//! Reductions that tract answers wrongly for some values:
//! [`ReduceMax`](https://onnx.ai/onnx/operators/onnx__ReduceMax.html) and
//! [`ReduceMin`](https://onnx.ai/onnx/operators/onnx__ReduceMin.html), where it begins with the least
//! finite float in the place of −∞, and does not take bools; and
//! [`ReduceLogSumExp`](https://onnx.ai/onnx/operators/onnx__ReduceLogSumExp.html), whose exponentials
//! run over: the greatest value is subtracted before and added after.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{
    Call, Facts, Kernels, Number, Value, at, at_mut, axes, each_index, elements, for_number,
    integers, offset, strides, values_of, volume,
};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_planned("ReduceMax", Facts::By(facts), |call| reduce(call, true));
    kernels.add_planned("ReduceMin", Facts::By(facts), |call| reduce(call, false));
    kernels.add_planned("ReduceLogSumExp", Facts::By(facts), log_sum_exp);
}

/// The axes that go: all if none are named, unless the node says that then none goes.
fn reduced(node: &NodeProto, given: Option<Vec<i64>>, rank: usize) -> TractResult<Vec<usize>> {
    let listed = match given {
        Some(axes) => Some(axes),
        None => node.get_attr_opt_vec::<i64>("axes")?,
    };
    match listed.filter(|axes| !axes.is_empty()) {
        Some(listed) => axes(&listed, rank),
        None if node.get_attr_opt::<i64>("noop_with_empty_axes")? == Some(1) => Ok(Vec::new()),
        None => Ok((0..rank).collect()),
    }
}

/// The type and the shape of what a reduction gives.
pub(super) fn facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let input = inputs.first().copied().flatten().context("there is no input")?;
    let given = match inputs.get(1).copied().flatten() {
        Some(fact) => Some(integers(fact.konst.as_ref().context("the axes arrive later")?)?),
        None => None,
    };
    let axes = reduced(node, given, input.rank())?;
    let keep = node.get_attr_opt::<i64>("keepdims")? != Some(0);
    let mut shape = TVec::new();
    for (axis, dim) in input.shape.iter().enumerate() {
        match axes.contains(&axis) {
            true if keep => shape.push(1.to_dim()),
            true => {}
            false => shape.push(dim.clone()),
        }
    }
    Ok(tvec!(input.datum_type.fact(shape)))
}

/// Where the values of a reduction go.
struct Plan {
    /// The input's shape with 1 for the axes that go.
    kept: Vec<usize>,
    /// How far apart two results are along each axis; 0 along one that goes.
    steps: Vec<usize>,
    /// The output's shape.
    shape: Vec<usize>,
}

impl Plan {
    fn of(call: &Call) -> TractResult<Self> {
        let input = call.tensor(0)?;
        let axes = reduced(call.node, call.integers(1)?, input.rank())?;
        let keep = call.flag("keepdims", true)?;
        let kept = input.shape().iter().enumerate();
        let kept: Vec<_> =
            kept.map(|(axis, extent)| if axes.contains(&axis) { 1 } else { *extent }).collect();
        let whole = kept.iter().enumerate().filter(|(axis, _)| keep || !axes.contains(axis));
        let shape = whole.map(|(_, extent)| *extent).collect();
        let mut steps = strides(&kept);
        for (axis, step) in steps.iter_mut().enumerate() {
            if axes.contains(&axis) {
                *step = 0;
            }
        }
        Ok(Self { kept, steps, shape })
    }
}

fn reduce(call: &Call, greatest: bool) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let Plan { kept, steps, shape } = Plan::of(call)?;
    if input.datum_type() == DatumType::Bool {
        let bytes = input.cast_to::<u8>()?;
        let start = if greatest { 0_u8 } else { 1 };
        let result =
            fold(&bytes, &kept, &steps, start, |a, b| if greatest { a.max(b) } else { a.min(b) })?;
        return Ok(vec![values_of(&shape, result)?.cast_to::<bool>()?.into_owned().into()]);
    }
    for_number!(input.datum_type(), T => {
        let start = if greatest { T::LOWEST } else { T::HIGHEST };
        let combine = if greatest { T::greater } else { T::lesser };
        let result = fold(input, &kept, &steps, start, combine)?;
        Ok(vec![values_of(&shape, result)?.into()])
    })
}

fn log_sum_exp(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let Plan { kept, steps, shape } = Plan::of(call)?;
    let wide = input.cast_to::<f64>()?;
    let mut greatest = fold(&wide, &kept, &steps, f64::NEG_INFINITY, Number::greater)?;
    for value in greatest.iter_mut().filter(|value| value.is_infinite()) {
        // Nothing runs over here, and infinity less infinity is no number.
        *value = 0.0;
    }
    let mut sums = vec![0.0; greatest.len()];
    let mut values = elements::<f64>(&wide)?.iter();
    each_index(wide.shape(), |index| {
        let value = values.next().context("too few values")?;
        let place = offset(index, &steps);
        *at_mut(&mut sums, place)? += libm::exp(value - at(&greatest, place)?);
        Ok(())
    })?;
    let logarithms = sums.iter().zip(&greatest).map(|(sum, greatest)| libm::log(*sum) + greatest);
    let result = values_of(&shape, logarithms.collect())?;
    Ok(vec![result.cast_to_dt(input.datum_type())?.into_owned().into()])
}

fn fold<T: Datum + Copy>(
    input: &Tensor,
    kept: &[usize],
    steps: &[usize],
    start: T,
    combine: impl Fn(T, T) -> T,
) -> TractResult<Vec<T>> {
    let mut result = vec![start; volume(T::datum_type(), kept)?];
    let mut values = elements::<T>(input)?.iter();
    each_index(input.shape(), |index| {
        let value = values.next().context("too few values")?;
        let target = at_mut(&mut result, offset(index, steps))?;
        *target = combine(*target, *value);
        Ok(())
    })?;
    Ok(result)
}
