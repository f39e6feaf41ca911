//! Bounds that keep NaN: [`Relu`](https://onnx.ai/onnx/operators/onnx__Relu.html),
//! [`Clip`](https://onnx.ai/onnx/operators/onnx__Clip.html),
//! [`Max`](https://onnx.ai/onnx/operators/onnx__Max.html) and
//! [`Min`](https://onnx.ai/onnx/operators/onnx__Min.html) where a graph is run node by node. In plans
//! [`crate::graph`] sees to it.

use tract_onnx::tract_hir::internal::*;

use super::kernel::{
    Call, Kernels, Number, Value, broadcast, elements, expand_to, for_number, values_of,
};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add("Relu", relu);
    kernels.add("Clip", clip);
    kernels.add("Max", |call| all(call, true));
    kernels.add("Min", |call| all(call, false));
}

/// The greater or lesser of each pair of elements; NaN if one of them is.
pub(crate) fn bounded(a: &Tensor, b: &Tensor, greater: bool) -> TractResult<Tensor> {
    ensure!(a.datum_type() == b.datum_type(), "elements of two types are not compared");
    let shape = broadcast(a.shape(), b.shape())?;
    for_number!(a.datum_type(), T => {
        let better = |a: T, b: T| if greater { a.greater(b) } else { a.lesser(b) };
        let result: Vec<T> = match elements::<T>(b)? {
            [bound] if a.shape() == shape => {
                elements::<T>(a)?.iter().map(|a| better(*a, *bound)).collect()
            }
            _ => {
                let (a, b) = (expand_to(a, &shape)?, expand_to(b, &shape)?);
                let pairs = elements::<T>(&a)?.iter().zip(elements::<T>(&b)?);
                pairs.map(|(a, b)| better(*a, *b)).collect()
            }
        };
        values_of(&shape, result)
    })
}

fn relu(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let zero = Tensor::zero_scalar_dt(input.datum_type())?;
    Ok(vec![bounded(input, &zero, true)?.into()])
}

/// Before version 11 the bounds are attributes.
fn clip(call: &Call) -> TractResult<Vec<Value>> {
    let input = call.tensor(0)?;
    let bound = |place: usize, name: &str| -> TractResult<Option<Tensor>> {
        let attribute: Option<f32> = call.node.get_attr_opt(name)?;
        let bound = match (call.optional(place), attribute) {
            (Some(bound), _) => bound.clone(),
            (None, Some(bound)) => tensor0(bound),
            (None, None) => return Ok(None),
        };
        ensure!(bound.len() == 1, "a bound has {} elements, not 1", bound.len());
        Ok(Some(bound.cast_to_dt(input.datum_type())?.into_owned().into_shape(&[])?))
    };
    let mut result = input.clone();
    if let Some(lowest) = bound(1, "min")? {
        result = bounded(&result, &lowest, true)?;
    }
    if let Some(highest) = bound(2, "max")? {
        result = bounded(&result, &highest, false)?;
    }
    Ok(vec![result.into()])
}

fn all(call: &Call, greater: bool) -> TractResult<Vec<Value>> {
    let mut result = call.tensor(0)?.clone();
    for place in 1..call.inputs.len() {
        result = bounded(&result, call.tensor(place)?, greater)?;
    }
    Ok(vec![result.into()])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn nan_stays() {
        let (row, zero) = (tensor1(&[f32::NAN, -1.0, 2.0]), tensor0(0.0_f32));
        for (a, b) in [(&row, &zero), (&zero, &row)] {
            let result = bounded(a, b, true).unwrap();
            let values = elements::<f32>(&result).unwrap();
            assert!(matches!(values, [nan, 0.0, 2.0] if nan.is_nan()), "{values:?}");
        }
    }
}
