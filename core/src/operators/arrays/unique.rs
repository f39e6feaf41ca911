//! [`Unique`](https://onnx.ai/onnx/operators/onnx__Unique.html): the different elements, or the
//! different slices along an axis.

use std::cmp::Ordering;

use tract_onnx::tract_hir::internal::*;

use super::order::first_places;
use crate::operators::kernel::{Call, Value, around, at_mut, axis, elements, for_type, values_of};

pub(crate) fn unique(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let sorted = call.flag("sorted", true)?;
    let place: Option<i64> = call.node.get_attr_opt("axis")?;
    let place = place.map(|place| axis(place, input.rank())).transpose()?;
    let (before, extent, after) = match place {
        Some(place) => around(input.shape(), place),
        None => (1, input.len(), 1),
    };
    for_type!(input.datum_type(), T => {
        let values = elements::<T>(input)?;
        let slice = |number: usize| {
            (0..before).flat_map(move |outer| {
                let start = (outer * extent + number) * after;
                values.get(start..start + after).unwrap_or_default().iter()
            })
        };
        let compare = |a: usize, b: usize| -> Ordering {
            let mut pairs = slice(a).zip(slice(b));
            pairs.find_map(|(a, b)| Some(a.order(b)).filter(|order| order.is_ne())).unwrap_or(Ordering::Equal)
        };
        let groups = groups(extent, sorted, &compare);
        let firsts: Vec<usize> = groups.iter().filter_map(|group| group.first().copied()).collect();
        let shape: Vec<usize> = match place {
            Some(place) => input.shape().iter().enumerate().map(|(axis, own)| if axis == place { firsts.len() } else { *own }).collect(),
            None => vec![firsts.len()],
        };
        let mut result: Vec<T> = Vec::with_capacity(before * firsts.len() * after);
        for outer in 0..before {
            for first in &firsts {
                let start = (outer * extent + first) * after;
                result.extend_from_slice(values.get(start..start + after).unwrap_or_default());
            }
        }
        let (inverse, counts) = (inverse(extent, &groups)?, groups.iter().map(Vec::len).collect());
        Ok(vec![values_of(&shape, result)?.into(), integers(firsts)?, integers(inverse)?, integers(counts)?])
    })
}

/// The numbers of equal slices, each group from its first on.
fn groups(
    extent: usize,
    sorted: bool,
    compare: &dyn Fn(usize, usize) -> Ordering,
) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for number in first_places(extent, extent, compare) {
        match groups.last_mut() {
            Some(group) if group.first().is_some_and(|first| compare(*first, number).is_eq()) => {
                group.push(number);
            }
            _ => groups.push(vec![number]),
        }
    }
    if !sorted {
        groups.sort_by_key(|group| group.first().copied());
    }
    groups
}

/// The group of each slice.
fn inverse(extent: usize, groups: &[Vec<usize>]) -> TractResult<Vec<usize>> {
    let mut inverse = vec![0; extent];
    for (number, group) in groups.iter().enumerate() {
        for place in group {
            *at_mut(&mut inverse, *place)? = number;
        }
    }
    Ok(inverse)
}

fn integers(values: Vec<usize>) -> TractResult<Value> {
    let values: Result<Vec<i64>, _> = values.into_iter().map(i64::try_from).collect();
    Ok(tensor1(&values?).into())
}

/// An order of all values; NaN comes last.
trait Ordered {
    fn order(&self, other: &Self) -> Ordering;
}

macro_rules! ordered {
    ($($t:ty),*) => {
        $(impl Ordered for $t {
            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        })*
    };
}
ordered!(bool, u8, u16, u32, u64, i8, i16, i32, i64, String);

macro_rules! ordered_floats {
    ($($t:ty),*) => {
        $(impl Ordered for $t {
            fn order(&self, other: &Self) -> Ordering {
                self.partial_cmp(other).unwrap_or_else(|| self.is_nan().cmp(&other.is_nan()))
            }
        })*
    };
}
ordered_floats!(f16, f32, f64);
