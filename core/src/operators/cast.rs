//! Conversions between element types: [`Cast`](https://onnx.ai/onnx/operators/onnx__Cast.html),
//! [`CastLike`](https://onnx.ai/onnx/operators/onnx__CastLike.html) and
//! [`BitCast`](https://onnx.ai/onnx/operators/onnx__BitCast.html).
//!
//! A float becomes an integer as [`to_whole`] says. An integer becomes a smaller one by its lowest
//! bits.

use std::sync::Arc;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::tract_hir::internal::*;

use super::kernel::{
    Call, Kernels, Narrow, ScaleRounding, Value, elements, for_number, is_whole, to_whole,
    values_of,
};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add_narrow("Cast", cast);
    kernels.add_narrow("CastLike", cast_like);
    kernels.add_narrow("BitCast", bit_cast);
}

/// An element type, be it tract's or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Datum(DatumType),
    Narrow(Narrow),
}

impl Target {
    fn from_onnx(number: i64) -> TractResult<Self> {
        let number = i32::try_from(number)?;
        if let Some(narrow) = Narrow::from_onnx(number) {
            return Ok(Self::Narrow(narrow));
        }
        let known = DataType::try_from(number).map_err(|_| format_err!("no type {number}"))?;
        Ok(Self::Datum(known.try_into()?))
    }

    fn of(value: &Value) -> Self {
        match value.narrow {
            Some(narrow) => Self::Narrow(narrow),
            None => Self::Datum(value.tensor.datum_type()),
        }
    }

    fn bits(self) -> usize {
        match self {
            Self::Datum(datum) => datum.size_of() * 8,
            Self::Narrow(narrow) => narrow.bits(),
        }
    }
}

fn cast(call: &Call) -> TractResult<Vec<Value>> {
    let to = Target::from_onnx(call.node.get_attr("to")?)?;
    convert(call, call.value(0)?, to)
}

fn cast_like(call: &Call) -> TractResult<Vec<Value>> {
    convert(call, call.value(0)?, Target::of(call.value(1)?))
}

fn convert(call: &Call, from: &Value, to: Target) -> TractResult<Vec<Value>> {
    if Target::of(from) == to {
        return Ok(vec![from.clone()]);
    }
    let saturate = call.flag("saturate", true)?;
    let wide = from.widened()?;
    Ok(vec![match to {
        Target::Datum(datum) => to_datum(&wide, datum)?.into(),
        Target::Narrow(Narrow::Float8e8m0) => {
            let rounding = match call.text("round_mode", "up")?.as_str() {
                "up" => ScaleRounding::Up,
                "down" => ScaleRounding::Down,
                "nearest" => ScaleRounding::Nearest,
                other => bail!("round_mode is {other:?}; accepted are up, down and nearest"),
            };
            let narrow = Narrow::Float8e8m0;
            let floats = to_datum(&wide, DatumType::F32)?;
            let codes = elements::<f32>(&floats)?.iter();
            let codes = codes.map(|value| narrow.encode_scale(*value, rounding, saturate));
            let tensor = narrow.stored(wide.shape(), codes.collect())?;
            Value { tensor: Arc::new(tensor), narrow: Some(narrow) }
        }
        Target::Narrow(narrow) => {
            let floats = to_datum(&wide, DatumType::F32)?;
            let tensor = narrow.narrow(&floats, saturate)?;
            Value { tensor: Arc::new(tensor), narrow: Some(narrow) }
        }
    }])
}

/// A tensor of one of tract's types as another.
fn to_datum(tensor: &Tensor, to: DatumType) -> TractResult<Tensor> {
    let shape = tensor.shape();
    match (tensor.datum_type(), to) {
        (from, to) if from == to => Ok(tensor.clone()),
        (DatumType::String, _) => parsed(tensor, to),
        (from, DatumType::String) => {
            let texts = match from {
                DatumType::F16 | DatumType::F32 => {
                    let floats = tensor.cast_to::<f32>()?;
                    elements::<f32>(&floats)?
                        .iter()
                        .map(|value| text(f64::from(*value), value))
                        .collect()
                }
                DatumType::F64 => {
                    elements::<f64>(tensor)?.iter().map(|value| text(*value, value)).collect()
                }
                DatumType::Bool => {
                    let truths = elements::<bool>(tensor)?.iter();
                    truths.map(|truth| if *truth { "True" } else { "False" }.into()).collect()
                }
                _ => for_number!(from, T => {
                    elements::<T>(tensor)?.iter().map(ToString::to_string).collect::<Vec<_>>()
                }),
            };
            values_of(shape, texts)
        }
        (from, DatumType::Bool) => for_number!(from, T => {
            let zero = T::default();
            values_of(shape, elements::<T>(tensor)?.iter().map(|value| *value != zero).collect())
        }),
        (from, to) if is_whole(from, to) => to_whole(tensor, to),
        _ => Ok(tensor.cast_to_dt(to)?.into_owned()),
    }
}

/// The text of a float: as short as gives its bits back, with an exponent where it is large.
fn text(value: f64, shortest: &impl std::fmt::Display) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-INF" } else { "INF" }.into();
    }
    shortest.to_string()
}

/// Numbers from their texts.
fn parsed(tensor: &Tensor, to: DatumType) -> TractResult<Tensor> {
    let mut values = Vec::new();
    for text in elements::<String>(tensor)? {
        let value: f64 = text
            .trim()
            .parse()
            .with_context(|| format!("{} is not a number", crate::error::excerpt(text)))?;
        values.push(value);
    }
    let integers = matches!(to, DatumType::I64 | DatumType::U64);
    if integers && values.iter().all(|value| value.fract() == 0.0) {
        let texts = elements::<String>(tensor)?.iter();
        let exact: Result<Vec<i64>, _> = texts.map(|text| text.trim().parse()).collect();
        if let Ok(exact) = exact {
            return Ok(values_of(tensor.shape(), exact)?.cast_to_dt(to)?.into_owned());
        }
    }
    let numbers = values_of(tensor.shape(), values)?;
    Ok(numbers.cast_to_dt(to)?.into_owned())
}

/// The same bits as another type of that size.
fn bit_cast(call: &Call) -> TractResult<Vec<Value>> {
    let (from, to) = (call.value(0)?, Target::from_onnx(call.node.get_attr("to")?)?);
    let found = Target::of(from).bits();
    ensure!(found == to.bits(), "bits of {found} can't be cast to a type of {}", to.bits());
    let storage = match to {
        Target::Datum(datum) => datum,
        Target::Narrow(narrow) => narrow.storage(),
    };
    ensure!(from.tensor.datum_type() != DatumType::String, "strings have no bits to cast");
    let mut tensor = Tensor::zero_dt(storage, from.tensor.shape())?;
    tensor.as_bytes_mut().copy_from_slice(from.tensor.as_bytes());
    let narrow = if let Target::Narrow(narrow) = to { Some(narrow) } else { None };
    Ok(vec![Value { tensor: Arc::new(tensor), narrow }])
}
