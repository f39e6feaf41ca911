//! The values of ONNX test data: tensors, sequences, maps and optionals, from their protobufs.

use anyhow::{Context, Result, bail, ensure};
use predictor_host::{ElementType, Keys, Tensor};
use prost::Message;

use super::proto::{
    MapProto, OptionalProto, SequenceProto, TensorProto, TypeProto, ValueInfoProto,
};
use predictor_host::element::{byte_size, packed_bits};

/// A value that goes into a graph or comes out of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Tensor(Tensor),
    Sequence(Vec<Value>),
    /// One value for each key: a tensor of rank 1.
    Map(Keys, Tensor),
    /// An optional without a value.
    Nothing,
}

/// A value and the name that its file gives it; empty if none.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// Reads the file of a value of the declared type.
pub(crate) fn decode(bytes: &[u8], declared: Option<&ValueInfoProto>) -> Result<Named> {
    let kind = declared.and_then(|declared| declared.kind.clone()).unwrap_or_default();
    let (name, value) = match kind {
        TypeProto { sequence: Some(_), .. } => {
            let proto = SequenceProto::decode(bytes).context("not a SequenceProto")?;
            (proto.name.clone(), sequence(proto)?)
        }
        TypeProto { map: Some(_), .. } => {
            let proto = MapProto::decode(bytes).context("not a MapProto")?;
            (proto.name.clone(), map(proto)?)
        }
        TypeProto { optional: Some(_), .. } => {
            let proto = OptionalProto::decode(bytes).context("not an OptionalProto")?;
            (proto.name.clone(), optional(proto)?)
        }
        _ => {
            let proto = TensorProto::decode(bytes).context("not a TensorProto")?;
            (proto.name.clone(), Value::Tensor(tensor(proto)?))
        }
    };
    Ok(Named { name, value })
}

fn sequence(proto: SequenceProto) -> Result<Value> {
    let tensors = proto.tensors.into_iter().map(|proto| Ok(Value::Tensor(tensor(proto)?)));
    let sequences = proto.sequences.into_iter().map(sequence);
    let maps = proto.maps.into_iter().map(map);
    let optionals = proto.optionals.into_iter().map(optional);
    let values: Result<_> = tensors.chain(sequences).chain(maps).chain(optionals).collect();
    Ok(Value::Sequence(values?))
}

fn optional(proto: OptionalProto) -> Result<Value> {
    match (proto.tensor, proto.sequence, proto.map, proto.optional) {
        (Some(proto), ..) => Ok(Value::Tensor(tensor(proto)?)),
        (_, Some(proto), ..) => sequence(proto),
        (_, _, Some(proto), _) => map(proto),
        (.., Some(proto)) => optional(*proto),
        _ => Ok(Value::Nothing),
    }
}

fn map(proto: MapProto) -> Result<Value> {
    let keys = if proto.string_keys.is_empty() {
        Keys::Integers(proto.keys)
    } else {
        let text = |bytes| String::from_utf8(bytes).context("a key that is not UTF-8");
        Keys::Strings(proto.string_keys.into_iter().map(text).collect::<Result<_>>()?)
    };
    let count = match &keys {
        Keys::Integers(keys) => keys.len(),
        Keys::Strings(keys) => keys.len(),
    };
    let mut tensors = proto.values.unwrap_or_default().tensors.into_iter().map(tensor);
    let mut values = match tensors.next() {
        Some(first) => first?,
        None => Tensor {
            name: String::new(),
            element_type: ElementType::Float32,
            shape: vec![0],
            data: Vec::new(),
        },
    };
    for next in tensors {
        let next = next?;
        ensure!(next.element_type == values.element_type, "a map with values of several types");
        values.data.extend(next.data);
        values.shape = Vec::new();
    }
    values.shape = vec![count as u64];
    let size = byte_size(values.element_type).map(|size| size * count);
    ensure!(
        size.is_none_or(|size| size == values.data.len()),
        "a map with {count} keys and another number of values"
    );
    Ok(Value::Map(keys, values))
}

