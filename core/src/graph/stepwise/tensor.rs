//! Tensors in the file, those of types that tract lacks included.

use std::sync::Arc;

use tract_onnx::pb::TensorProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::kernel::{Narrow, Value, extents, volume};

/// The value of a tensor that lies in the model itself.
pub(in crate::graph) fn load(proto: &TensorProto) -> TractResult<Value> {
    let Some(narrow) = Narrow::from_onnx(proto.data_type) else {
        let provider = tract_onnx::data_resolver::MmapDataResolver;
        return Ok(tract_onnx::tensor::load_tensor(&provider, proto, None)?.into());
    };
    let shape = extents(&proto.dims)?;
    let count = volume(narrow.storage(), &shape)?;
    let packed: Vec<u8> = match proto.raw_data.is_empty() {
        false => proto.raw_data.clone(),
        // Outside of raw data, an element of 16 bits or a byte of packed elements is an integer.
        true if narrow.bits() == 16 => proto
            .int32_data
            .iter()
            .flat_map(|bits| ((bits & 0xffff) as u16).to_le_bytes())
            .collect(),
        true => proto.int32_data.iter().map(|bits| (bits & 0xff) as u8).collect(),
    };
    let codes = unpack(narrow, &packed, count).context("a tensor of other length")?;
    let tensor = narrow.stored(&shape, codes)?;
    Ok(Value { tensor: Arc::new(tensor), narrow: Some(narrow) })
}

/// The bits of each element. In a file, small elements share a byte, the first in its low bits.
pub(in crate::graph) fn unpack(narrow: Narrow, bytes: &[u8], count: usize) -> Option<Vec<u16>> {
    let bits = narrow.bits();
    if bytes.len() != count.checked_mul(bits)?.div_ceil(8) {
        return None;
    }
    Some(match bits {
        16 => bytes.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect(),
        8 => bytes.iter().map(|byte| u16::from(*byte)).collect(),
        _ => {
            let mask = (1_u16 << bits) - 1;
            let split = |byte: &u8| {
                let byte = u16::from(*byte);
                (0..8 / bits).map(move |place| byte >> (place * bits) & mask)
            };
            bytes.iter().flat_map(split).take(count).collect()
        }
    })
}

/// The bytes of elements as a file has them.
pub(in crate::graph) fn pack(narrow: Narrow, codes: &[u16]) -> Vec<u8> {
    let bits = narrow.bits();
    match bits {
        16 => codes.iter().flat_map(|code| code.to_le_bytes()).collect(),
        8 => codes.iter().map(|code| (code & 0xff) as u8).collect(),
        _ => {
            let join = |codes: &[u16]| {
                let placed = codes.iter().enumerate();
                placed.fold(0, |byte, (place, code)| byte | ((code & 0xff) as u8) << (place * bits))
            };
            codes.chunks(8 / bits).map(join).collect()
        }
    }
}
