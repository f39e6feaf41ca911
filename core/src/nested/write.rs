//! From tensors to JSON: nested arrays, objects for maps, arrays for sequences.
//!
//! A float is the shortest decimal that gives its bits back. JSON has no infinity and no NaN; they
//! are the strings `"Infinity"`, `"-Infinity"` and `"NaN"`.

use crate::graph::{Graph, decode_small};
use crate::tensor::strings;
use crate::{ElementType, Error, ErrorKind, Keys, Tensor, TensorType};

/// Arrays in one output: with empty arrays in it, a shape of no element may have any number.
const MOST_ARRAYS: usize = 10_000_000;

/// One object with every output under its name, in the graph's order. The tensors `y[0]`, `y[1]`, …
/// are the sequence `y`. Behind them come those that have no tensor: an empty sequence, an optional
/// value that is not there.
pub(super) fn object(outputs: &[Tensor], graph: &Graph) -> Result<String, Error> {
    let declared = graph.outputs();
    let mut json = String::from("{");
    let mut place = 0;
    while let Some(tensor) = outputs.get(place) {
        if place > 0 {
            json.push(',');
        }
        let Some(name) = tensor.name.strip_suffix("[0]") else {
            key(&mut json, &tensor.name);
            value(&mut json, tensor, declared)?;
            place += 1;
            continue;
        };
        key(&mut json, name);
        json.push('[');
        let rest = outputs.iter().skip(place).enumerate();
        let elements = rest.take_while(|(index, tensor)| tensor.name == format!("{name}[{index}]"));
        let mut found = 0;
        for (index, tensor) in elements {
            if index > 0 {
                json.push(',');
            }
            value(&mut json, tensor, declared)?;
            found += 1;
        }
        json.push(']');
        place += found;
    }
    for port in graph.output_ports() {
        let first = if port.form.is_sequence() { port.element(0) } else { port.name.clone() };
        if outputs.iter().any(|tensor| tensor.name == first) {
            continue;
        }
        if json.len() > 1 {
            json.push(',');
        }
        key(&mut json, &port.name);
        json.push_str(if port.form.is_optional() { "null" } else { "[]" });
    }
    json.push('}');
    Ok(json)
}

fn key(json: &mut String, name: &str) {
    json.push_str(&text(name));
    json.push(':');
}

fn value(json: &mut String, tensor: &Tensor, declared: &[TensorType]) -> Result<(), Error> {
    let unreadable = || {
        let message = format!("{}: the elements do not fill the shape", tensor.name);
        Error::new(ErrorKind::InferenceFailed, "unexpected-output", message)
    };
    if arrays(&tensor.shape) > MOST_ARRAYS {
        let message = format!(
            "{}: the shape {:?} is more than {MOST_ARRAYS} arrays of JSON; ask for the tensor itself",
            tensor.name, tensor.shape
        );
        return Err(Error::new(ErrorKind::InferenceFailed, "unexpected-output", message));
    }
    let elements = elements(tensor).ok_or_else(unreadable)?;
    let mut elements = elements.into_iter();
    let keys = declared.iter().find(|output| output.name == tensor.name);
    let names = keys.and_then(|output| output.keys.as_ref()).map(|keys| match keys {
        Keys::Integers(keys) => keys.iter().map(|key| text(&key.to_string())).collect(),
        Keys::Strings(keys) => keys.iter().map(|key| text(key)).collect::<Vec<_>>(),
    });
    nest(json, &tensor.shape, names.as_deref(), &mut elements).ok_or_else(unreadable)
}

/// The innermost arrays are objects where the columns have names.
fn nest(
    json: &mut String,
    shape: &[usize],
    names: Option<&[String]>,
    elements: &mut impl Iterator<Item = String>,
) -> Option<()> {
    let Some((extent, inner)) = shape.split_first() else {
        json.push_str(&elements.next()?);
        return Some(());
    };
    let here = names.filter(|names| inner.is_empty() && names.len() == *extent);
    json.push(if here.is_some() { '{' } else { '[' });
    for index in 0..*extent {
        if index > 0 {
            json.push(',');
        }
        if let Some(name) = here.and_then(|names| names.get(index)) {
            json.push_str(name);
            json.push(':');
        }
        nest(json, inner, names, elements)?;
    }
    json.push(if here.is_some() { '}' } else { ']' });
    Some(())
}

/// How many arrays a shape is written as, those inside of an empty one not counted.
fn arrays(shape: &[usize]) -> usize {
    let mut arrays = 1_usize;
    let mut all = 1_usize;
    for extent in shape.iter().take(shape.len().saturating_sub(1)) {
        all = all.saturating_mul(*extent);
        arrays = arrays.saturating_add(all);
    }
    arrays
}

/// Each element as JSON.
fn elements(tensor: &Tensor) -> Option<Vec<String>> {
    /// The elements of a number type that Rust has.
    macro_rules! numbers {
        ($kind:ty, $show:expr) => {
            tensor
                .data
                .as_chunks()
                .0
                .iter()
                .map(|bytes| $show(<$kind>::from_le_bytes(*bytes)))
                .collect()
        };
    }
    let count =
        tensor.shape.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent))?;
    Some(match tensor.element_type {
        ElementType::Bool => tensor.data.iter().map(|byte| (*byte != 0).to_string()).collect(),
        ElementType::String => strings(&tensor.data)?.into_iter().map(text).collect(),
        ElementType::Uint8 => numbers!(u8, |x: u8| x.to_string()),
        ElementType::Uint16 => numbers!(u16, |x: u16| x.to_string()),
        ElementType::Uint32 => numbers!(u32, |x: u32| x.to_string()),
        ElementType::Uint64 => numbers!(u64, |x: u64| x.to_string()),
        ElementType::Int8 => numbers!(i8, |x: i8| x.to_string()),
        ElementType::Int16 => numbers!(i16, |x: i16| x.to_string()),
        ElementType::Int32 => numbers!(i32, |x: i32| x.to_string()),
        ElementType::Int64 => numbers!(i64, |x: i64| x.to_string()),
        ElementType::Float32 => numbers!(f32, single),
        ElementType::Float64 => numbers!(f64, double),
        ElementType::Int4 | ElementType::Uint4 | ElementType::Int2 | ElementType::Uint2 => {
            let values = decode_small(tensor.element_type, &tensor.data, count)?;
            values.into_iter().map(|value| (value as i32).to_string()).collect()
        }
        small => decode_small(small, &tensor.data, count)?.into_iter().map(single).collect(),
    })
}

fn single(value: f32) -> String {
    if value.is_finite() { json(&value) } else { double(value.into()) }
}

fn double(value: f64) -> String {
    match value {
        value if value.is_finite() => json(&value),
        value if value.is_nan() => text("NaN"),
        value if value > 0.0 => text("Infinity"),
        _ => text("-Infinity"),
    }
}

fn text(text: &str) -> String {
    json(&text)
}

/// None of these values can fail to be written.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
