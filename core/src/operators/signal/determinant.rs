//! [`Det`](https://onnx.ai/onnx/operators/onnx__Det.html), in binary64.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, at, at_mut, doubles, from_doubles};

pub(super) fn determinant(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let Some((batch, &[size, columns])) = input.shape().split_last_chunk() else {
        bail!("an input of rank {}; accepted is 2 or more", input.rank())
    };
    ensure!(size == columns, "matrices of {size} × {columns} are not square");
    let values = doubles(input)?;
    let count = batch.iter().product();
    let mut results = Vec::with_capacity(count);
    for number in 0..count {
        let matrix = values.iter().skip(number * size * size).take(size * size);
        results.push(eliminate(&mut matrix.copied().collect::<Vec<_>>(), size)?);
    }
    Ok(vec![from_doubles(input.datum_type(), batch, results)?.into()])
}

/// The determinant by elimination with the largest pivot.
fn eliminate(matrix: &mut [f64], size: usize) -> TractResult<f64> {
    let mut determinant = 1.0;
    for step in 0..size {
        let mut pivot = step;
        for row in step..size {
            if at(matrix, row * size + step)?.abs() > at(matrix, pivot * size + step)?.abs() {
                pivot = row;
            }
        }
        if pivot != step {
            (0..size).for_each(|column| matrix.swap(pivot * size + column, step * size + column));
            determinant = -determinant;
        }
        let diagonal = at(matrix, step * size + step)?;
        determinant *= diagonal;
        if diagonal == 0.0 {
            return Ok(0.0);
        }
        for row in step + 1..size {
            let factor = at(matrix, row * size + step)? / diagonal;
            for column in step..size {
                let above = at(matrix, step * size + column)?;
                *at_mut(matrix, row * size + column)? -= factor * above;
            }
        }
    }
    Ok(determinant)
}
