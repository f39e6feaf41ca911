//! [`OneHot`](https://onnx.ai/onnx/operators/onnx__OneHot.html). An index outside of the depth marks
//! no place; tract crashes on it.

use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{
    Call, Value, around, at, axis, elements, extent, for_type, integers, pick, values_of, volume,
};

pub(crate) fn facts(
    node: &NodeProto,
    inputs: &[Option<&TypedFact>],
) -> TractResult<TVec<TypedFact>> {
    let [Some(indices), Some(depth), Some(values)] = inputs else { bail!("OneHot has 3 inputs") };
    let depth = integers(depth.konst.as_ref().context("the depth arrives later")?)?;
    let mut shape = indices.shape.to_tvec();
    let place = axis(node.get_attr_opt("axis")?.unwrap_or(-1), shape.len() + 1)?;
    shape.insert(place, extent(at(&depth, 0)?)?.to_dim());
    Ok(tvec!(values.datum_type.fact(shape)))
}

pub(crate) fn one_hot(call: &Call) -> TractResult<Vec<Value>> {
    let (indices, values) = (call.tensor(0)?, call.tensor(2)?);
    let depth = extent(call.integer(1)?.context("the depth is missing")?)?;
    let mut shape = indices.shape().to_vec();
    let place = axis(call.int("axis", -1)?, shape.len() + 1)?;
    shape.insert(place, depth);
    let (_, _, after) = around(&shape, place);
    let signed = i64::try_from(depth)?;
    let marks = integers(indices)?.into_iter();
    let marks: Vec<_> = marks.map(|i| if i < 0 { i.saturating_add(signed) } else { i }).collect();
    for_type!(values.datum_type(), T => {
        let pair = elements::<T>(values)?;
        ensure!(pair.len() == 2, "{} values, accepted are 2", pair.len());
        let count = volume(T::datum_type(), &shape)?;
        let mut result = Vec::with_capacity(count);
        for number in 0..count {
            let (outer, inner) = (number / after / depth, number % after);
            let mark = at(&marks, outer * after + inner)?;
            let here = i64::try_from(number / after % depth)?;
            result.push(pick(pair, usize::from(mark == here))?);
        }
        Ok(vec![values_of(&shape, result)?.into()])
    })
}