/// A tensor as the component takes it.
fn tensor(proto: TensorProto) -> Result<Tensor> {
    let Some(element_type) = element_type(proto.data_type) else {
        bail!("a tensor of the type number {}, which is not supported", proto.data_type);
    };
    ensure!(proto.external_data.is_empty(), "a tensor whose data lie in another file");
    let extents = proto.dims.iter().map(|extent| u64::try_from(*extent));
    let shape: Vec<u64> = extents.collect::<Result<_, _>>().context("a negative extent")?;
    let count = shape.iter().try_fold(1_u64, |count, extent| count.checked_mul(*extent));
    let count = count.and_then(|count| usize::try_from(count).ok());
    let count = count.with_context(|| format!("the shape {shape:?} is more than memory holds"))?;
    let name = proto.name.clone();
    let data = match element_type {
        ElementType::String => {
            let found = proto.string_data.len();
            ensure!(found == count, "{found} strings for the shape {shape:?}");
            strings(proto.string_data)?
        }
        _ if !proto.raw_data.is_empty() => proto.raw_data,
        _ => typed(element_type, &proto),
    };
    let expected = match byte_size(element_type) {
        Some(size) => count.checked_mul(size),
        None => packed_size(element_type, count),
    };
    if let Some(expected) = expected {
        let found = data.len();
        ensure!(found == expected, "{found} bytes for the shape {shape:?}, expected {expected}");
    }
    Ok(Tensor { name, element_type, shape, data })
}

fn strings(texts: Vec<Vec<u8>>) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    for text in texts {
        ensure!(std::str::from_utf8(&text).is_ok(), "a string that is not UTF-8");
        let length = u32::try_from(text.len()).context("a string of more than 4 GiB")?;
        data.extend_from_slice(&length.to_le_bytes());
        data.extend(text);
    }
    Ok(data)
}

/// The bytes of elements that lie in the field of their type.
fn typed(element_type: ElementType, proto: &TensorProto) -> Vec<u8> {
    match element_type {
        ElementType::Float32 => proto.float_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ElementType::Float64 => proto.double_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ElementType::Int64 => proto.int64_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ElementType::Uint64 => proto.uint64_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ElementType::Uint32 => {
            proto.uint64_data.iter().flat_map(|x| (*x as u32).to_le_bytes()).collect()
        }
        ElementType::Int32 => proto.int32_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ElementType::Int16 | ElementType::Uint16 | ElementType::Float16 | ElementType::Bfloat16 => {
            proto.int32_data.iter().flat_map(|x| (*x as u16).to_le_bytes()).collect()
        }
        // A byte each, or a byte of several elements.
        _ => proto.int32_data.iter().map(|x| *x as u8).collect(),
    }
}

fn packed_size(element: ElementType, count: usize) -> Option<usize> {
    Some(count.checked_mul(packed_bits(element)?)?.div_ceil(8))
}

/// The types by their numbers in `TensorProto.DataType`; complex ones are missing.
fn element_type(number: i32) -> Option<ElementType> {
    Some(match number {
        1 => ElementType::Float32,
        2 => ElementType::Uint8,
        3 => ElementType::Int8,
        4 => ElementType::Uint16,
        5 => ElementType::Int16,
        6 => ElementType::Int32,
        7 => ElementType::Int64,
        8 => ElementType::String,
        9 => ElementType::Bool,
        10 => ElementType::Float16,
        11 => ElementType::Float64,
        12 => ElementType::Uint32,
        13 => ElementType::Uint64,
        16 => ElementType::Bfloat16,
        17 => ElementType::Float8e4m3fn,
        18 => ElementType::Float8e4m3fnuz,
        19 => ElementType::Float8e5m2,
        20 => ElementType::Float8e5m2fnuz,
        21 => ElementType::Uint4,
        22 => ElementType::Int4,
        23 => ElementType::Float4e2m1,
        24 => ElementType::Float8e8m0,
        25 => ElementType::Uint2,
        26 => ElementType::Int2,
        _ => return None,
    })
}
