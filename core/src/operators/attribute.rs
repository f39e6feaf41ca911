//! Reads a node's attributes, with their types checked but not yet what they say.

use tract_onnx::pb::{NodeProto, TensorProto, tensor_proto};
use tract_onnx::prelude::{Tensor, TractResult, tensor1};
use tract_onnx::tract_core::internal::bail;

/// The attributes of a node. One that is absent reads as empty or as its default.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub(super) &'a NodeProto);

impl<'a> Attributes<'a> {
    pub(super) fn int(self, name: &str, default: i64) -> TractResult<i64> {
        Ok(self.0.get_attr_opt::<i64>(name)?.unwrap_or(default))
    }

    pub(super) fn float(self, name: &str, default: f32) -> TractResult<f32> {
        Ok(self.0.get_attr_opt::<f32>(name)?.unwrap_or(default))
    }

    pub(super) fn text(self, name: &str, default: &'static str) -> TractResult<&'a str> {
        Ok(self.0.get_attr_opt::<&str>(name)?.unwrap_or(default))
    }

    pub(super) fn ints(self, name: &str) -> TractResult<Vec<i64>> {
        Ok(self.0.get_attr_opt_slice::<i64>(name)?.unwrap_or_default().to_vec())
    }

    pub(super) fn floats(self, name: &str) -> TractResult<Vec<f32>> {
        Ok(self.0.get_attr_opt_slice::<f32>(name)?.unwrap_or_default().to_vec())
    }

    pub(super) fn strings(self, name: &str) -> TractResult<Vec<String>> {
        Ok(self.0.get_attr_opt_vec::<String>(name)?.unwrap_or_default())
    }

    pub(super) fn tensor(self, name: &str) -> TractResult<Option<&'a TensorProto>> {
        let Some(tensor) = self.0.get_attr_opt::<&TensorProto>(name)? else { return Ok(None) };
        if tensor.data_location == Some(tensor_proto::DataLocation::External as i32) {
            bail!("attribute {name} refers to an external file");
        }
        Ok(Some(tensor))
    }

    /// The elements of a tensor in a list. Its shape is ignored.
    pub(super) fn elements(self, name: &str) -> TractResult<Option<Tensor>> {
        let Some(tensor) = self.tensor(name)? else { return Ok(None) };
        elements(name, tensor).map(Some)
    }

    /// Refuses an attribute whose length is none of those accepted.
    pub(super) fn expect_length(
        self,
        name: &str,
        found: usize,
        accepted: &[usize],
    ) -> TractResult<()> {
        if accepted.contains(&found) {
            return Ok(());
        }
        let accepted = accepted.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
        bail!("attribute {name} has {found} elements; accepted are {accepted}")
    }
}

/// The elements of a tensor in a list.
pub(super) fn elements(name: &str, tensor: &TensorProto) -> TractResult<Tensor> {
    const FLOAT: i32 = tensor_proto::DataType::Float as i32;
    const DOUBLE: i32 = tensor_proto::DataType::Double as i32;
    const INT16: i32 = tensor_proto::DataType::Int16 as i32;
    const INT32: i32 = tensor_proto::DataType::Int32 as i32;
    const INT64: i32 = tensor_proto::DataType::Int64 as i32;
    const STRING: i32 = tensor_proto::DataType::String as i32;
    let raw = tensor.raw_data.as_slice();
    macro_rules! read {
        ($number:ty, $typed:expr) => {{
            if raw.is_empty() {
                tensor1::<$number>(&$typed)
            } else {
                let (chunks, rest) = raw.as_chunks();
                if !rest.is_empty() {
                    bail!("attribute {name} ends with {} bytes that are no element", rest.len());
                }
                tensor1(&chunks.iter().map(|c| <$number>::from_le_bytes(*c)).collect::<Vec<_>>())
            }
        }};
    }
    Ok(match tensor.data_type {
        FLOAT => read!(f32, tensor.float_data),
        DOUBLE => read!(f64, tensor.double_data),
        INT64 => read!(i64, tensor.int64_data),
        INT32 => read!(i32, tensor.int32_data),
        INT16 => {
            let narrow = |value: &i32| i16::try_from(*value);
            read!(i16, tensor.int32_data.iter().map(narrow).collect::<Result<Vec<_>, _>>()?)
        }
        STRING => {
            let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone());
            tensor1(&tensor.string_data.iter().map(text).collect::<Result<Vec<_>, _>>()?)
        }
        other => bail!(
            "attribute {name} has element type {other}; accepted are FLOAT, DOUBLE, INT16, INT32, INT64 and STRING"
        ),
    })
}
