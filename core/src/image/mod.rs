//! Pictures: from encoded bytes to the tensor that the graph takes.
//!
//! ```text
//! bytes ─► decode ─► resize ─► crop ─► pad ─┬─► tensor
//!                 └─► ink ──────────────────┘
//! ```
//!
//! Every step gives what Pillow and NumPy give for the same setting, since that is what models were
//! trained behind. Pixels are 8 bits, interleaved, row by row, until `pipeline` makes them numbers.

mod decode;
mod frame;
mod ink;
mod jpeg;
mod orientation;
mod pipeline;
mod resize;

pub use decode::decode;
pub use frame::Frame;
pub use resize::resize;

pub(crate) use pipeline::{Pipeline, Placement, Prepared};
