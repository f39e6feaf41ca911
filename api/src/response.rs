//! Responses as this crate makes them.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

/// What an adapter writes into its log beside the status: an extension of a response.
#[derive(Clone, Debug)]
pub struct Note(pub String);

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
