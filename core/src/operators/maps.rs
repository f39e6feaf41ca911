//! The operators of `ai.onnx.ml` that make maps or take them.
//!
//! Maps are no tensors. The graph that reaches tract has a map's keys and values as two tensors
//! (`graph/flatten.rs`), and rows of values in place of a sequence of maps.
//!
//! | operator | from | to |
//! |---|---|---|
//! | [`ZipMap`](https://onnx.ai/onnx/operators/onnx_aionnxml_ZipMap.html) | float32 `[N, K]` or `[K]` | float32 `[N, K]`, whose columns have the labels as keys |
//! | [`DictVectorizer`](https://onnx.ai/onnx/operators/onnx_aionnxml_DictVectorizer.html) | keys `[M]` of int64 or strings, values `[M]` | the type of the values, `[1, vocabulary]` |
//! | [`CastMap`](https://onnx.ai/onnx/operators/onnx_aionnxml_CastMap.html) | keys `[M]` of int64, values `[M]` of float32 or strings | float32, int64 or strings, `[1, M]` in the order of the keys, or `[1, max_map]` with a key's value at its place |
//!
//! A key that the vocabulary lacks, or that lies outside of `max_map`, is left out.

use std::collections::{BTreeMap, HashMap};

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;
use super::labels::Labels;
use super::tensor::{elements, expect_extent, expect_type, expect_width, rows, table, tensor};
use super::text::number::parse;
use super::written::{Built, Kernel, Shape, build, inputs};

/// Registers the three operators.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    let operators = &mut onnx.op_register;
    operators.insert("ZipMap", zip_map);
    operators.insert("DictVectorizer", dict_vectorizer);
    operators.insert("CastMap", cast_map);
}

fn zip_map(_: &ParsingContext, node: &NodeProto) -> Built {
    let labels = Labels::new(Attributes(node), "classlabels_int64s", "classlabels_strings")?;
    build(ZipMap { keys: labels.len() })
}

#[derive(Debug)]
struct ZipMap {
    keys: usize,
}

impl Kernel for ZipMap {
    fn name(&self) -> &'static str {
        "ZipMap"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("ZipMap", &types.iter().collect::<Vec<_>>())?;
        expect_type("ZipMap", *input, &[DatumType::F32])?;
        Ok(tvec!(*input))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("ZipMap", shapes)?;
        expect_extent("ZipMap", input, self.keys)?;
        Ok(tvec!(table("ZipMap", input, self.keys)?))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("ZipMap", tensors)?;
        let (count, width) = rows("ZipMap", input.shape())?;
        expect_width("ZipMap", width, self.keys)?;
        Ok(tvec!(input.clone().into_shape(&[count, width])?))
    }
}

/// How many keys and values there are in a map.
fn map_length(name: &str, keys: &Tensor, values: &Tensor) -> TractResult<usize> {
    if keys.shape() != values.shape() || keys.rank() != 1 {
        bail!("{name} has keys of shape {:?} and values of {:?}", keys.shape(), values.shape());
    }
    Ok(keys.len())
}

fn dict_vectorizer(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let strings = attributes.strings("string_vocabulary")?;
    let integers = attributes.ints("int64_vocabulary")?;
    if strings.is_empty() == integers.is_empty() {
        bail!(
            "one of the attributes string_vocabulary and int64_vocabulary is required, and only one"
        );
    }
    let columns = strings.len().max(integers.len());
    build(DictVectorizer {
        columns,
        strings: strings.into_iter().zip(0..).collect(),
        integers: integers.into_iter().zip(0..).collect(),
    })
}

#[derive(Debug)]
struct DictVectorizer {
    columns: usize,
    strings: HashMap<String, usize>,
    integers: HashMap<i64, usize>,
}

impl DictVectorizer {
    fn fill<T: Datum + Default>(
        &self,
        columns: &[Option<usize>],
        values: &Tensor,
    ) -> TractResult<Tensor> {
        let mut row = vec![T::default(); self.columns];
        for (column, value) in columns.iter().zip(elements::<T>(values)?) {
            if let Some(place) = column.and_then(|column| row.get_mut(column)) {
                *place = value.clone();
            }
        }
        tensor(row, &[1, self.columns])
    }
}

