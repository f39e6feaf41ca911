//! The operators that this core adds to tract, or puts in the place of tract's own.
//!
//! tract keys operators by name alone, so registering one here replaces the one it came with. Each
//! family lives in its own module and registers itself; the rest of the core only calls [`onnx`].

mod cast;
mod gather;
pub(crate) mod kernel;
mod tree;

use kernel::Kernels;

/// tract's ONNX reader with this core's operators registered.
#[must_use]
pub fn onnx() -> tract_onnx::Onnx {
    let mut onnx = tract_onnx::onnx();
    register(&mut onnx);
    onnx
}

/// Registers every family, replacing tract's operators of the same name.
pub(crate) fn register(onnx: &mut tract_onnx::Onnx) {
    gather::register(onnx);
    tree::register(onnx);
}

/// The operators that are plain functions.
pub(crate) fn kernels() -> Kernels {
    let mut kernels = Kernels::default();
    cast::register(&mut kernels);
    kernels
}
