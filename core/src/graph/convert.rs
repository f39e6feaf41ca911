//! Tensors in and out of tract, without `unsafe` and with every size checked.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::prelude::{DatumType, SymbolValues, TDim, Tensor as TractTensor, TractError, f16};

use super::port::ANY_SHAPE;
use super::stepwise::{pack, unpack};
use crate::operators::kernel::{Narrow, Value};
use crate::{ElementType, Error, ErrorKind, Tensor, TensorType, tensor};

/// The types that tract lacks, under both of their names.
const NARROW: [(ElementType, Narrow); 11] = [
    (ElementType::Bfloat16, Narrow::Bfloat16),
    (ElementType::Float8e4m3fn, Narrow::Float8e4m3fn),
    (ElementType::Float8e4m3fnuz, Narrow::Float8e4m3fnuz),
    (ElementType::Float8e5m2, Narrow::Float8e5m2),
    (ElementType::Float8e5m2fnuz, Narrow::Float8e5m2fnuz),
    (ElementType::Float8e8m0, Narrow::Float8e8m0),
    (ElementType::Float4e2m1, Narrow::Float4e2m1),
    (ElementType::Int4, Narrow::Int4),
    (ElementType::Uint4, Narrow::Uint4),
    (ElementType::Int2, Narrow::Int2),
    (ElementType::Uint2, Narrow::Uint2),
];

fn narrow(element: ElementType) -> Option<Narrow> {
    NARROW.iter().find(|(own, _)| *own == element).map(|(_, narrow)| *narrow)
}

/// The element type of a tensor in an ONNX file.
pub(super) fn declared_type(number: i32) -> Option<ElementType> {
    if let Some(narrow) = Narrow::from_onnx(number) {
        return NARROW.iter().find(|(_, other)| *other == narrow).map(|(own, _)| *own);
    }
    let datum = DatumType::try_from(DataType::try_from(number).ok()?).ok()?;
    element_type(datum).ok()
}

/// Whether tract has an element type.
pub(super) fn is_plain(element: ElementType) -> bool {
    narrow(element).is_none()
}

/// tract's name for an element type; for one that it lacks, the type that holds its bits.
pub(super) fn datum_type(element: ElementType) -> DatumType {
    if let Some(narrow) = narrow(element) {
        return narrow.storage();
    }
    match element {
        ElementType::Bool => DatumType::Bool,
        ElementType::Uint8 => DatumType::U8,
        ElementType::Uint16 => DatumType::U16,
        ElementType::Uint32 => DatumType::U32,
        ElementType::Uint64 => DatumType::U64,
        ElementType::Int8 => DatumType::I8,
        ElementType::Int16 => DatumType::I16,
        ElementType::Int32 => DatumType::I32,
        ElementType::Int64 => DatumType::I64,
        ElementType::Float16 => DatumType::F16,
        ElementType::Float32 => DatumType::F32,
        ElementType::Float64 => DatumType::F64,
        ElementType::String => DatumType::String,
        // The others were found above.
        _ => DatumType::U8,
    }
}

/// Our name for one of tract's types. Its symbolic dimensions are integers to everybody else.
pub(super) fn element_type(datum: DatumType) -> Result<ElementType, Error> {
    Ok(match datum {
        DatumType::Bool => ElementType::Bool,
        DatumType::U8 => ElementType::Uint8,
        DatumType::U16 => ElementType::Uint16,
        DatumType::U32 => ElementType::Uint32,
        DatumType::U64 => ElementType::Uint64,
        DatumType::I8 => ElementType::Int8,
        DatumType::I16 => ElementType::Int16,
        DatumType::I32 => ElementType::Int32,
        DatumType::I64 | DatumType::TDim => ElementType::Int64,
        DatumType::F16 => ElementType::Float16,
        DatumType::F32 => ElementType::Float32,
        DatumType::F64 => ElementType::Float64,
        DatumType::String => ElementType::String,
        other => {
            let message = format!("a tensor of type {other:?} can't leave or enter the graph");
            return Err(Error::new(ErrorKind::InferenceFailed, "unsupported-type", message));
        }
    })
}

