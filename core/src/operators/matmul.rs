//! [`MatMul`](https://onnx.ai/onnx/operators/onnx__MatMul.html) where a graph is run node by node.
//!
//! Large products of float32 are tract's. Small ones, other types, and the shapes that tract refuses
//! are calculated here, each sum in the order of the inner axis.

use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::matmul::MatMulInference;

use super::kernel::{
    Call, Kernels, Number, Value, at, at_mut, broadcast, each_index, elements, floats, for_number,
    offset, stretched, values_of, volume,
};

/// Products of more multiplications than this are worth tract's preparations.
const LARGE: usize = 1 << 16;

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add("MatMul", matmul);
}

/// The shapes of a product.
struct Product {
    batch_a: Vec<usize>,
    batch_b: Vec<usize>,
    batch: Vec<usize>,
    rows: usize,
    inner: usize,
    columns: usize,
    shape: Vec<usize>,
}

impl Product {
    fn new(a: &[usize], b: &[usize]) -> TractResult<Self> {
        let (mut left, mut right) = (a.to_vec(), b.to_vec());
        if left.len() == 1 {
            left.insert(0, 1);
        }
        if right.len() == 1 {
            right.push(1);
        }
        let (Some((batch_a, [rows, inner])), Some((batch_b, [depth, columns]))) =
            (left.split_last_chunk(), right.split_last_chunk())
        else {
            bail!("a product of matrices has a scalar")
        };
        ensure!(inner == depth, "matrices of shapes {a:?} and {b:?} can't be multiplied");
        let batch = broadcast(batch_a, batch_b)?;
        let mut shape = batch.clone();
        shape.extend((a.len() > 1).then_some(*rows));
        shape.extend((b.len() > 1).then_some(*columns));
        let (batch_a, batch_b) = (batch_a.to_vec(), batch_b.to_vec());
        let (rows, inner, columns) = (*rows, *inner, *columns);
        Ok(Self { batch_a, batch_b, batch, rows, inner, columns, shape })
    }
}

fn matmul(call: &Call) -> TractResult<Vec<Value>> {
    let (a, b) = (call.tensor(0)?, call.tensor(1)?);
    ensure!(a.datum_type() == b.datum_type(), "matrices of two types");
    let product = Product::new(a.shape(), b.shape())?;
    volume(a.datum_type(), &product.shape)?;
    let steps = product.shape.iter().try_fold(product.inner, |steps, n| steps.checked_mul(*n));
    let large = steps.is_none_or(|steps| steps > LARGE);
    if large && a.datum_type() == DatumType::F32 && a.rank() > 1 && b.rank() > 1 {
        let inputs = tvec!(
            call.value(0)?.tensor.clone().into_tvalue(),
            call.value(1)?.tensor.clone().into_tvalue()
        );
        // tract refuses some shapes, such as rows of a single element.
        if let Ok(outputs) =
            expand(MatMulInference::default()).eval(&EvalContext::out_of_plan(), inputs)
        {
            let output = outputs.into_iter().next().context("tract gives no product")?;
            return Ok(vec![output.into_arc_tensor().into()]);
        }
    }
    if a.datum_type() == DatumType::F16 {
        let (left, right) = (floats(a)?, floats(b)?);
        let result = values_of(
            &product.shape,
            multiply(&product, &left, &right, 0.0, |s, x, y| s + x * y)?,
        )?;
        return Ok(vec![result.cast_to::<f16>()?.into_owned().into()]);
    }
    for_number!(a.datum_type(), T => {
        let (left, right) = (elements::<T>(a)?, elements::<T>(b)?);
        let result = multiply(&product, left, right, T::ZERO, |s, x, y| s.plus(x.times(y)))?;
        Ok(vec![values_of(&product.shape, result)?.into()])
    })
}

fn multiply<T: Copy>(
    product: &Product,
    a: &[T],
    b: &[T],
    zero: T,
    step: impl Fn(T, T, T) -> T,
) -> TractResult<Vec<T>> {
    let Product { rows, inner, columns, batch, .. } = product;
    let size = rows * columns;
    let mut result = vec![zero; batch.iter().product::<usize>() * size];
    let (steps_a, steps_b) =
        (stretched(&product.batch_a, batch)?, stretched(&product.batch_b, batch)?);
    let mut number = 0;
    each_index(batch, |index| {
        let from_a = offset(index, &steps_a) * rows * inner;
        let from_b = offset(index, &steps_b) * inner * columns;
        for row in 0..*rows {
            let start = number * size + row * columns;
            let target = result.get_mut(start..start + columns).context("a row outside")?;
            for place in 0..*inner {
                let left = at(a, from_a + row * inner + place)?;
                let start = from_b + place * columns;
                let right = b.get(start..start + columns).context("a row outside")?;
                for (column, value) in right.iter().enumerate() {
                    let sum = at_mut(target, column)?;
                    *sum = step(*sum, left, *value);
                }
            }
        }
        number += 1;
        Ok(())
    })?;
    Ok(result)
}
