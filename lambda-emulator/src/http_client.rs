//! The emulator's own outgoing HTTP: telemetry deliveries and calls of AWS-compatible services.

use aws_call::reasons;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Answers are read up to this size; a batch of records is a few megabytes.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// A pooled HTTP/1.1 client without TLS: what it talks to is on this machine.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient(Client<HttpConnector, Full<Bytes>>);

impl HttpClient {
    pub(crate) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends a request and reads the whole answer; the error is one line.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let answer =
            self.0.request(request.map(Full::new)).await.map_err(|error| reasons(&error))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| reasons(error.as_ref()))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}
