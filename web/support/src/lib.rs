//! What the browser page and the npm package do in Rust beside the component: reading and checking
//! model packages, comparing answers with reference cases to the bit, and turning strokes and pixels
//! into pictures.
//!
//! It runs no model. The component stays the only thing that predicts, and takes nothing from here
//! but bytes.

mod answer;
mod bare;
mod digest;
mod drawing;
mod kind;
mod lens;
mod onnx;
mod package;
mod picture;
mod problem;
