//! `ArrayFeatureExtractor` and `FeatureVectorizer`: columns taken out of a tensor, and put together.
//!
//! | operator | from | to |
//! |---|---|---|
//! | [`ArrayFeatureExtractor`](https://onnx.ai/onnx/operators/onnx_aionnxml_ArrayFeatureExtractor.html) | numbers or strings `[…, C]`, and indices of int64 of any shape with K elements | the same type, `[…, K]`; `[1, K]` from `[C]` |
//! | [`FeatureVectorizer`](https://onnx.ai/onnx/operators/onnx_aionnxml_FeatureVectorizer.html) | tensors of numbers `[N, C_i]` or `[C_i]` | float32 `[N, Σ inputdimensions]` |
//!
//! An index outside of its axis is an error. A tensor with more columns than its entry in
//! `inputdimensions` is cut, and one with fewer is padded with zeros.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::attribute::Attributes;
use super::tensor::{NUMBERS, cast, elements, expect_size, expect_type, row_extent, rows, tensor};
use super::written::{Built, Kernel, Shape, build, inputs};

/// Registers both operators.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("ArrayFeatureExtractor", array_feature_extractor);
    onnx.op_register.insert("FeatureVectorizer", feature_vectorizer);
}

fn array_feature_extractor(_: &ParsingContext, _: &NodeProto) -> Built {
    build(ArrayFeatureExtractor)
}

#[derive(Debug)]
struct ArrayFeatureExtractor;

impl Kernel for ArrayFeatureExtractor {
    fn name(&self) -> &'static str {
        "ArrayFeatureExtractor"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [data, indices] = inputs("ArrayFeatureExtractor", &types.iter().collect::<Vec<_>>())?;
        let [a, b, c, d] = NUMBERS;
        expect_type("ArrayFeatureExtractor", *data, &[a, b, c, d, DatumType::String])?;
        expect_type("ArrayFeatureExtractor", *indices, &[DatumType::I64, DatumType::I32])?;
        Ok(tvec!(*data))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [data, indices] = inputs("ArrayFeatureExtractor", shapes)?;
        let count = indices.iter().product();
        Ok(tvec!(match data {
            [] => bail!("ArrayFeatureExtractor has a scalar as input; accepted is rank 1 or more"),
            [_] => tvec!(1.to_dim(), count),
            [rows @ .., _] => rows.iter().cloned().chain([count]).collect(),
        }))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [data, indices] = inputs("ArrayFeatureExtractor", tensors)?;
        let Some((width, rows)) = data.shape().split_last() else {
            bail!("ArrayFeatureExtractor has a scalar as input; accepted is rank 1 or more")
        };
        let columns = cast::<i64>(indices)?;
        let column = |index: &i64| {
            usize::try_from(*index)
                .ok()
                .filter(|index| index < width)
                .with_context(|| format!("the index {index} lies outside of an axis of {width}"))
        };
        let columns = columns.iter().map(column).collect::<TractResult<Vec<_>>>()?;
        expect_size("ArrayFeatureExtractor", rows.iter().product(), columns.len())?;
        let mut shape: TVec<_> = if rows.is_empty() { tvec!(1) } else { rows.into() };
        shape.push(columns.len());
        Ok(tvec!(match data.datum_type() {
            DatumType::F32 => take::<f32>(data, *width, &columns, &shape)?,
            DatumType::F64 => take::<f64>(data, *width, &columns, &shape)?,
            DatumType::I32 => take::<i32>(data, *width, &columns, &shape)?,
            DatumType::String => take::<String>(data, *width, &columns, &shape)?,
            _ => take::<i64>(data, *width, &columns, &shape)?,
        }))
    }
}

fn take<T: Datum>(
    data: &Tensor,
    width: usize,
    columns: &[usize],
    shape: &[usize],
) -> TractResult<Tensor> {
    let rows = elements::<T>(data)?.chunks_exact(width.max(1));
    let taken = rows.flat_map(|row| columns.iter().filter_map(|column| row.get(*column).cloned()));
    tensor(taken.collect(), shape)
}

fn feature_vectorizer(_: &ParsingContext, node: &NodeProto) -> Built {
    /// Columns in all; a row of this many is 256 MiB.
    const MOST_COLUMNS: usize = 1 << 26;
    let widths = Attributes(node).ints("inputdimensions")?;
    let width = |width: &i64| {
        usize::try_from(*width).ok().filter(|width| *width <= MOST_COLUMNS).with_context(|| {
            format!("attribute inputdimensions has {width}; accepted are 0 to {MOST_COLUMNS}")
        })
    };
    let widths = widths.iter().map(width).collect::<TractResult<Vec<_>>>()?;
    if widths.is_empty() || widths.iter().sum::<usize>() > MOST_COLUMNS {
        bail!("attribute inputdimensions must have 1 to {MOST_COLUMNS} columns in all");
    }
    build(FeatureVectorizer { widths })
}

#[derive(Debug)]
struct FeatureVectorizer {
    /// How many columns of each input there are in the output.
    widths: Vec<usize>,
}

impl FeatureVectorizer {
    fn check_count(&self, inputs: usize) -> TractResult<()> {
        if inputs == self.widths.len() {
            return Ok(());
        }
        bail!("FeatureVectorizer has {inputs} inputs, but {} inputdimensions", self.widths.len())
    }
}

impl Kernel for FeatureVectorizer {
    fn name(&self) -> &'static str {
        "FeatureVectorizer"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        self.check_count(types.len())?;
        types.iter().try_for_each(|input| expect_type("FeatureVectorizer", *input, &NUMBERS))?;
        Ok(tvec!(DatumType::F32))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        self.check_count(shapes.len())?;
        let first = shapes.first().context("FeatureVectorizer has no input")?;
        let total: usize = self.widths.iter().sum();
        Ok(tvec!(tvec!(row_extent("FeatureVectorizer", first)?, total.to_dim())))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        self.check_count(tensors.len())?;
        let first = tensors.first().context("FeatureVectorizer has no input")?;
        let (count, _) = rows("FeatureVectorizer", first.shape())?;
        let total: usize = self.widths.iter().sum();
        let size = expect_size("FeatureVectorizer", count, total)?;
        let mut out = vec![0.0_f32; size];
        let mut start = 0;
        for (input, width) in tensors.iter().zip(&self.widths) {
            let (found, columns) = rows("FeatureVectorizer", input.shape())?;
            if found != count {
                bail!("FeatureVectorizer has inputs of {count} and of {found} rows");
            }
            let numbers = cast::<f32>(input)?;
            let to = out.chunks_exact_mut(total.max(1));
            for (to, from) in to.zip(numbers.chunks_exact(columns.max(1))) {
                let to = to.get_mut(start..start + width).unwrap_or_default();
                to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
            start += width;
        }
        Ok(tvec!(tensor(out, &[count, total])?))
    }
}
