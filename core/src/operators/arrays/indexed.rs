//! Operators that take or put elements where indices say:
//! [`GatherElements`](https://onnx.ai/onnx/operators/onnx__GatherElements.html),
//! [`GatherND`](https://onnx.ai/onnx/operators/onnx__GatherND.html),
//! [`ScatterElements`](https://onnx.ai/onnx/operators/onnx__ScatterElements.html) and
//! [`ScatterND`](https://onnx.ai/onnx/operators/onnx__ScatterND.html).
//!
//! An index outside of its axis is an error. tract crashes on it.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Number, Value, around, at, axis, each_index, elements, for_number, for_type, integers,
    offset, pick, strides, values_of, volume,
};

/// A place along an axis, counted from its start or, if negative, from its end.
fn place(index: i64, extent: usize) -> TractResult<usize> {
    let counted = if index < 0 { index.saturating_add(i64::try_from(extent)?) } else { index };
    let inside = usize::try_from(counted).ok().filter(|place| *place < extent);
    inside.with_context(|| format!("the index {index} lies outside of an axis of {extent}"))
}

pub(crate) fn gather_elements_facts(
    _: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let [Some(data), Some(indices)] = inputs else { bail!("GatherElements has 2 inputs") };
    Ok(tvec!(data.datum_type.fact(indices.shape.clone())))
}

pub(crate) fn gather_elements(call: &Call) -> TractResult<Vec<Value>> {
    let (data, indices) = (call.tensor(0)?, call.tensor(1)?);
    let along = element_axis(call, data, indices)?;
    let steps = strides(data.shape());
    let extent = at(data.shape(), along)?;
    let mut list = integers(indices)?.into_iter();
    for_type!(data.datum_type(), T => {
        let values = elements::<T>(data)?;
        let mut result = Vec::with_capacity(volume(T::datum_type(), indices.shape())?);
        each_index(indices.shape(), |index| {
            let from = place(list.next().context("too few indices")?, extent)?;
            let from = moved(index, along, from, &steps)?;
            result.push(pick(values, from)?);
            Ok(())
        })?;
        Ok(vec![values_of(indices.shape(), result)?.into()])
    })
}

/// The axis of operators whose indices have the rank of the data and lie within it elsewhere.
fn element_axis(call: &Call, data: &Tensor, indices: &Tensor) -> TractResult<usize> {
    let along = axis(call.int("axis", 0)?, data.rank())?;
    let pairs = data.shape().iter().zip(indices.shape()).enumerate();
    let mut inside = pairs.map(|(axis, (data, index))| axis == along || index <= data);
    ensure!(
        data.rank() == indices.rank() && inside.all(|inside| inside),
        "indices of shape {:?} for data of {:?}",
        indices.shape(),
        data.shape()
    );
    Ok(along)
}

/// Where the element at `index` lies, if its place along one axis is another.
fn moved(index: &[usize], along: usize, to: usize, steps: &[usize]) -> TractResult<usize> {
    let step = at(steps, along)?;
    Ok(offset(index, steps) - at(index, along)? * step + to * step)
}

pub(crate) fn gather_nd_facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let [Some(data), Some(indices)] = inputs else { bail!("GatherND has 2 inputs") };
    let batch: usize = node.get_attr_opt("batch_dims")?.unwrap_or(0);
    let (last, outer) = indices.shape.split_last().context("indices without an axis")?;
    let depth = last.to_usize().context("how many axes an index has arrives later")?;
    ensure!(batch + depth <= data.rank(), "an index of {depth} axes for rank {}", data.rank());
    let rest = data.shape.iter().skip(batch + depth);
    Ok(tvec!(data.datum_type.fact(outer.iter().chain(rest).cloned().collect::<TVec<TDim>>())))
}

pub(crate) fn gather_nd(call: &Call) -> TractResult<Vec<Value>> {
    let (data, indices) = (call.tensor(0)?, call.tensor(1)?);
    let batch = usize::try_from(call.int("batch_dims", 0)?).context("batch_dims is negative")?;
    let (depth, outer) = indices.shape().split_last().context("indices without an axis")?;
    let fits = batch + depth <= data.rank()
        && batch <= outer.len()
        && data.shape().get(..batch) == outer.get(..batch);
    ensure!(fits, "indices of shape {:?} for data of {:?}", indices.shape(), data.shape());
    let rest = data.shape().get(batch + depth..).unwrap_or_default();
    let size: usize = rest.iter().product();
    let mut shape = outer.to_vec();
    shape.extend_from_slice(rest);
    let steps = strides(data.shape());
    let list = integers(indices)?;
    let count: usize = outer.iter().product();
    let batches: usize = outer.iter().take(batch).product();
    let block: usize = data.shape().iter().skip(batch).product();
    for_type!(data.datum_type(), T => {
        let values = elements::<T>(data)?;
        let mut result: Vec<T> = Vec::with_capacity(volume(T::datum_type(), &shape)?);
        for number in 0..count {
            let mut from = number / (count / batches) * block;
            let index = list.get(number * depth..(number + 1) * depth).context("too few indices")?;
            for (step, index) in index.iter().enumerate() {
                let extent = at(data.shape(), batch + step)?;
                from += place(*index, extent)? * at(&steps, batch + step)?;
            }
            result.extend_from_slice(values.get(from..from + size).context("outside")?);
        }
        Ok(vec![values_of(&shape, result)?.into()])
    })
}

