//! Spans: what took how long, as part of which trace. An invoke has one, its phases have one each,
//! and so does each record that came with a trace of its own.

use std::time::Instant;

/// What an invoke's time goes into. Queueing comes before it and is not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Reading event and records.
    Preprocess,
    /// In the model.
    Inference,
    /// Results and audit records.
    Postprocess,
}

impl Phase {
    #[cfg(feature = "aws")]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Preprocess => "preprocess",
            Self::Inference => "inference",
            Self::Postprocess => "postprocess",
        }
    }
}

/// A stretch of a phase.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "no spans are exported"))]
pub(crate) struct Stretch {
    pub(crate) phase: Phase,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

/// The most stretches that are remembered of one invoke; an object of S3 has three for each part.
pub(crate) const STRETCHES: usize = 60;

/// Who a span is about, in the words of OpenTelemetry.
#[cfg(feature = "aws")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Part of something.
    Internal = 1,
    /// An answer to a caller who waits.
    Server = 2,
    /// Work on a message.
    Consumer = 5,
}

/// What a span says besides.
#[cfg(feature = "aws")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Number(u64),
    Truth(bool),
}

/// A span that is over.
#[cfg(feature = "aws")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Span {
    /// 32 hexadecimal digits.
    pub(crate) trace: String,
    /// 16 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Nanoseconds since 1970.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) attributes: Vec<(&'static str, Value)>,
    /// Trace and span of what it has to do with.
    pub(crate) links: Vec<(String, String)>,
    /// The stable name of what went wrong.
    pub(crate) error: Option<String>,
}
