//! Weights of 8 bits, dequantised while the graph is read. What tract does there element by element through
//! its general operators was a third of the time that a model of such weights took to load.

use tract_onnx::tract_hir::internal::*;

use super::kernel::{self, around};

/// `(x − zero point) · scale` where all three are known: `x` of 8 bits, and one scale and zero point for all
/// elements or for each place along `axis`. `None` for anything else.
///
/// The difference of two integers of 8 bits is exact in binary32, so the product is rounded once, as in tract.
pub(super) fn weights(axis: i64, inputs: &[Option<Arc<Tensor>>]) -> TractResult<Option<Tensor>> {
    let [Some(input), Some(scale), zeros @ ..] = inputs else { return Ok(None) };
    let zeros = match zeros {
        [] => None,
        [Some(zeros)] if zeros.datum_type() == input.datum_type() => Some(&**zeros),
        _ => return Ok(None),
    };
    if scale.datum_type() != DatumType::F32 {
        return Ok(None);
    }
    match input.datum_type() {
        DatumType::I8 => along::<i8>(axis, input, scale, zeros),
        DatumType::U8 => along::<u8>(axis, input, scale, zeros),
        _ => Ok(None),
    }
}

fn along<T: Datum + Copy + Default + Into<f32>>(
    axis: i64,
    input: &Tensor,
    scale: &Tensor,
    zeros: Option<&Tensor>,
) -> TractResult<Option<Tensor>> {
    let shape = input.shape();
    let (_, extent, inner) =
        kernel::axis(axis, shape.len()).map_or((1, 1, input.len()), |axis| around(shape, axis));
    let scales = scale.try_as_plain_ram()?.as_slice::<f32>()?;
    let zeros = match zeros {
        Some(zeros) => zeros.try_as_plain_ram()?.as_slice::<T>()?,
        None => &[T::default()],
    };
    let (Some(scales), Some(zeros)) = (spread(scales, extent), spread(zeros, extent)) else {
        return Ok(None);
    };
    let steps: Vec<(f32, f32)> = zeros.map(T::into).zip(scales).collect();

    let values = input.try_as_plain_ram()?.as_slice::<T>()?;
    let mut tensor = Tensor::zero::<f32>(shape)?;
    let mut plain = tensor.try_as_plain_ram_mut()?;
    let results = plain.as_slice_mut::<f32>()?;
    let dequantise = |result: &mut f32, value: &T, (zero, scale): &(f32, f32)| {
        *result = ((*value).into() - zero) * scale;
    };
    let row = steps.len().max(1) * inner.max(1);
    for (results, values) in results.chunks_mut(row).zip(values.chunks(row)) {
        if inner == 1 {
            for ((result, value), step) in results.iter_mut().zip(values).zip(&steps) {
                dequantise(result, value, step);
            }
            continue;
        }
        let places = results.chunks_mut(inner.max(1)).zip(values.chunks(inner.max(1)));
        for ((results, values), step) in places.zip(&steps) {
            for (result, value) in results.iter_mut().zip(values) {
                dequantise(result, value, step);
            }
        }
    }
    Ok(Some(tensor))
}

/// One value for each place of an axis, from one for each or one for all.
fn spread<T: Copy>(values: &[T], extent: usize) -> Option<impl Iterator<Item = T> + '_> {
    let one = values.len() == 1;
    (one || values.len() == extent).then(|| {
        (0..extent).filter_map(move |place| values.get(if one { 0 } else { place })).copied()
    })
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;

    fn dequantised(axis: i64, zeros: Tensor) -> Option<Vec<f32>> {
        let input = tensor2(&[[1_i8, 2, 3], [-128, 127, 0]]).into_arc_tensor();
        let scale = if zeros.len() == 2 { tensor1(&[0.5_f32, 3.0]) } else { tensor1(&[0.1_f32]) };
        let inputs = [Some(input), Some(scale.into_arc_tensor()), Some(zeros.into_arc_tensor())];
        let result = weights(axis, &inputs).expect("it is computed")?;
        assert_eq!(result.shape(), [2, 3]);
        Some(
            result
                .try_as_plain_ram()
                .and_then(|it| Ok(it.as_slice::<f32>()?.to_vec()))
                .expect("f32"),
        )
    }

    #[test]
    fn along_rows_and_for_all() {
        let rows = dequantised(0, tensor1(&[1_i8, -1])).expect("known");
        assert_eq!(rows, [0.0, 0.5, 1.0, -381.0, 384.0, 3.0]);
        assert_eq!(dequantised(-2, tensor1(&[1_i8, -1])).expect("known"), rows);
        let all = dequantised(1, tensor0(2_i8)).expect("known");
        assert_eq!(all, [-1.0, 0.0, 1.0, -130.0, 125.0, -2.0].map(|x: f32| x * 0.1));
    }

    #[test]
    fn along_columns() {
        let input = tensor2(&[[1_u8, 2, 3], [255, 0, 9]]).into_arc_tensor();
        let scale = tensor1(&[1.0_f32, 2.0, 4.0]).into_arc_tensor();
        let result = weights(1, &[Some(input), Some(scale)]).expect("computed").expect("known");
        assert_eq!(result, tensor2(&[[1.0_f32, 4.0, 12.0], [255.0, 0.0, 36.0]]));
    }

    #[test]
    fn anything_else_is_left_to_the_operator() {
        assert!(dequantised(0, tensor1(&[1_u8, 1])).is_none(), "of another type");
        assert!(dequantised(1, tensor1(&[1_i8, 1])).is_none(), "another axis");
        assert!(weights(1, &[None, Some(rctensor0(1.0_f32))]).expect("computed").is_none());
    }
}
