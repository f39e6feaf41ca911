//! What tests are built from: ONNX graphs and model packages, small enough to read.

pub mod exported;
pub mod onnx;
pub mod package;
pub mod tree;
