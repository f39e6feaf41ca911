//! `MurmurHash3`: a 32-bit hash of each element. It is not of the standard, but scikit-learn's
//! `FeatureHasher` is exported with it.
//!
//! [`MurmurHash3`](https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#commicrosoftmurmurhash3)
//! takes int32, uint32, int64, uint64, float32, float64 or strings of any shape, and gives uint32 of
//! the same shape, or int32 if `positive` is 0. The hash is `MurmurHash3_x86_32` of the element's
//! bytes.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use crate::operators::attribute::Attributes;
use crate::operators::tensor::{elements, expect_type, tensor};
use crate::operators::written::{Built, Kernel, Shape, build, inputs};

pub(super) fn murmur_hash(_: &ParsingContext, node: &NodeProto) -> Built {
    let attributes = Attributes(node);
    let seed = attributes.int("seed", 0)?;
    build(MurmurHash {
        seed: u32::try_from(seed).with_context(|| {
            format!("attribute seed is {seed}; it must lie in 0..={}", u32::MAX)
        })?,
        positive: attributes.int("positive", 1)? != 0,
    })
}

#[derive(Debug)]
struct MurmurHash {
    seed: u32,
    positive: bool,
}

impl Kernel for MurmurHash {
    fn name(&self) -> &'static str {
        "MurmurHash3"
    }

    fn types(&self, types: &[DatumType]) -> TractResult<TVec<DatumType>> {
        let [input] = inputs("MurmurHash3", &types.iter().collect::<Vec<_>>())?;
        let accepted = [
            DatumType::I32,
            DatumType::U32,
            DatumType::I64,
            DatumType::U64,
            DatumType::F32,
            DatumType::F64,
            DatumType::String,
        ];
        expect_type("MurmurHash3", *input, &accepted)?;
        Ok(tvec!(if self.positive { DatumType::U32 } else { DatumType::I32 }))
    }

    fn shapes(&self, shapes: &[&[TDim]], _: &TDim) -> TractResult<TVec<Shape>> {
        let [input] = inputs("MurmurHash3", shapes)?;
        Ok(tvec!(input.into()))
    }

    fn run(&self, tensors: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let [input] = inputs("MurmurHash3", tensors)?;
        let hash = |bytes: &[u8]| murmur3(bytes, self.seed);
        let hashes: Vec<u32> = if input.datum_type() == DatumType::String {
            elements::<String>(input)?.iter().map(|text| hash(text.as_bytes())).collect()
        } else {
            input.as_bytes().chunks_exact(input.datum_type().size_of()).map(hash).collect()
        };
        Ok(tvec!(if self.positive {
            tensor(hashes, input.shape())?
        } else {
            let signed = hashes.into_iter().map(u32::cast_signed).collect();
            tensor::<i32>(signed, input.shape())?
        }))
    }
}

/// `MurmurHash3_x86_32` (<https://github.com/aappleby/smhasher/wiki/MurmurHash3>).
fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let scramble = |block: u32| block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = blocks.iter().fold(seed, |hash, block| {
        let hash = hash ^ scramble(u32::from_le_bytes(*block));
        hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let rest = tail.iter().rev().fold(0, |rest, byte| rest << 8 | u32::from(*byte));
    hash ^= scramble(rest);
    #[expect(clippy::cast_possible_truncation, reason = "the hash takes the length modulo 2^32")]
    let length = bytes.len() as u32;
    hash ^= length;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}
