//! `LabelEncoder`: looks values up in a table.
//!
//! [`LabelEncoder`](https://onnx.ai/onnx/operators/onnx_aionnxml_LabelEncoder.html) maps a tensor of
//! keys to one of values, of the same shape. Version 1 has one list of strings, which stand for
//! their positions, and works both ways. Version 2 has lists of keys and of values, each of strings,
//! int64 or float32; version 4 adds tensors in their place, also of float64, int32 and int16. A key
//! that is not there becomes the default. From
//! version 4 on NaN finds a key that is NaN. Of keys that occur twice the
//! first counts in lists, as in ONNX Runtime.

use std::collections::HashMap;

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;
use super::tensor::{elements, expect_type, tensor};
use super::written::{Built, Kernel, Shape, build, inputs};

/// Registers the operator.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("LabelEncoder", label_encoder);
}

fn label_encoder(context: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let set = context.model.opset_import.iter().find(|set| set.domain == "ai.onnx.ml");
    let finds_nan = set.is_none_or(|set| set.version >= 4);
    let classes = attributes.strings("classes_strings")?;
    if !classes.is_empty() {
        let positions = (0..i64::try_from(classes.len())?).collect::<Vec<_>>();
        let classes = tensor1(&classes);
        let positions = tensor1(&positions);
        let integer = tensor0(attributes.int("default_int64", -1)?);
        let text = tensor0(attributes.text("default_string", "_Unused")?.to_owned());
        return build(LabelEncoder {
            forward: Table::new(&classes, positions.clone(), integer, false)?,
            backward: Some(Table::new(&positions, classes, text, false)?),
        });
    }
    let keys = list(attributes, "keys")?;
    let values = list(attributes, "values")?;
    attributes.expect_length("keys_*", keys.len(), &[values.len()])?;
    let default = default(attributes, values.datum_type())?;
    let forward = Table::new(&keys, values, default, finds_nan)?;
    build(LabelEncoder { forward, backward: None })
}

/// The keys or the values, under whichever name they are given.
fn list(attributes: Attributes<'_>, kind: &str) -> TractResult<Tensor> {
    let strings = attributes.strings(&format!("{kind}_strings"))?;
    let integers = attributes.ints(&format!("{kind}_int64s"))?;
    let floats = attributes.floats(&format!("{kind}_floats"))?;
    let mut found: TVec<Tensor> =
        attributes.elements(&format!("{kind}_tensor"))?.into_iter().collect();
    if !strings.is_empty() {
        found.push(tensor1(&strings));
    }
    if !integers.is_empty() {
        found.push(tensor1(&integers));
    }
    if !floats.is_empty() {
        found.push(tensor1(&floats));
    }
    match found.pop() {
        Some(list) if found.is_empty() => Ok(list),
        _ => bail!(
            "one of the attributes {kind}_strings, {kind}_int64s, {kind}_floats and {kind}_tensor is required, and only one"
        ),
    }
}

/// What a key becomes that is not there.
fn default(attributes: Attributes<'_>, datum_type: DatumType) -> TractResult<Tensor> {
    if let Some(tensor) = attributes.elements("default_tensor")? {
        if tensor.datum_type() != datum_type || tensor.len() != 1 {
            bail!(
                "attribute default_tensor has {} elements of type {:?}; accepted is one of {datum_type:?}",
                tensor.len(),
                tensor.datum_type()
            );
        }
        return Ok(tensor);
    }
    let float = attributes.float("default_float", -0.0)?;
    Ok(match datum_type {
        DatumType::String => tensor0(attributes.text("default_string", "_Unused")?.to_owned()),
        DatumType::F32 => tensor0(float),
        DatumType::F64 => tensor0(f64::from(float)),
        other => tensor0(attributes.int("default_int64", -1)?).cast_to_dt(other)?.into_owned(),
    })
}

