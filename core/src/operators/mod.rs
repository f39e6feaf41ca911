//! The operators that this core adds to tract, or puts in the place of tract's own.
//!
//! tract keys operators by name alone, so registering one here replaces the one it came with. Each
//! family lives in its own module and registers itself; the rest of the core only calls [`onnx`].

mod attribute;
mod compress;
mod distance;
mod encoder;
mod features;
mod float;
mod gather;
mod imputer;
mod kernel;
mod label_encoder;
mod labels;
mod linear;
mod maps;
mod post_transform;
mod real;
mod scale;
mod shape;
mod svm;
mod tensor;
mod text;
mod tree;

/// tract's ONNX reader with this core's operators registered.
#[must_use]
pub fn onnx() -> tract_onnx::Onnx {
    let mut onnx = tract_onnx::onnx();
    register(&mut onnx);
    onnx
}

/// Registers every family, replacing tract's operators of the same name.
pub(crate) fn register(onnx: &mut tract_onnx::Onnx) {
    compress::register(onnx);
    distance::register(onnx);
    encoder::register(onnx);
    features::register(onnx);
    float::register(onnx);
    gather::register(onnx);
    imputer::register(onnx);
    label_encoder::register(onnx);
    linear::register(onnx);
    maps::register(onnx);
    scale::register(onnx);
    shape::register(onnx);
    svm::register(onnx);
    text::register(onnx);
    tree::register(onnx);
}
