//! The model package: a manifest, an ONNX graph, and what pre- and postprocessing need.
//!
//! This crate owns the *format*: the types of the manifest, the checks that make a set of files a
//! package, digests, and (with the feature `fs`) the two homes of a package on disk, a directory
//! and an archive. It runs nothing and knows nothing of ONNX beyond a file's role, so that a host
//! can read a package without linking an inference engine. `docs/package.md` is the specification.

mod answer;
mod bare;
mod cases;
mod check;
mod digest;
mod ensemble;
mod error;
mod feature;
mod hex;
mod image;
mod limits;
mod manifest;
mod package;
mod schema;
#[cfg(feature = "fs")]
pub mod store;
pub mod strict_json;
mod text;

pub use answer::{Activation, Aggregation, Detection, DetectionForm, Embedding, Neutral, Pooling};
pub use bare::GRAPH;
pub use cases::{Expected, PartDifference, ReferenceCase, ReferenceCases};
pub use digest::Digest;
pub use ensemble::{Combine, Ensemble, Member, StackerField};
pub use error::PackageError;
pub use feature::{Feature, FeatureOp};
pub use hex::hex;
pub use image::{
    Channels, Extent, Filter, ImageSpec, Ink, Layout, Normalize, Pad, Position, Resize,
    Transparency,
};
pub use limits::Limits;
pub use manifest::{
    Decision, FORMAT, FileEntry, GraphInput, GraphInputSource, GraphSpec, InputSpec, MANIFEST,
    Manifest, Modality, OutputSpec, Role, Rule, ScoreSpec, Task, Training,
};
pub use package::{Package, PackageFile};
pub use schema::{Field, FieldRole, FieldType};
pub use text::TextSpec;

/// The file with a package's signature, beside the files that it covers. It is not one of them, so
/// the manifest does not name it.
pub const SIGNATURE: &str = "model.sig";
