//! [`AffineGrid`](https://onnx.ai/onnx/operators/onnx__AffineGrid.html): where each place of an
//! output lies in the input, between −1 and 1.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, at, each_index, extents, floats, values_of, volume};

pub(crate) fn affine_grid(call: &Call) -> TractResult<Vec<Value>> {
    let theta = call.tensor(0)?;
    let size = extents(&call.integers(1)?.context("the size is missing")?)?;
    let (Some((batch, [_, spatial @ ..])), &[own, rows, columns]) =
        (size.split_first(), theta.shape())
    else {
        bail!("a size of {size:?} for matrices of shape {:?}", theta.shape())
    };
    ensure!(
        own == *batch && rows == spatial.len() && columns == rows + 1 && (2..=3).contains(&rows),
        "a size of {size:?} for matrices of shape {:?}",
        theta.shape()
    );
    let aligned = call.flag("align_corners", false)?;
    let coordinate = |place: usize, extent: usize| -> f32 {
        let (place, extent) = (place as f32, extent as f32);
        match aligned {
            true if extent <= 1.0 => 0.0,
            true => -1.0 + 2.0 * place / (extent - 1.0),
            false => -1.0 + (2.0 * place + 1.0) / extent,
        }
    };
    let matrices = floats(theta)?;
    let mut shape = vec![*batch];
    shape.extend_from_slice(spatial);
    shape.push(rows);
    let mut grid = Vec::with_capacity(volume(DatumType::F32, &shape)?);
    for item in 0..*batch {
        each_index(spatial, |index| {
            // The last axis of the image is the first coordinate.
            let pairs = index.iter().zip(spatial).rev();
            let point: Vec<f32> =
                pairs.map(|(place, extent)| coordinate(*place, *extent)).collect();
            for row in 0..rows {
                let start = (item * rows + row) * columns;
                let mut sum = at(&matrices, start + rows)?;
                for (column, value) in point.iter().enumerate() {
                    sum += at(&matrices, start + column)? * value;
                }
                grid.push(sum);
            }
            Ok(())
        })?;
    }
    Ok(vec![values_of(&shape, grid)?.cast_to_dt(theta.datum_type())?.into_owned().into()])
}
