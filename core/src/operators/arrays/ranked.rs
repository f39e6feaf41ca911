//! The places of the greatest and least elements along an axis:
//! [`TopK`](https://onnx.ai/onnx/operators/onnx__TopK.html),
//! [`ArgMax`](https://onnx.ai/onnx/operators/onnx__ArgMax.html),
//! [`ArgMin`](https://onnx.ai/onnx/operators/onnx__ArgMin.html) and
//! [`Hardmax`](https://onnx.ai/onnx/operators/onnx__Hardmax.html), which has a 1 at the first one.
//!
//! Among equals the first one comes first. NaN is what tract has no order for: here `TopK` takes it
//! last, whichever end is asked for, and it wins no comparison in `ArgMax` and `ArgMin`, so that it
//! is their answer only where it comes first. ONNX Runtime does the same.

use std::cmp::Ordering;

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::order::first_places;
use crate::operators::kernel::{
    Call, Number, Value, around, at, at_mut, axis, elements, extent, for_number, integers,
    values_of, volume,
};

/// The axis of a node.
fn axis_of(node: &NodeProto, default: i64, rank: usize) -> TractResult<usize> {
    axis(node.get_attr_opt("axis")?.unwrap_or(default), rank)
}

/// How many elements a `TopK` gives: before version 10 an attribute says so.
fn count(node: &NodeProto, given: Option<Vec<i64>>) -> TractResult<usize> {
    match given.as_deref() {
        Some([count]) => extent(*count),
        Some(counts) => bail!("k has {} values, not 1", counts.len()),
        None => extent(node.get_attr("k")?),
    }
}

pub(super) fn top_facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let input = inputs.first().copied().flatten().context("TopK lacks its input")?;
    let given = match inputs.get(1).copied().flatten() {
        Some(fact) => Some(integers(fact.konst.as_ref().context("k arrives later")?)?),
        None => None,
    };
    let mut shape = input.shape.clone();
    shape.set(axis_of(node, -1, input.rank())?, count(node, given)?.to_dim());
    Ok(tvec!(input.datum_type.fact(shape.clone()), DatumType::I64.fact(shape)))
}

/// Which of two elements comes first: the better one, numbers before NaN.
fn rank<T: PartialOrd>(a: T, b: T, greatest: bool) -> Ordering {
    match a.partial_cmp(&b) {
        Some(order) if greatest => order.reverse(),
        Some(order) => order,
        None => is_nan(&a).cmp(&is_nan(&b)),
    }
}

/// What has no order to itself is NaN.
fn is_nan<T: PartialOrd>(value: &T) -> bool {
    value.partial_cmp(value).is_none()
}

pub(super) fn top(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let axis = axis_of(call.node, -1, input.rank())?;
    let count = count(call.node, call.integers(1)?)?;
    let greatest = call.flag("largest", true)?;
    let (before, along, after) = around(input.shape(), axis);
    ensure!(count <= along, "k is {count}, and there are {along} elements");
    let mut shape = input.shape().to_vec();
    *shape.get_mut(axis).context("no such axis")? = count;
    let size = volume(DatumType::I64, &shape)?;
    for_number!(input.datum_type(), T => {
        let all = elements::<T>(input)?;
        let (mut values, mut places) = (vec![T::ZERO; size], vec![0_i64; size]);
        let mut row = Vec::with_capacity(along);
        for (outer, inner) in (0..before).flat_map(|o| (0..after).map(move |i| (o, i))) {
            row.clear();
            for place in 0..along {
                row.push(at(all, (outer * along + place) * after + inner)?);
            }
            let value = |place: usize| row.get(place).copied().unwrap_or(T::ZERO);
            let first = first_places(along, count, &|a, b| rank(value(a), value(b), greatest));
            for (number, place) in first.into_iter().enumerate() {
                let target = (outer * count + number) * after + inner;
                *at_mut(&mut values, target)? = value(place);
                *at_mut(&mut places, target)? = i64::try_from(place)?;
            }
        }
        Ok(vec![values_of(&shape, values)?.into(), values_of(&shape, places)?.into()])
    })
}

pub(super) fn best_facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let input = inputs.first().copied().flatten().context("there is no input")?;
    let axis = axis_of(node, 0, input.rank())?;
    let mut shape = input.shape.to_tvec();
    if node.get_attr_opt::<i64>("keepdims")? == Some(0) {
        shape.remove(axis);
    } else {
        *shape.get_mut(axis).context("no such axis")? = 1.to_dim();
    }
    Ok(tvec!(DatumType::I64.fact(shape)))
}