#[derive(Debug)]
struct LabelEncoder {
    forward: Table,
    /// Version 1 goes both ways.
    backward: Option<Table>,
}

impl LabelEncoder {
    fn table(&self, input: DatumType) -> TractResult<&Table> {
        let backward = self.backward.as_ref().filter(|table| table.keys == input);
        if backward.is_none() {
            expect_type("LabelEncoder", input, &[self.forward.keys])?;
        }
        Ok(backward.unwrap_or(&self.forward))
    }
}

impl Kernel for LabelEncoder {
    fn name(&self) -> &'static str {
        "LabelEncoder"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("LabelEncoder", &types.iter().collect::<Vec<_>>())?;
        Ok(tvec!(self.table(*input)?.values.datum_type()))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("LabelEncoder", shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("LabelEncoder", tensors)?;
        Ok(tvec!(self.table(input.datum_type())?.look_up(input)?))
    }
}

/// Keys of one type with values of another.
#[derive(Debug)]
struct Table {
    keys: DatumType,
    strings: HashMap<String, usize>,
    numbers: HashMap<Number, usize>,
    values: Tensor,
    default: Tensor,
}

/// A number as a key: integers by value, floats by their bits in binary64 with one NaN and one zero.
type Number = i64;

/// The key that NaN is.
const NAN: Number = f64::NAN.to_bits().cast_signed();

impl Table {
    fn new(keys: &Tensor, values: Tensor, default: Tensor, finds_nan: bool) -> TractResult<Self> {
        let mut table = Self {
            keys: keys.datum_type(),
            strings: HashMap::new(),
            numbers: HashMap::new(),
            values,
            default,
        };
        if table.keys == DatumType::String {
            for (position, key) in elements::<String>(keys)?.iter().enumerate() {
                table.strings.entry(key.clone()).or_insert(position);
            }
        } else {
            for (position, key) in numbers(keys)?.into_iter().enumerate() {
                table.numbers.entry(key).or_insert(position);
            }
            if table.keys.is_float() && !finds_nan {
                table.numbers.remove(&NAN);
            }
        }
        Ok(table)
    }

    fn look_up(&self, input: &Tensor) -> TractResult<Tensor> {
        let positions: Vec<Option<usize>> = if self.keys == DatumType::String {
            elements::<String>(input)?.iter().map(|key| self.strings.get(key).copied()).collect()
        } else {
            numbers(input)?.iter().map(|key| self.numbers.get(key).copied()).collect()
        };
        let shape = input.shape();
        match self.values.datum_type() {
            DatumType::String => self.values::<String>(&positions, shape),
            DatumType::F32 => self.values::<f32>(&positions, shape),
            DatumType::F64 => self.values::<f64>(&positions, shape),
            DatumType::I16 => self.values::<i16>(&positions, shape),
            DatumType::I32 => self.values::<i32>(&positions, shape),
            _ => self.values::<i64>(&positions, shape),
        }
    }

    fn values<T: Datum>(
        &self,
        positions: &[Option<usize>],
        shape: &[usize],
    ) -> TractResult<Tensor> {
        let values = elements::<T>(&self.values)?;
        let default = elements::<T>(&self.default)?.first().context("there is no default")?;
        let value = |position: &Option<usize>| {
            position.and_then(|position| values.get(position)).unwrap_or(default).clone()
        };
        tensor(positions.iter().map(value).collect(), shape)
    }
}

fn numbers(tensor: &Tensor) -> TractResult<Vec<Number>> {
    if !tensor.datum_type().is_float() {
        return Ok(elements::<i64>(&*tensor.cast_to::<i64>()?)?.to_vec());
    }
    let key = |x: &f64| {
        let canonical = if x.is_nan() { f64::NAN } else { x + 0.0 };
        canonical.to_bits().cast_signed()
    };
    Ok(elements::<f64>(&*tensor.cast_to::<f64>()?)?.iter().map(key).collect())
}
