//! Whether a value is the expected one: types and shapes exactly, floats within the tolerance,
//! everything else exactly.

use std::collections::BTreeMap;

use predictor_host::{ElementType, Keys, Tensor};

use predictor_host::element::type_name;

use crate::element::{Element, elements};
use crate::onnx::value::Value;

/// How far floats may be off: `|found - expected| <= absolute + relative * |expected|`, as in
/// numpy's `assert_allclose`. NaN equals NaN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance {
    pub(super) relative: f64,
    pub(super) absolute: f64,
}

/// What differs, where and by how much; none if nothing does. `name` is the output's.
pub(super) fn difference(
    name: &str,
    found: &Value,
    expected: &Value,
    tolerance: Tolerance,
) -> Option<String> {
    match (found, expected) {
        (Value::Tensor(found), Value::Tensor(expected)) => {
            tensors(name, found, expected, tolerance)
        }
        (Value::Sequence(found), Value::Sequence(expected)) => {
            if found.len() != expected.len() {
                let (found, expected) = (found.len(), expected.len());
                return Some(format!("{name}: a sequence of {found}, expected {expected}"));
            }
            let pairs = found.iter().zip(expected).enumerate();
            worst(pairs.filter_map(|(index, (found, expected))| {
                difference(&format!("{name}[{index}]"), found, expected, tolerance)
            }))
        }
        (Value::Map(found_keys, found), Value::Map(expected_keys, expected)) => {
            let found = by_key(found_keys, found);
            let expected = by_key(expected_keys, expected);
            maps(name, &found, &expected, tolerance)
        }
        (Value::Nothing, Value::Nothing) => None,
        (found, expected) => Some(format!("{name}: {}, expected {}", kind(found), kind(expected))),
    }
}

/// The first of several differences, and how many there are.
fn worst(mut differences: impl Iterator<Item = String>) -> Option<String> {
    let first = differences.next()?;
    Some(match differences.count() {
        0 => first,
        more => format!("{first} (and {more} more elements differ)"),
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Tensor(_) => "a tensor",
        Value::Sequence(_) => "a sequence",
        Value::Map(..) => "a map",
        Value::Nothing => "nothing",
    }
}

/// Whoever writes test data from Python has floats of 64 bits in maps, whatever the graph gives.
fn by_key(keys: &Keys, values: &Tensor) -> BTreeMap<String, Element> {
    let names: Vec<String> = match keys {
        Keys::Integers(keys) => keys.iter().map(i64::to_string).collect(),
        Keys::Strings(keys) => keys.iter().map(|key| format!("{key:?}")).collect(),
    };
    names.into_iter().zip(elements(values)).collect()
}

fn maps(
    name: &str,
    found: &BTreeMap<String, Element>,
    expected: &BTreeMap<String, Element>,
    tolerance: Tolerance,
) -> Option<String> {
    if let Some(key) = expected.keys().find(|key| !found.contains_key(*key)) {
        return Some(format!("{name}: the key {key} is missing"));
    }
    if let Some(key) = found.keys().find(|key| !expected.contains_key(*key)) {
        return Some(format!("{name}: the key {key}, which is not expected"));
    }
    worst(expected.iter().filter_map(|(key, expected)| {
        let found = found.get(key)?;
        let distance = off(found, expected, tolerance)?;
        Some(format!("{name}[{key}]: {found}, expected {expected}{}", by(distance)))
    }))
}

fn tensors(name: &str, found: &Tensor, expected: &Tensor, tolerance: Tolerance) -> Option<String> {
    if found.element_type != expected.element_type {
        let (found, expected) = (type_name(found.element_type), type_name(expected.element_type));
        return Some(format!("{name}: {found} elements, expected {expected}"));
    }
    if found.shape != expected.shape {
        let (found, expected) = (&found.shape, &expected.shape);
        return Some(format!("{name}: the shape {found:?}, expected {expected:?}"));
    }
    let (values, wanted) = (elements(found), elements(expected));
    let pairs = values.iter().zip(&wanted).enumerate();
    let differing: Vec<_> = pairs
        .filter_map(|(index, (found, expected))| {
            Some((index, found, expected, off(found, expected, tolerance)?))
        })
        .collect();
    // Of equals the first.
    let (index, value, wanted, off) =
        differing.iter().rev().max_by(|(.., a), (.., b)| a.total_cmp(b))?;
    let place = place(*index, &expected.shape);
    let by = by(*off);
    let count = values.len();
    let others = match differing.len() {
        1 => format!("1 of {count} differs"),
        more => format!("{more} of {count} differ, this one most"),
    };
    Some(format!("{name}{place}: {value}, expected {wanted}{by} ({others})"))
}

fn by(off: f64) -> String {
    if off.is_finite() { format!(", off by {off:.3e}") } else { String::new() }
}

/// The indices of an element, as in `[3, 1]`; none for a scalar.
fn place(index: usize, shape: &[u64]) -> String {
    let mut rest = index as u64;
    let mut indices = Vec::with_capacity(shape.len());
    for extent in shape.iter().rev() {
        let extent = (*extent).max(1);
        indices.push((rest % extent).to_string());
        rest /= extent;
    }
    indices.reverse();
    if indices.is_empty() { String::new() } else { format!("[{}]", indices.join(", ")) }
}

/// How far an element is off, if that is too far; infinite where there is no distance.
fn off(found: &Element, expected: &Element, tolerance: Tolerance) -> Option<f64> {
    match (found, expected) {
        (Element::Float(found), Element::Float(expected)) => {
            if found == expected || (found.is_nan() && expected.is_nan()) {
                return None;
            }
            let off = (found - expected).abs();
            let bound = tolerance.absolute + tolerance.relative * expected.abs();
            let close = off.is_finite() && off <= bound;
            (!close).then_some(if off.is_nan() { f64::INFINITY } else { off })
        }
        (found, expected) if found == expected => None,
        (Element::Integer(found), Element::Integer(expected)) => {
            Some((found - expected).unsigned_abs() as f64)
        }
        _ => Some(f64::INFINITY),
    }
}

/// Floats of another width, for a map whose values were written with the wrong one.
pub(super) fn widened(tensor: Tensor, wanted: ElementType) -> Tensor {
    let doubles = || tensor.data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
    let singles = || tensor.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let data = match (tensor.element_type, wanted) {
        (ElementType::Float64, ElementType::Float32) => {
            doubles().flat_map(|value| (value as f32).to_le_bytes()).collect()
        }
        (ElementType::Float32, ElementType::Float64) => {
            singles().flat_map(|value| f64::from(value).to_le_bytes()).collect()
        }
        _ => return tensor,
    };
    Tensor { element_type: wanted, data, ..tensor }
}