/// Checks a tensor against the graph's declaration and hands it to the graph.
pub(super) fn to_value(tensor: &Tensor, declared: &TensorType) -> Result<Value, Error> {
    Ok(Value { tensor: to_tract(tensor, declared)?.into(), narrow: narrow(tensor.element_type) })
}

fn to_tract(tensor: &Tensor, declared: &TensorType) -> Result<TractTensor, Error> {
    let name = &tensor.name;
    let input = |code, message: String| Error::input(code, message).at(name);
    if tensor.element_type != declared.element_type {
        let (expected, found) = (declared.element_type, tensor.element_type);
        let message = format!("{name}: expected elements of type {expected}, found {found}");
        return Err(input("wrong-type", message));
    }
    if !shape_fits(&tensor.shape, &declared.shape) {
        let (expected, found) = (declared.shape.join(", "), &tensor.shape);
        let message = format!("{name}: expected the shape [{expected}], found {found:?}");
        return Err(input("wrong-shape", message));
    }
    let count = tensor.shape.iter().try_fold(1_usize, |count, extent| count.checked_mul(*extent));
    let datum = datum_type(tensor.element_type);
    if tensor.element_type == ElementType::String {
        let strings = decode_strings(&tensor.data, count).ok_or_else(|| {
            let message =
                format!("{name}: the data are not that many length-prefixed UTF-8 strings");
            input("wrong-size", message)
        })?;
        let flat = tract_onnx::prelude::tensor1(&strings);
        return flat.into_shape(&tensor.shape).map_err(internal);
    }
    if let Some(narrow) = narrow(tensor.element_type) {
        let codes = count.and_then(|count| unpack(narrow, &tensor.data, count));
        let stored = codes.map(|codes| narrow.stored(&tensor.shape, codes));
        let message = || format!("{name}: the data do not fill the shape {:?}", tensor.shape);
        return stored.ok_or_else(|| input("wrong-size", message()))?.map_err(internal);
    }
    let size = count.and_then(|count| count.checked_mul(datum.size_of()));
    if size != Some(tensor.data.len()) {
        let (shape, found) = (&tensor.shape, tensor.data.len());
        let expected =
            size.map_or_else(|| "more than memory holds".into(), |size| size.to_string());
        let message = format!("{name}: the shape {shape:?} takes {expected} bytes, found {found}");
        return Err(input("wrong-size", message));
    }
    if tensor.element_type == ElementType::Bool && tensor.data.iter().any(|byte| *byte > 1) {
        return Err(input("invalid-value", format!("{name}: a bool is a byte of 0 or 1")));
    }
    let mut out = TractTensor::zero_dt(datum, &tensor.shape).map_err(internal)?;
    out.as_bytes_mut().copy_from_slice(&tensor.data);
    Ok(out)
}

/// Takes a result from the graph.
pub(super) fn from_value(
    value: &Value,
    name: &str,
    symbols: &SymbolValues,
) -> Result<Tensor, Error> {
    let Some(narrow) = value.narrow else {
        return from_tract(&value.tensor, name, symbols);
    };
    let names = NARROW.iter().find(|(_, other)| *other == narrow);
    let element_type = names.map_or(ElementType::Uint8, |(own, _)| *own);
    let codes = value.tensor.cast_to::<u16>().map_err(internal)?;
    let codes = codes.try_as_plain_ram().map_err(internal)?;
    let data = pack(narrow, codes.as_slice::<u16>().map_err(internal)?);
    Ok(Tensor { name: name.into(), element_type, shape: value.tensor.shape().to_vec(), data })
}

