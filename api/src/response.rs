//! Responses as this crate makes them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use predictor_host::{Instance, Outcome};

/// What an adapter writes into its log beside the status: an extension of a response.
#[derive(Clone, Debug)]
pub struct Note(pub String);

/// What was decided for a request, for an adapter that counts or writes it down: an extension of a
/// response.
#[derive(Clone, Debug)]
pub struct Decided(pub Arc<Decisions>);

/// Instances and what became of them, in the same order.
#[derive(Debug)]
pub struct Decisions {
    /// What was asked.
    pub instances: Vec<Instance>,
    /// What was answered.
    pub outcomes: Vec<Outcome>,
    /// When the model was asked.
    pub began: Instant,
    /// How long it took.
    pub inference: Duration,
}

/// A body of this type.
pub(crate) fn of(content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Whatever changes with the input or the time is for the one who asked.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// JSON text.
pub(crate) fn json(body: impl Into<Bytes>) -> Response<Bytes> {
    of("application/json", body)
}

/// No body.
pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
