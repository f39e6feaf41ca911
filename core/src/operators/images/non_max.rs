//! [`NonMaxSuppression`](https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html), for graphs that run
//! node by node: there tract's has lost the name of how many boxes are left.
//!
//! Of equal scores the first box comes first, as in ONNX Runtime.

use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Call, Value, at, floats, values_of};

/// A box by its corners, the lesser ones first.
struct Corners {
    low: [f32; 2],
    high: [f32; 2],
}

impl Corners {
    fn new(numbers: &[f32], by_center: bool) -> TractResult<Self> {
        let &[a, b, c, d] = numbers else { bail!("a box of {} numbers, not 4", numbers.len()) };
        if by_center {
            let (width, height) = (c / 2.0, d / 2.0);
            return Ok(Self { low: [a - width, b - height], high: [a + width, b + height] });
        }
        Ok(Self { low: [a.min(c), b.min(d)], high: [a.max(c), b.max(d)] })
    }

    fn area(&self) -> f32 {
        (self.high[0] - self.low[0]) * (self.high[1] - self.low[1])
    }

    /// Whether the part that both have is more than `most` of what either has.
    fn overlaps(&self, other: &Self, most: f32) -> bool {
        let side = |axis: fn(&[f32; 2]) -> f32| {
            axis(&self.high).min(axis(&other.high)) - axis(&self.low).max(axis(&other.low))
        };
        let sides = [side(|[first, _]| *first), side(|[_, second]| *second)];
        let (own, others) = (self.area(), other.area());
        if own <= 0.0 || others <= 0.0 || sides.iter().any(|side| *side <= 0.0) {
            return false;
        }
        let both: f32 = sides.iter().product();
        both / (own + others - both) > most
    }
}

pub(crate) fn non_max_suppression(call: &Call) -> TractResult<Vec<Value>> {
    let (boxes, scores) = (call.tensor(0)?, call.tensor(1)?);
    let (&[batch, count, 4], &[batches, classes, scored]) = (boxes.shape(), scores.shape()) else {
        bail!("boxes of shape {:?} and scores of {:?}", boxes.shape(), scores.shape())
    };
    ensure!((batch, count) == (batches, scored), "{batches} × {scored} scores of {count} boxes");
    // As many as there are, where the number is larger than any that memory holds.
    let most = call.integer(2)?.unwrap_or(0).max(0);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let number = |place: usize| -> TractResult<Option<f32>> {
        call.floats(place)?.map(|values| at(&values, 0)).transpose()
    };
    let (overlap, least) = (number(3)?.unwrap_or(0.0), number(4)?);
    let by_center = call.flag("center_point_box", false)?;
    let corners = floats(boxes)?;
    let corners = corners.chunks_exact(4).map(|numbers| Corners::new(numbers, by_center));
    let corners = corners.collect::<TractResult<Vec<_>>>()?;
    let scores = floats(scores)?;
    let mut selected: Vec<i64> = Vec::new();
    for (batch, class) in (0..batch).flat_map(|batch| (0..classes).map(move |c| (batch, c))) {
        let from = (batch * classes + class) * count;
        let own = scores.get(from..from + count).context("too few scores")?;
        let mut order: Vec<_> = own
            .iter()
            .enumerate()
            .filter(|(_, score)| least.is_none_or(|least| **score > least))
            .collect();
        order.sort_by(|a, b| b.1.total_cmp(a.1));
        let mut kept: Vec<&Corners> = Vec::new();
        for (place, _) in order {
            if kept.len() >= most {
                break;
            }
            let corners = corners.get(batch * count + place).context("too few boxes")?;
            if kept.iter().all(|other| !corners.overlaps(other, overlap)) {
                kept.push(corners);
                for number in [batch, class, place] {
                    selected.push(i64::try_from(number)?);
                }
            }
        }
    }
    Ok(vec![values_of(&[selected.len() / 3, 3], selected)?.into()])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use tract_onnx::pb::NodeProto;

    use super::*;
    use crate::operators::kernel::integers;

    /// The places that are selected of four squares in a row, each a half over the one before.
    fn run(most: i64, overlap: f32, least: Option<f32>) -> Vec<i64> {
        let node = NodeProto { op_type: "NonMaxSuppression".into(), ..NodeProto::default() };
        let square = |place: usize| {
            let left = place as f32 / 2.0;
            // The corners come in any order.
            [1.0, left + 1.0, 0.0, left]
        };
        let boxes: Vec<_> = (0..4).flat_map(square).collect();
        let mut inputs: Vec<_> = [
            Tensor::from_shape(&[1, 4, 4], &boxes).unwrap(),
            Tensor::from_shape(&[1, 1, 4], &[0.5_f32, 0.9, 0.9, 0.2]).unwrap(),
            tensor1(&[most]),
            tensor1(&[overlap]),
        ]
        .into_iter()
        .map(|tensor| Some(Value::from(tensor)))
        .collect();
        inputs.extend(least.map(|least| Some(Value::from(tensor1(&[least])))));
        let call = Call { node: &node, opset: 13, inputs: &inputs };
        let selected = integers(&non_max_suppression(&call).unwrap()[0].tensor).unwrap();
        selected.chunks(3).map(|chosen| chosen[2]).collect()
    }

    #[test]
    fn boxes_that_overlap_a_better_one_go() {
        // Neighbours share a third of what either has.
        assert_eq!(run(9, 0.3, None), [1, 3]);
        assert_eq!(run(9, 0.4, None), [1, 2, 0, 3]);
        assert_eq!(run(3, 0.4, None), [1, 2, 0]);
        assert_eq!(run(i64::MAX, 0.4, None), [1, 2, 0, 3]);
        assert_eq!(run(9, 0.4, Some(0.5)), [1, 2]);
        assert!(run(0, 0.4, None).is_empty());
    }
}