pub(super) fn greatest(call: &Call) -> TractResult<Vec<Value>> {
    best(call, true)
}

pub(super) fn least(call: &Call) -> TractResult<Vec<Value>> {
    best(call, false)
}

/// The place of the element that no later one beats.
fn best_of<T: Copy>(
    along: usize,
    element: impl Fn(usize) -> TractResult<T>,
    beats: impl Fn(T, T) -> bool,
) -> TractResult<usize> {
    let mut best = (0, element(0)?);
    for place in 1..along {
        let value = element(place)?;
        if beats(value, best.1) {
            best = (place, value);
        }
    }
    Ok(best.0)
}

fn best(call: &Call, greatest: bool) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let axis = axis_of(call.node, 0, input.rank())?;
    let last = call.flag("select_last_index", false)?;
    let (before, along, after) = around(input.shape(), axis);
    ensure!(along > 0, "an axis without elements has no greatest and no least");
    let mut shape = input.shape().to_vec();
    if call.flag("keepdims", true)? {
        *shape.get_mut(axis).context("no such axis")? = 1;
    } else {
        shape.remove(axis);
    }
    let mut places = Vec::with_capacity(volume(DatumType::I64, &shape)?);
    for_number!(input.datum_type(), T => {
        let all = elements::<T>(input)?;
        let beats = |new: T, old: T| {
            let better = if greatest { new > old } else { new < old };
            better || (last && new == old)
        };
        for (outer, inner) in (0..before).flat_map(|o| (0..after).map(move |i| (o, i))) {
            let element = |place: usize| at(all, (outer * along + place) * after + inner);
            places.push(i64::try_from(best_of(along, element, beats)?)?);
        }
        Ok(vec![values_of(&shape, places)?.into()])
    })
}

pub(super) fn hardmax(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let shape = input.shape();
    let flat = call.opset < 13;
    let axis = axis_of(call.node, if flat { 1 } else { -1 }, input.rank())?;
    let (before, mut along, mut after) = around(shape, axis);
    if flat {
        (along, after) = (along * after, 1);
    }
    let size = volume(input.datum_type(), shape)?;
    for_number!(input.datum_type(), T => {
        let all = elements::<T>(input)?;
        let mut values = vec![T::ZERO; size];
        let rows = (0..before).flat_map(|outer| (0..after).map(move |inner| (outer, inner)));
        for (outer, inner) in rows.filter(|_| size > 0) {
            let target = |place: usize| (outer * along + place) * after + inner;
            let best = best_of(along, |place| at(all, target(place)), |new, old| new > old)?;
            *at_mut(&mut values, target(best))? = T::ONE;
        }
        Ok(vec![values_of(shape, values)?.into()])
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn run(operator: &str, row: &[f32], k: Option<i64>) -> Vec<Vec<i64>> {
        let node = NodeProto {
            op_type: operator.into(),
            input: vec!["x".into(), "k".into()],
            ..NodeProto::default()
        };
        let mut inputs = vec![Some(Value::from(tensor1(row)))];
        inputs.extend(k.map(|k| Some(Value::from(tensor1(&[k])))));
        let call = Call { node: &node, opset: 18, inputs: &inputs };
        let outputs = match operator {
            "TopK" => top(&call),
            "ArgMax" => greatest(&call),
            _ => least(&call),
        };
        outputs.unwrap().iter().map(|value| integers(&value.tensor).unwrap()).collect()
    }

    #[test]
    fn nan_comes_last() {
        let row = [f32::NAN, 2.0, -f32::NAN, 5.0, 5.0];
        assert_eq!(run("TopK", &row, Some(4)).pop().unwrap(), [3, 4, 1, 0]);
        assert_eq!(run("TopK", &[f32::NAN; 4], Some(2)).pop().unwrap(), [0, 1]);
    }

    #[test]
    fn nan_wins_nothing() {
        assert_eq!(run("ArgMax", &[1.0, f32::NAN, 3.0], None), [[2]]);
        assert_eq!(run("ArgMin", &[1.0, f32::NAN, 3.0], None), [[0]]);
        assert_eq!(run("ArgMax", &[f32::NAN, 1.0], None), [[0]]);
    }
}
