//! Losses: [`NegativeLogLikelihoodLoss`](https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html)
//! and [`SoftmaxCrossEntropyLoss`](https://onnx.ai/onnx/operators/onnx__SoftmaxCrossEntropyLoss.html).
//!
//! Scores are `[N, C, d1, …]`, targets `[N, d1, …]`. Sums are taken in binary64 in the order of the
//! targets.

use tract_onnx::tract_hir::internal::*;

use super::kernel::{Call, Kernels, Value, around, at, at_mut, doubles, from_doubles, integers};

pub(super) fn register(kernels: &mut Kernels) {
    kernels.add("NegativeLogLikelihoodLoss", negative_log_likelihood);
    kernels.add("SoftmaxCrossEntropyLoss", softmax_cross_entropy);
}

fn negative_log_likelihood(call: &Call) -> TractResult<Vec<Value>> {
    let scores = doubles(call.tensor(0)?)?;
    Ok(vec![loss(call, &scores)?.into()])
}

fn softmax_cross_entropy(call: &Call) -> TractResult<Vec<Value>> {
    let tensor = call.tensor(0)?;
    let mut scores = doubles(tensor)?;
    ensure!(tensor.rank() >= 2, "scores of rank {}; accepted is 2 or more", tensor.rank());
    let (items, classes, places) = around(tensor.shape(), 1);
    for item in 0..items {
        for place in 0..places {
            let index = |class: usize| (item * classes + class) * places + place;
            let column = (0..classes).map(|class| at(&scores, index(class)));
            let column = column.collect::<TractResult<Vec<_>>>()?;
            let largest = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = column.iter().map(|score| libm::exp(score - largest)).sum();
            let shift = largest + libm::log(sum);
            for class in 0..classes {
                *at_mut(&mut scores, index(class))? -= shift;
            }
        }
    }
    let loss = loss(call, &scores)?;
    let logarithms = from_doubles(tensor.datum_type(), tensor.shape(), scores)?;
    Ok(vec![loss.into(), logarithms.into()])
}

/// The loss of logarithms of probabilities.
fn loss(call: &Call, scores: &[f64]) -> TractResult<Tensor> {
    let (tensor, targets) = (call.tensor(0)?, call.tensor(1)?);
    let shape = tensor.shape();
    ensure!(shape.len() >= 2, "scores of rank {}; accepted is 2 or more", shape.len());
    let (items, classes, places) = around(shape, 1);
    let own = shape.iter().take(1).chain(shape.iter().skip(2));
    ensure!(own.eq(targets.shape()), "targets of shape {:?} for {shape:?}", targets.shape());
    let weights = call.optional(2).map(doubles).transpose()?;
    let ignored: Option<i64> = call.node.get_attr_opt("ignore_index")?;
    let mut losses = Vec::with_capacity(items * places);
    let (mut sum, mut weight_sum) = (0.0, 0.0);
    for (number, target) in integers(targets)?.into_iter().enumerate() {
        if Some(target) == ignored {
            losses.push(0.0);
            continue;
        }
        let class = usize::try_from(target).ok().filter(|class| *class < classes);
        let class = class.with_context(|| format!("the target {target} of {classes} classes"))?;
        let (item, place) = (number / places, number % places);
        let weight = weights.as_ref().map_or(Ok(1.0), |weights| at(weights, class))?;
        let loss = -at(scores, (item * classes + class) * places + place)? * weight;
        sum += loss;
        weight_sum += weight;
        losses.push(loss);
    }
    let datum = tensor.datum_type();
    match call.text("reduction", "mean")?.as_str() {
        "none" => from_doubles(datum, targets.shape(), losses),
        "sum" => from_doubles(datum, &[], vec![sum]),
        "mean" => from_doubles(datum, &[], vec![sum / weight_sum]),
        other => bail!("reduction is {other:?}; accepted are none, sum and mean"),
    }
}
