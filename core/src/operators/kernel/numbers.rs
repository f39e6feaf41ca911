//! What most kernels need: axes, strides, broadcasting, and loops over elements of any type.

use tract_onnx::tract_hir::internal::*;

pub(crate) use super::call::{floats, integers};
pub(crate) use super::value::volume;

/// An axis counted from the start, or from the end if it is negative.
pub(crate) fn axis(axis: i64, rank: usize) -> TractResult<usize> {
    let extent = i64::try_from(rank)?;
    let counted = if axis < 0 { axis.checked_add(extent) } else { Some(axis) };
    let inside = counted.filter(|axis| (0..extent).contains(axis));
    let place = inside.with_context(|| format!("the axis {axis} lies outside of rank {rank}"))?;
    Ok(usize::try_from(place)?)
}

/// Several axes, each once, sorted.
pub(crate) fn axes(list: &[i64], rank: usize) -> TractResult<Vec<usize>> {
    let mut axes = list.iter().map(|place| axis(*place, rank)).collect::<TractResult<Vec<_>>>()?;
    axes.sort_unstable();
    ensure!(axes.windows(2).all(|pair| pair.first() != pair.last()), "an axis is given twice");
    Ok(axes)
}

/// An extent from the file or from a caller.
pub(crate) fn extent(value: i64) -> TractResult<usize> {
    usize::try_from(value).with_context(|| format!("{value} is not an extent"))
}

/// Several extents.
pub(crate) fn extents(values: &[i64]) -> TractResult<Vec<usize>> {
    values.iter().map(|value| extent(*value)).collect()
}

/// The elements before an axis, along it, and behind it.
pub(crate) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    let before = shape.iter().take(axis).product();
    let after = shape.iter().skip(axis + 1).product();
    (before, shape.get(axis).copied().unwrap_or(1), after)
}

/// The step between neighbours along each axis.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    let mut step = 1;
    for (stride, extent) in strides.iter_mut().zip(shape).rev() {
        *stride = step;
        step *= extent;
    }
    strides
}

/// Calls `visit` with the coordinates of every element, in order.
pub(crate) fn each_index(
    shape: &[usize],
    mut visit: impl FnMut(&[usize]) -> TractResult<()>,
) -> TractResult<()> {
    if shape.contains(&0) {
        return Ok(());
    }
    let mut index = vec![0; shape.len()];
    loop {
        visit(&index)?;
        let mut places = index.iter_mut().zip(shape).rev();
        loop {
            let Some((place, extent)) = places.next() else { return Ok(()) };
            *place += 1;
            if *place < *extent {
                break;
            }
            *place = 0;
        }
    }
}

/// Where an element lies.
pub(crate) fn offset(index: &[usize], strides: &[usize]) -> usize {
    index.iter().zip(strides).map(|(place, stride)| place * stride).sum()
}

/// The shape that both shapes are stretched to.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> TractResult<Vec<usize>> {
    let rank = a.len().max(b.len());
    let padded = |shape: &[usize]| -> Vec<usize> {
        std::iter::repeat_n(1, rank - shape.len()).chain(shape.iter().copied()).collect()
    };
    let pairs = padded(a).into_iter().zip(padded(b));
    pairs
        .map(|pair| match pair {
            (a, b) if a == b => Ok(a),
            (1, extent) | (extent, 1) => Ok(extent),
            _ => bail!("the shapes {a:?} and {b:?} can't be stretched to each other"),
        })
        .collect()
}

/// The steps by which a tensor of `shape` is walked when it is stretched to `target`.
pub(crate) fn stretched(shape: &[usize], target: &[usize]) -> TractResult<Vec<usize>> {
    let missing = target.len().checked_sub(shape.len()).context("can't be stretched to less")?;
    let own = strides(shape);
    let mut steps = vec![0; missing];
    for ((extent, stride), wanted) in shape.iter().zip(own).zip(target.iter().skip(missing)) {
        steps.push(match *extent {
            extent if extent == *wanted => stride,
            1 => 0,
            _ => bail!("the shape {shape:?} can't be stretched to {target:?}"),
        });
    }
    Ok(steps)
}

