//! Whether a tensor is the expected one: type and shape exactly, floats within the suite's
//! tolerances, everything else exactly.

use inference_core::{ElementType, Tensor};

/// The tolerances of the suite's own runner.
const RELATIVE: f64 = 1e-3;
const ABSOLUTE: f64 = 1e-7;
/// Two steps of a bfloat16.
const BFLOAT16: f64 = 1.0 / 64.0;

/// Compares all that a graph gives.
pub fn all(found: &[Tensor], expected: &[Tensor]) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{} outputs, expected {}", found.len(), expected.len()));
    }
    found.iter().zip(expected).try_for_each(|(found, expected)| same(found, expected))
}

fn same(found: &Tensor, expected: &Tensor) -> Result<(), String> {
    let name = &expected.name;
    if found.name != *name {
        return Err(format!("the output {} where {name} is expected", found.name));
    }
    if found.element_type != expected.element_type {
        let (found, expected) = (found.element_type, expected.element_type);
        return Err(format!("{name} is of type {found}, expected {expected}"));
    }
    if found.shape != expected.shape {
        let (found, expected) = (&found.shape, &expected.shape);
        return Err(format!("{name} has the shape {found:?}, expected {expected:?}"));
    }
    let (Some(values), Some(wanted)) = (floats(found), floats(expected)) else {
        return match found.data == expected.data {
            true => Ok(()),
            false => Err(format!("{name} has other values")),
        };
    };
    if values.len() != wanted.len() {
        return Err(format!("{name} has {} values, expected {}", values.len(), wanted.len()));
    }
    let bfloat16 = expected.element_type == ElementType::Bfloat16;
    let relative = if bfloat16 { BFLOAT16 } else { RELATIVE };
    let mut pairs = values.iter().zip(&wanted);
    let differing = pairs.position(|(value, wanted)| !close(*value, *wanted, relative));
    match differing.and_then(|place| Some((place, values.get(place)?, wanted.get(place)?))) {
        None => Ok(()),
        Some((place, value, wanted)) => {
            Err(format!("{name} has {value} at {place}, expected {wanted}"))
        }
    }
}

fn close(value: f64, wanted: f64, relative: f64) -> bool {
    value == wanted
        || (value.is_nan() && wanted.is_nan())
        || (value - wanted).abs() <= ABSOLUTE + relative * wanted.abs()
}

/// The values of a tensor of floats.
fn floats(tensor: &Tensor) -> Option<Vec<f64>> {
    Some(match tensor.element_type {
        ElementType::Float16 => {
            let halves = tensor.data.as_chunks().0.iter();
            halves.map(|bytes| half(u16::from_le_bytes(*bytes))).collect()
        }
        ElementType::Bfloat16 => {
            let halves = tensor.data.as_chunks().0.iter();
            let bits = halves.map(|bytes| u32::from(u16::from_le_bytes(*bytes)) << 16);
            bits.map(|bits| f32::from_bits(bits).into()).collect()
        }
        ElementType::Float32 => {
            let floats = tensor.data.as_chunks().0.iter();
            floats.map(|bytes| f32::from_le_bytes(*bytes).into()).collect()
        }
        ElementType::Float64 => {
            tensor.data.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()
        }
        _ => return None,
    })
}

/// The value of a float16 from its bits.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    let magnitude = match i32::from(bits >> 10 & 0x1f) {
        0 => fraction * 2_f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + fraction) * 2_f64.powi(exponent - 15),
    };
    sign * magnitude
}
