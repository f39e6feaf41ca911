//! From JSON to tensors. The graph's declaration decides how many arrays lie in each other and what
//! an element is; the extents come from the arrays.

use serde_json::{Map, Value};

use crate::error::excerpt;
use crate::graph::{ANY_SHAPE, Graph, encode_small};
use crate::instance::describe;
use crate::tensor::push_string;
use crate::{ElementType, Error, Tensor, TensorType};

/// The tensors in an object, in any order. An input that is missing is found by the graph.
pub(super) fn tensors(mut object: Map<String, Value>, graph: &Graph) -> Result<Vec<Tensor>, Error> {
    let (declared, ports) = (graph.inputs(), graph.input_ports());
    split_maps(&mut object, declared)?;
    let mut tensors = Vec::with_capacity(object.len());
    for (name, value) in object {
        let place = ports.iter().position(|port| port.name == name);
        let found = place.and_then(|place| declared.get(place).zip(ports.get(place)));
        let Some((input, port)) = found else {
            let known: Vec<_> = ports.iter().map(|port| port.name.as_str()).collect();
            let (found, known) = (excerpt(&name), known.join(", "));
            let message = format!("{found} is not an input of the graph, which takes {known}");
            return Err(Error::input("unknown-tensor", message).at(name));
        };
        let named = |name: String| TensorType { name, ..input.clone() };
        match value {
            Value::Null if port.form.is_optional() => {}
            Value::Array(elements) if port.form.is_sequence() => {
                for (index, element) in elements.iter().enumerate() {
                    let read = tensor(&named(port.element(index)), element);
                    tensors.push(read.map_err(|error| error.at(&port.name))?);
                }
            }
            other if port.form.is_sequence() => {
                let found = describe(&other);
                let message = format!("{name}: expected an array of tensors, found {found}");
                return Err(Error::input("wrong-type", message).at(name));
            }
            other => {
                let read = tensor(&named(name), &other);
                tensors.push(read.map_err(|error| error.at(&port.name))?);
            }
        }
    }
    Ok(tensors)
}

/// An input `x` that is a map is the two tensors `x.keys` and `x.values` to the graph, and an object
/// to the caller.
fn split_maps(object: &mut Map<String, Value>, declared: &[TensorType]) -> Result<(), Error> {
    for keys in declared {
        let Some(name) = keys.name.strip_suffix(".keys") else { continue };
        let Some(Value::Object(_)) = object.get(name) else { continue };
        let Some(Value::Object(map)) = object.remove(name) else { continue };
        let mut names = Vec::with_capacity(map.len());
        let mut values = Vec::with_capacity(map.len());
        for (key, value) in map {
            names.push(match keys.element_type {
                ElementType::String => Value::String(key),
                _ => key.parse::<i64>().map(Value::from).map_err(|_| {
                    let message =
                        format!("{name}: expected whole numbers as keys, found {}", excerpt(&key));
                    Error::input("wrong-type", message).at(name)
                })?,
            });
            values.push(value);
        }
        object.insert(keys.name.clone(), Value::Array(names));
        object.insert(format!("{name}.values"), Value::Array(values));
    }
    Ok(())
}

fn tensor(declared: &TensorType, value: &Value) -> Result<Tensor, Error> {
    let rank = if declared.shape == [ANY_SHAPE] { depth(value) } else { declared.shape.len() };
    let mut leaves = Leaves { declared, shape: vec![None; rank], elements: Vec::new() };
    leaves.collect(value, 0, &mut Vec::new())?;
    let Leaves { shape, elements, .. } = leaves;
    // Where an outer extent is 0, no array tells the inner ones.
    let declares = |axis: usize| declared.shape.get(axis)?.parse().ok();
    let shape = shape.into_iter().enumerate();
    let shape = shape.map(|(axis, found)| found.or_else(|| declares(axis)).unwrap_or(0)).collect();
    Ok(Tensor {
        name: declared.name.clone(),
        element_type: declared.element_type,
        shape,
        data: encode(declared, &elements)?,
    })
}

/// How many arrays lie in each other.
fn depth(value: &Value) -> usize {
    let mut depth = 0;
    let mut inner = Some(value);
    while let Some(Value::Array(items)) = inner {
        depth += 1;
        inner = items.first();
    }
    depth
}

/// The elements of nested arrays, and the extents that they agree on.
struct Leaves<'a> {
    declared: &'a TensorType,
    shape: Vec<Option<usize>>,
    elements: Vec<&'a Value>,
}