/// Takes a result from tract. NaN comes out as the canonical quiet one: which payload an operation
/// gives differs from one processor to the next.
///
/// An extent that the graph hands out may still be written in symbols.
fn from_tract(value: &TractTensor, name: &str, symbols: &SymbolValues) -> Result<Tensor, Error> {
    let shape = value.shape().to_vec();
    let element_type = element_type(value.datum_type())?;
    let view = |error: TractError| internal(error).at(name);
    let data = match element_type {
        ElementType::String => {
            let plain = value.try_as_plain_ram().map_err(view)?;
            encode_strings(plain.as_slice::<String>().map_err(view)?)
        }
        ElementType::Float32 => {
            let plain = value.try_as_plain_ram().map_err(view)?;
            let canonical = |x: &f32| if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() };
            let floats = plain.as_slice::<f32>().map_err(view)?;
            floats.iter().map(|x| canonical(x).to_le_bytes()).collect::<Vec<_>>().into_flattened()
        }
        ElementType::Float64 => {
            let plain = value.try_as_plain_ram().map_err(view)?;
            let canonical = |x: &f64| {
                if x.is_nan() { 0x7ff8 << 48 } else { x.to_bits() }
            };
            let floats = plain.as_slice::<f64>().map_err(view)?;
            floats.iter().map(|x| canonical(x).to_le_bytes()).collect::<Vec<_>>().into_flattened()
        }
        ElementType::Float16 => {
            let canonical = |bits: u16| if bits & 0x7fff > 0x7c00 { 0x7e00 } else { bits };
            let halves = value.as_bytes().as_chunks::<2>().0.iter();
            let bits = halves.map(|x| canonical(u16::from_le_bytes(*x)).to_le_bytes());
            bits.collect::<Vec<_>>().into_flattened()
        }
        ElementType::Int64 if value.datum_type() == DatumType::TDim => {
            let plain = value.try_as_plain_ram().map_err(view)?;
            let extent = |extent: &TDim| {
                extent.eval(symbols).to_i64().map_err(|error| internal(error.into()).at(name))
            };
            let extents = plain.as_slice::<TDim>().map_err(view)?.iter().map(extent);
            let extents = extents.collect::<Result<Vec<_>, _>>()?;
            extents.iter().flat_map(|extent| extent.to_le_bytes()).collect()
        }
        ElementType::Int64 => {
            let integers = value.cast_to::<i64>().map_err(view)?;
            integers.as_bytes().to_vec()
        }
        _ => value.as_bytes().to_vec(),
    };
    Ok(Tensor { name: name.into(), element_type, shape, data })
}

fn internal(error: TractError) -> Error {
    Error::new(ErrorKind::InferenceFailed, "inference-failed", super::flat(&error))
}

/// A number must be met; a name stands for any extent.
fn shape_fits(found: &[usize], declared: &[String]) -> bool {
    if declared == [ANY_SHAPE] {
        return true;
    }
    found.len() == declared.len()
        && found.iter().zip(declared).all(|(found, declared)| {
            declared.parse::<usize>().map_or(true, |declared| declared == *found)
        })
}

fn decode_strings(data: &[u8], count: Option<usize>) -> Option<Vec<String>> {
    let strings = tensor::strings(data)?;
    (Some(strings.len()) == count).then(|| strings.into_iter().map(str::to_owned).collect())
}

fn encode_strings(strings: &[String]) -> Vec<u8> {
    let mut data = Vec::new();
    strings.iter().for_each(|text| tensor::push_string(&mut data, text));
    data
}

/// The bytes of numbers of a type that Rust lacks: floats of 16 and fewer bits, integers of 4 and 2.
/// `None` for other types.
pub(crate) fn encode_small(element: ElementType, values: &[f32]) -> Option<Vec<u8>> {
    if element == ElementType::Float16 {
        let bits = values.iter().map(|value| f16::from_f32(*value).to_bits());
        return Some(bits.flat_map(u16::to_le_bytes).collect());
    }
    let narrow = narrow(element)?;
    let codes: Vec<u16> = values.iter().map(|value| narrow.encode(*value, false)).collect();
    Some(pack(narrow, &codes))
}

/// The `count` numbers in the bytes of such a type. Each of them is a float32.
pub(crate) fn decode_small(element: ElementType, data: &[u8], count: usize) -> Option<Vec<f32>> {
    if element == ElementType::Float16 {
        let halves = data.as_chunks::<2>().0.iter();
        return Some(halves.map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect());
    }
    let narrow = narrow(element)?;
    Some(unpack(narrow, data, count)?.into_iter().map(|code| narrow.decode(code)).collect())
}