/// What becomes of an element that another one is put on.
#[derive(Clone, Copy, PartialEq)]
enum Reduction {
    Replace,
    Add,
    Multiply,
    Greatest,
    Least,
}

impl Reduction {
    fn read(call: &Call) -> TractResult<Self> {
        Ok(match call.text("reduction", "none")?.as_str() {
            "none" => Self::Replace,
            "add" => Self::Add,
            "mul" => Self::Multiply,
            "max" => Self::Greatest,
            "min" => Self::Least,
            other => bail!("reduction is {other:?}; accepted are none, add, mul, max and min"),
        })
    }

    fn apply<T: Number>(self, old: T, new: T) -> T {
        match self {
            Self::Replace => new,
            Self::Add => old.plus(new),
            Self::Multiply => old.times(new),
            Self::Greatest => old.greater(new),
            Self::Least => old.lesser(new),
        }
    }
}

/// Puts elements at places of the data, in their order.
fn put(call: &Call, places: &[usize]) -> TractResult<Vec<Value>> {
    let (data, updates) = (call.tensor(0)?, call.tensor(2)?);
    ensure!(data.datum_type() == updates.datum_type(), "updates of another type");
    let reduction = Reduction::read(call)?;
    if reduction == Reduction::Replace {
        return for_type!(data.datum_type(), T => {
            let mut result = elements::<T>(data)?.to_vec();
            for (place, value) in places.iter().zip(elements::<T>(updates)?.iter().cloned()) {
                *result.get_mut(*place).context("outside of the data")? = value;
            }
            Ok(vec![values_of(data.shape(), result)?.into()])
        });
    }
    for_number!(data.datum_type(), T => {
        let mut result = elements::<T>(data)?.to_vec();
        for (place, value) in places.iter().zip(elements::<T>(updates)?) {
            let target = result.get_mut(*place).context("outside of the data")?;
            *target = reduction.apply(*target, *value);
        }
        Ok(vec![values_of(data.shape(), result)?.into()])
    })
}

pub(crate) fn scatter_elements(call: &Call) -> TractResult<Vec<Value>> {
    let (data, indices) = (call.tensor(0)?, call.tensor(1)?);
    let along = element_axis(call, data, indices)?;
    ensure!(indices.shape() == call.tensor(2)?.shape(), "an update belongs to each index");
    let steps = strides(data.shape());
    let extent = at(data.shape(), along)?;
    let mut list = integers(indices)?.into_iter();
    let mut places = Vec::with_capacity(indices.len());
    each_index(indices.shape(), |index| {
        let to = place(list.next().context("too few indices")?, extent)?;
        places.push(moved(index, along, to, &steps)?);
        Ok(())
    })?;
    put(call, &places)
}

pub(crate) fn scatter_nd(call: &Call) -> TractResult<Vec<Value>> {
    let (data, indices) = (call.tensor(0)?, call.tensor(1)?);
    let (depth, outer) = indices.shape().split_last().context("indices without an axis")?;
    ensure!(*depth <= data.rank(), "an index of {depth} axes for rank {}", data.rank());
    let rest = data.shape().get(*depth..).unwrap_or_default();
    let expected = outer.iter().chain(rest);
    ensure!(expected.eq(call.tensor(2)?.shape()), "updates of another shape");
    let (_, _, size) = around(data.shape(), depth.wrapping_sub(1));
    let size = if *depth == 0 { data.len() } else { size };
    let steps = strides(data.shape());
    let list = integers(indices)?;
    let mut places = Vec::with_capacity(call.tensor(2)?.len());
    for number in 0..outer.iter().product() {
        let index = list.get(number * depth..(number + 1) * depth).context("too few indices")?;
        let mut to = 0;
        for (step, index) in index.iter().enumerate() {
            to += place(*index, at(data.shape(), step)?)? * at(&steps, step)?;
        }
        places.extend(to..to + size);
    }
    put(call, &places)
}