impl<'a> Leaves<'a> {
    fn collect(
        &mut self,
        value: &'a Value,
        depth: usize,
        at: &mut Vec<usize>,
    ) -> Result<(), Error> {
        let Some(extent) = self.shape.get_mut(depth) else {
            self.elements.push(value);
            return Ok(());
        };
        let Value::Array(items) = value else {
            return Err(self.unexpected(value, at));
        };
        let expected = *extent.get_or_insert(items.len());
        if expected != items.len() {
            let place = place(&self.declared.name, at);
            let found = items.len();
            let message = format!(
                "{place}: expected {expected} elements as in the array before, found {found}"
            );
            return Err(Error::input("wrong-shape", message));
        }
        for (index, item) in items.iter().enumerate() {
            at.push(index);
            self.collect(item, depth + 1, at)?;
            at.pop();
        }
        Ok(())
    }

    fn unexpected(&self, value: &Value, at: &[usize]) -> Error {
        let left = self.shape.len() - at.len();
        let arrays = if left == 1 { "an array" } else { "nested arrays" };
        let message = format!(
            "{}: expected {arrays} of {} with the shape [{}], found {}",
            place(&self.declared.name, at),
            self.declared.element_type,
            self.declared.shape.get(at.len()..).unwrap_or_default().join(", "),
            describe(value)
        );
        Error::input("wrong-shape", message)
    }
}

fn place(name: &str, at: &[usize]) -> String {
    let indices = at.iter().map(|index| format!("[{index}]"));
    format!("{name}{}", indices.collect::<String>())
}

fn encode(declared: &TensorType, elements: &[&Value]) -> Result<Vec<u8>, Error> {
    let wrong = |value: &Value, expected: &str| {
        let message = format!("{}: expected {expected}, found {}", declared.name, describe(value));
        Error::input("wrong-type", message)
    };
    let integer = |value: &Value, low: i128, high: i128| {
        let found = whole(value).filter(|found| (low..=high).contains(found));
        found.ok_or_else(|| wrong(value, &format!("a whole number from {low} to {high}")))
    };
    let float = |value: &Value| {
        number(value)
            .ok_or_else(|| wrong(value, "a number, \"NaN\", \"Infinity\" or \"-Infinity\""))
    };
    let single = |value: &Value| {
        let wide = float(value)?;
        let narrow = wide as f32;
        let kept = narrow.is_finite() || !wide.is_finite();
        if kept { Ok(narrow) } else { Err(wrong(value, "a number that a float32 can hold")) }
    };
    /// The little-endian bytes of each element.
    macro_rules! bytes {
        ($($convert:tt)*) => {{
            let mut data = Vec::new();
            for value in elements {
                data.extend_from_slice(&($($convert)*)(value)?.to_le_bytes());
            }
            Ok(data)
        }};
    }
    macro_rules! integers {
        ($kind:ty) => {
            bytes!(|value: &&Value| {
                integer(value, <$kind>::MIN.into(), <$kind>::MAX.into()).map(|found| found as $kind)
            })
        };
    }
    match declared.element_type {
        ElementType::Bool => {
            let read = |value: &&Value| value.as_bool().map(u8::from);
            let read = |value| read(value).ok_or_else(|| wrong(value, "true or false"));
            elements.iter().map(read).collect()
        }
        ElementType::String => strings(elements, wrong),
        ElementType::Uint8 => integers!(u8),
        ElementType::Uint16 => integers!(u16),
        ElementType::Uint32 => integers!(u32),
        ElementType::Uint64 => integers!(u64),
        ElementType::Int8 => integers!(i8),
        ElementType::Int16 => integers!(i16),
        ElementType::Int32 => integers!(i32),
        ElementType::Int64 => integers!(i64),
        ElementType::Float32 => bytes!(|value: &&Value| single(value)),
        ElementType::Float64 => bytes!(|value: &&Value| float(value)),
        small => {
            let range = match small {
                ElementType::Int4 => Some((-8, 7)),
                ElementType::Uint4 => Some((0, 15)),
                ElementType::Int2 => Some((-2, 1)),
                ElementType::Uint2 => Some((0, 3)),
                _ => None,
            };
            let read = |value: &&Value| match range {
                Some((low, high)) => integer(value, low, high).map(|found| found as f32),
                None => single(value),
            };
            let values = elements.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            Ok(encode_small(small, &values).unwrap_or_default())
        }
    }
}

fn strings(elements: &[&Value], wrong: impl Fn(&Value, &str) -> Error) -> Result<Vec<u8>, Error> {
    let mut data = Vec::new();
    for value in elements {
        push_string(&mut data, value.as_str().ok_or_else(|| wrong(value, "a string"))?);
    }
    Ok(data)
}

fn whole(value: &Value) -> Option<i128> {
    let Value::Number(number) = value else { return None };
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    whole.or_else(|| {
        let float = number.as_f64()?;
        // Above this a float's neighbours are further than 1 apart.
        let exact = libm::trunc(float) == float && float.abs() <= (1_u64 << 53) as f64;
        exact.then_some(float as i128)
    })
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}