impl Kernel for DictVectorizer {
    fn name(&self) -> &'static str {
        "DictVectorizer"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [keys, values] = inputs("DictVectorizer", &types.iter().collect::<Vec<_>>())?;
        let expected = if self.strings.is_empty() { DatumType::I64 } else { DatumType::String };
        expect_type("DictVectorizer", *keys, &[expected])?;
        let accepted = [DatumType::F32, DatumType::F64, DatumType::I64, DatumType::String];
        expect_type("DictVectorizer", *values, &accepted)?;
        Ok(tvec!(*values))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [_, _] = inputs("DictVectorizer", shapes)?;
        Ok(tvec!(tvec!(1.to_dim(), self.columns.to_dim())))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [keys, values] = inputs("DictVectorizer", tensors)?;
        map_length("DictVectorizer", keys, values)?;
        let columns: Vec<_> = if keys.datum_type() == DatumType::String {
            elements::<String>(keys)?.iter().map(|key| self.strings.get(key).copied()).collect()
        } else {
            elements::<i64>(keys)?.iter().map(|key| self.integers.get(key).copied()).collect()
        };
        Ok(tvec!(match values.datum_type() {
            DatumType::F32 => self.fill::<f32>(&columns, values)?,
            DatumType::F64 => self.fill::<f64>(&columns, values)?,
            DatumType::String => self.fill::<String>(&columns, values)?,
            _ => self.fill::<i64>(&columns, values)?,
        }))
    }
}

fn cast_map(_: &ParsingContext, node: &NodeProto) -> Built {
    /// Places in a row that is mostly padding.
    const MOST_PLACES: i64 = 1 << 24;
    let attributes = Attributes(node);
    let to = match attributes.text("cast_to", "TO_FLOAT")? {
        "TO_FLOAT" => DatumType::F32,
        "TO_STRING" => DatumType::String,
        "TO_INT64" => DatumType::I64,
        other => bail!(
            "attribute cast_to is {:?}; accepted are TO_FLOAT, TO_STRING and TO_INT64",
            other.chars().take(32).collect::<String>()
        ),
    };
    let places = match attributes.text("map_form", "DENSE")? {
        "DENSE" => None,
        "SPARSE" => match attributes.int("max_map", 1)? {
            places @ 1..=MOST_PLACES => Some(usize::try_from(places)?),
            other => bail!("attribute max_map is {other}; it must lie in 1..={MOST_PLACES}"),
        },
        other => bail!(
            "attribute map_form is {:?}; accepted are DENSE and SPARSE",
            other.chars().take(32).collect::<String>()
        ),
    };
    build(CastMap { to, places })
}

#[derive(Debug)]
struct CastMap {
    to: DatumType,
    /// How long the row is, where keys are places in it.
    places: Option<usize>,
}

impl CastMap {
    fn fill<T: Datum>(&self, map: BTreeMap<i64, T>, pad: T) -> TractResult<Tensor> {
        let Some(places) = self.places else {
            let values: Vec<_> = map.into_values().collect();
            let shape = [1, values.len()];
            return tensor(values, &shape);
        };
        if map.first_key_value().is_some_and(|(key, _)| *key < 0) {
            bail!("CastMap has a negative key, which is no place in a row");
        }
        let mut row = vec![pad; places];
        for (key, value) in map {
            if let Some(place) = usize::try_from(key).ok().and_then(|key| row.get_mut(key)) {
                *place = value;
            }
        }
        tensor(row, &[1, places])
    }
}

impl Kernel for CastMap {
    fn name(&self) -> &'static str {
        "CastMap"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [keys, values] = inputs("CastMap", &types.iter().collect::<Vec<_>>())?;
        expect_type("CastMap", *keys, &[DatumType::I64])?;
        expect_type("CastMap", *values, &[DatumType::F32, DatumType::String])?;
        Ok(tvec!(self.to))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [keys, _] = inputs("CastMap", shapes)?;
        let [length] = keys else { bail!("CastMap has keys of rank {}, not 1", keys.len()) };
        let places = self.places.map_or_else(|| length.clone(), |places| places.to_dim());
        Ok(tvec!(tvec!(1.to_dim(), places)))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [keys, values] = inputs("CastMap", tensors)?;
        map_length("CastMap", keys, values)?;
        let keys = elements::<i64>(keys)?.iter().copied();
        let texts: Vec<String> = match values.datum_type() {
            DatumType::String => elements::<String>(values)?.to_vec(),
            _ => elements::<f32>(values)?.iter().map(|value| format!("{value:.6}")).collect(),
        };
        if self.to == DatumType::String {
            return Ok(tvec!(self.fill(keys.zip(texts).collect(), "0.f".into())?));
        }
        let numbers: Vec<f32> = match values.datum_type() {
            DatumType::F32 => elements::<f32>(values)?.to_vec(),
            _ => texts.iter().map(|text| parse::<f32>(text)).collect::<TractResult<_>>()?,
        };
        if self.to == DatumType::F32 {
            return Ok(tvec!(self.fill(keys.zip(numbers).collect(), 0.0)?));
        }
        #[expect(clippy::cast_possible_truncation, reason = "cutting is what the operator does")]
        let whole = numbers.into_iter().map(|number| number as i64);
        Ok(tvec!(self.fill(keys.zip(whole).collect(), 0)?))
    }
}
