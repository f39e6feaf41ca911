//! Whole tensors as slices and back, and the shapes that the operators of `ai.onnx.ml` share.

use std::borrow::Cow;

use tract_onnx::tract_hir::internal::*;

use super::written::Shape;

/// The types of numbers that most operators of `ai.onnx.ml` take.
pub(super) const NUMBERS: [DatumType; 4] =
    [DatumType::F32, DatumType::F64, DatumType::I64, DatumType::I32];

/// Refuses an input of a type that is not accepted.
pub(super) fn expect_type(name: &str, found: DatumType, accepted: &[DatumType]) -> TractResult<()> {
    if accepted.contains(&found) {
        return Ok(());
    }
    let accepted = accepted.iter().map(|t| format!("{t:?}")).collect::<Vec<_>>().join(", ");
    bail!("{name} has an input of type {found:?}; accepted are {accepted}")
}

/// The elements of a tensor.
pub(super) fn elements<T: Datum>(tensor: &Tensor) -> TractResult<&[T]> {
    tensor.try_as_plain_ram()?.as_slice::<T>()
}

/// The elements of a tensor of numbers, as `T`.
pub(super) fn cast<T: Datum>(tensor: &Tensor) -> TractResult<Cow<'_, [T]>> {
    Ok(match tensor.cast_to::<T>()? {
        Cow::Borrowed(tensor) => Cow::Borrowed(elements(tensor)?),
        Cow::Owned(tensor) => Cow::Owned(elements(&tensor)?.to_vec()),
    })
}

/// A tensor of these elements.
pub(super) fn tensor<T: Datum>(elements: Vec<T>, shape: &[usize]) -> TractResult<Tensor> {
    Ok(tract_ndarray::ArrayD::from_shape_vec(shape, elements)?.into_tensor())
}

/// The number of rows and of columns. A vector is one row; of more dimensions all but the first
/// make the columns.
pub(super) fn rows(name: &str, shape: &[usize]) -> TractResult<(usize, usize)> {
    match shape {
        [] => bail!("{name} has a scalar as input; accepted are rows and columns"),
        [columns] => Ok((1, *columns)),
        [rows, columns @ ..] => Ok((*rows, columns.iter().product())),
    }
}

/// The extent of the rows in a typed graph; see [`rows`].
pub(super) fn row_extent(name: &str, shape: &[TDim]) -> TractResult<TDim> {
    match shape {
        [] => bail!("{name} has a scalar as input; accepted are rows and columns"),
        [_] => Ok(1.to_dim()),
        [rows, ..] => Ok(rows.clone()),
    }
}

/// The number of elements of a result, which must fit beside everything else in a 32-bit memory.
pub(super) fn expect_size(name: &str, rows: usize, columns: usize) -> TractResult<usize> {
    const MOST_ELEMENTS: usize = 1 << 26;
    let size = rows.checked_mul(columns).filter(|size| *size <= MOST_ELEMENTS);
    size.with_context(|| {
        format!("{name} gives {rows} times {columns} elements, more than {MOST_ELEMENTS}")
    })
}

/// Checks that rows have as many columns as a model was made for.
pub(super) fn expect_width(name: &str, found: usize, expected: usize) -> TractResult<()> {
    if found == expected {
        return Ok(());
    }
    bail!("{name} was made for rows of {expected} features, found {found}")
}

/// Checks the width of the rows of a typed graph, where it is known.
pub(super) fn expect_extent(name: &str, shape: &[TDim], expected: usize) -> TractResult<()> {
    let columns = if shape.len() < 2 { shape } else { shape.get(1..).unwrap_or_default() };
    let width = columns.iter().map(|extent| extent.to_usize().ok()).product::<Option<usize>>();
    width.map_or(Ok(()), |width| expect_width(name, width, expected))
}

/// The shape of one row of `columns` for each row of the input.
pub(super) fn table(name: &str, input: &[TDim], columns: usize) -> TractResult<Shape> {
    Ok(tvec!(row_extent(name, input)?, columns.to_dim()))
}
