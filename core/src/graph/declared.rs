//! What the file itself says of the graph's inputs and outputs.

use tract_onnx::pb::ValueInfoProto;
use tract_onnx::pb::tensor_shape_proto::dimension::Value::{DimParam, DimValue};
use tract_onnx::pb::type_proto::Value;

use crate::TensorType;

use super::convert;
use super::port::ANY_SHAPE;

/// The declared type of an input or output, if it is a tensor. An extent that is left open gets a
/// name: the first one is the `batch`. Without a shape, any will do.
pub(super) fn tensor_type(info: &ValueInfoProto, batch: &str) -> Option<TensorType> {
    let Value::TensorType(tensor) = info.r#type.as_ref()?.value.as_ref()?;
    let element_type = convert::declared_type(tensor.elem_type)?;
    let Some(shape) = &tensor.shape else {
        let shape = vec![ANY_SHAPE.into()];
        return Some(TensorType { name: info.name.clone(), element_type, shape, keys: None });
    };
    let extents = shape.dim.iter().enumerate();
    let shape = extents.map(|(axis, dimension)| match &dimension.value {
        Some(DimValue(extent)) if *extent >= 0 => extent.to_string(),
        Some(DimParam(name)) if !matches!(name.as_str(), "" | "?") => name.clone(),
        _ if axis == 0 => batch.into(),
        _ => format!("{}_{axis}", info.name),
    });
    Some(TensorType { name: info.name.clone(), element_type, shape: shape.collect(), keys: None })
}

/// The number of the element type of an input or output, if it is a tensor.
pub(super) fn element(info: &ValueInfoProto) -> Option<i32> {
    let Value::TensorType(tensor) = info.r#type.as_ref()?.value.as_ref()?;
    Some(tensor.elem_type)
}
