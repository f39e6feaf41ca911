//! [`ConstantOfShape`](https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html) whose elements are
//! float32 unless the node says otherwise. tract makes them float64.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::ops::array;

pub(crate) fn constant_of_shape(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let value = match node.get_attr_opt::<&TensorProto>("value")? {
        Some(value) => context.load_tensor(value)?,
        None => tensor0(0.0_f32),
    };
    ensure!(value.len() == 1, "a value of {} elements, accepted is 1", value.len());
    let scalar = value.into_shape(&[])?.into_arc_tensor();
    Ok((expand(array::ConstantOfShape::new(scalar)), Vec::new()))
}
