//! [`MatMul`](https://onnx.ai/onnx/operators/onnx__MatMul.html) and
//! [`Gemm`](https://onnx.ai/onnx/operators/onnx__Gemm.html) where a graph is run node by node.
//!
//! tract picks an algorithm by the shapes, and a row of a batch has to have the same bits whatever
//! the number of rows. So the products are calculated here: each sum in the order of the inner axis.

use tract_onnx::tract_hir::internal::*;

use super::kernel::{
    Call, Kernels, Number, Value, at, broadcast, each_index, elements, expand_to, floats,
    for_number, offset, stretched, values_of, volume,
};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add("MatMul", matmul);
    kernels.add("Gemm", gemm);
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
    Ok(vec![multiplied(&product, a, b)?.into()])
}

/// `alpha · A · B + beta · C`, where A and B may be turned over.
fn gemm(call: &Call) -> TractResult<Vec<Value>> {
    let (alpha, beta) = (call.float("alpha", 1.0)?, call.float("beta", 1.0)?);
    let turned = |place: usize, name: &str| -> TractResult<Tensor> {
        let tensor = call.tensor(place)?.clone();
        ensure!(tensor.rank() == 2, "Gemm has a matrix of rank {}", tensor.rank());
        if call.flag(name, false)? { tensor.permute_axes(&[1, 0]) } else { Ok(tensor) }
    };
    let (a, b) = (turned(0, "transA")?, turned(1, "transB")?);
    ensure!(a.datum_type() == b.datum_type(), "matrices of two types");
    let product = Product::new(a.shape(), b.shape())?;
    let datum = a.datum_type();
    volume(datum, &product.shape)?;
    let result = multiplied(&product, &a, &b)?;
    let added = call.optional(2).map(|added| expand_to(added, &product.shape)).transpose()?;
    if datum.is_float() {
        let scaled = floats(&result)?.into_iter().map(|value| alpha * value);
        let sums = match added {
            Some(added) => scaled.zip(floats(&added)?).map(|(a, c)| a + beta * c).collect(),
            None => scaled.collect::<Vec<f32>>(),
        };
        return Ok(vec![values_of(&product.shape, sums)?.cast_to_dt(datum)?.into_owned().into()]);
    }
    ensure!(alpha == 1.0 && beta == 1.0, "alpha and beta of integers are 1");
    let Some(added) = added else { return Ok(vec![result.into()]) };
    for_number!(datum, T => {
        let pairs = elements::<T>(&result)?.iter().zip(elements::<T>(&added)?);
        let sums = pairs.map(|(a, c)| a.plus(*c)).collect::<Vec<T>>();
        Ok(vec![values_of(&product.shape, sums)?.into()])
    })
}

fn multiplied(product: &Product, a: &Tensor, b: &Tensor) -> TractResult<Tensor> {
    if a.datum_type() == DatumType::F16 {
        // Sums are taken in float32 and rounded once.
        let result = multiply(product, &floats(a)?, &floats(b)?)?;
        return Ok(values_of(&product.shape, result)?.cast_to::<f16>()?.into_owned());
    }
    for_number!(a.datum_type(), T => {
        let result = multiply(product, elements::<T>(a)?, elements::<T>(b)?)?;
        values_of(&product.shape, result)
    })
}

fn multiply<T: Number>(product: &Product, a: &[T], b: &[T]) -> TractResult<Vec<T>> {
    let Product { rows, inner, columns, batch, .. } = product;
    let size = rows * columns;
    let mut result = vec![T::ZERO; batch.iter().product::<usize>() * size];
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
                let pairs = target.iter_mut().zip(right);
                pairs.for_each(|(sum, value)| *sum = sum.plus(left.times(*value)));
            }
        }
        number += 1;
        Ok(())
    })?;
    Ok(result)
}