/// The tensor stretched to a shape.
pub(crate) fn expand_to(tensor: &Tensor, shape: &[usize]) -> TractResult<Tensor> {
    volume(tensor.datum_type(), shape)?;
    stretched(tensor.shape(), shape)?;
    let tensor = tensor.clone().broadcast_into_rank(shape.len())?;
    tensor.broadcast_to_shape(shape)
}

/// Runs code for the element type of a tensor, named `$t` there.
macro_rules! for_type {
    ($datum:expr, $t:ident => $body:expr) => {
        match $datum {
            DatumType::Bool => {
                type $t = bool;
                $body
            }
            DatumType::String => {
                type $t = String;
                $body
            }
            other => $crate::operators::kernel::for_number!(other, $t => $body),
        }
    };
}
pub(crate) use for_type;

/// Runs code for an element type that one can calculate with, named `$t` there.
macro_rules! for_number {
    ($datum:expr, $t:ident => $body:expr) => {
        match $datum {
            DatumType::F16 => {
                type $t = f16;
                $body
            }
            DatumType::F32 => {
                type $t = f32;
                $body
            }
            DatumType::F64 => {
                type $t = f64;
                $body
            }
            other => $crate::operators::kernel::for_integer!(other, $t => $body),
        }
    };
}
pub(crate) use for_number;

/// Runs code for an integer type, named `$t` there.
macro_rules! for_integer {
    ($datum:expr, $t:ident => $body:expr) => {
        match $datum {
            DatumType::U8 => {
                type $t = u8;
                $body
            }
            DatumType::U16 => {
                type $t = u16;
                $body
            }
            DatumType::U32 => {
                type $t = u32;
                $body
            }
            DatumType::U64 => {
                type $t = u64;
                $body
            }
            DatumType::I8 => {
                type $t = i8;
                $body
            }
            DatumType::I16 => {
                type $t = i16;
                $body
            }
            DatumType::I32 => {
                type $t = i32;
                $body
            }
            DatumType::I64 => {
                type $t = i64;
                $body
            }
            other => bail!("tensors of type {other:?} are not supported here"),
        }
    };
}
pub(crate) use for_integer;

/// A tensor's elements, if it is of type `T`.
pub(crate) fn elements<T: Datum>(tensor: &Tensor) -> TractResult<&[T]> {
    tensor.try_as_plain_ram()?.as_slice::<T>()
}

/// The element at a place that was calculated.
pub(crate) fn at<T: Copy>(elements: &[T], place: usize) -> TractResult<T> {
    elements.get(place).copied().with_context(|| format!("there is no element {place}"))
}

/// The element, of any type, at a place that was calculated.
pub(crate) fn pick<T: Clone>(elements: &[T], place: usize) -> TractResult<T> {
    elements.get(place).cloned().with_context(|| format!("there is no element {place}"))
}

/// The element to write at a place that was calculated.
pub(crate) fn at_mut<T>(elements: &mut [T], place: usize) -> TractResult<&mut T> {
    elements.get_mut(place).with_context(|| format!("there is no element {place}"))
}

/// The elements of a tensor in binary64, which holds every smaller float.
pub(crate) fn doubles(tensor: &Tensor) -> TractResult<Vec<f64>> {
    let tensor = tensor.cast_to::<f64>()?;
    Ok(tensor.try_as_plain_ram()?.as_slice::<f64>()?.to_vec())
}

/// A tensor of the type `datum` from values in binary64.
pub(crate) fn from_doubles(
    datum: DatumType,
    shape: &[usize],
    elements: Vec<f64>,
) -> TractResult<Tensor> {
    let tensor = super::values_of(shape, elements)?;
    Ok(tensor.cast_to_dt(datum)?.into_owned())
}
