//! Lambda's own invoke API, so that any AWS SDK or `curl` can call the function:
//! `POST /2015-03-31/functions/NAME/invocations`, synchronous, asynchronous and dry run.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::json;

use crate::asynchronous::AsynchronousQueue;
use crate::invocation::{Answer, FunctionError, Invocation, InvokeError, PAYLOAD_BYTES, Reply};
use crate::options::Function;
use crate::pool::Pool;
use crate::response_stream;
use crate::server::{Body, BodyError, json as json_response, read_body, response};

/// Bytes of an asynchronous event (AWS Lambda quotas: 1 MB).
const ASYNCHRONOUS_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(crate) struct InvokeApi {
    pub(crate) function: Arc<Function>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) asynchronous: Arc<AsynchronousQueue>,
}

impl InvokeApi {
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::POST, ["2015-03-31", "functions", name, "invocations"]) => {
                self.invoke(name, request).await
            }
            (
                &Method::POST,
                ["2021-11-15", "functions", name, "response-streaming-invocations"],
            ) => self.invoke_streamed(name, request).await,
            _ => error(
                StatusCode::NOT_FOUND,
                "UnknownOperationException",
                "accepted: POST /2015-03-31/functions/NAME/invocations and /2021-11-15/functions/NAME/response-streaming-invocations",
            ),
        }
    }

    async fn invoke(&self, name: &str, request: Request<Incoming>) -> Response<Body> {
        let (invocation, headers) = match self.read(name, request).await {
            Ok(read) => read,
            Err(refusal) => return refusal,
        };
        match text(&headers, "x-amz-invocation-type").unwrap_or("RequestResponse") {
            "RequestResponse" => self.synchronous(invocation, &headers).await,
            "Event" if invocation.payload.len() > ASYNCHRONOUS_BYTES => {
                too_large(ASYNCHRONOUS_BYTES)
            }
            "Event" => {
                let id = self.asynchronous.submit_invocation("invoke", invocation);
                let mut response = empty(StatusCode::ACCEPTED);
                insert(response.headers_mut(), "x-amzn-requestid", &id);
                response
            }
            "DryRun" => empty(StatusCode::NO_CONTENT),
            other => {
                let message = format!("{other}: accepted are RequestResponse, Event and DryRun");
                error(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &message)
            }
        }
    }

    async fn invoke_streamed(&self, name: &str, request: Request<Incoming>) -> Response<Body> {
        let (invocation, _) = match self.read(name, request).await {
            Ok(read) => read,
            Err(refusal) => return refusal,
        };
        match self.pool.invoke(invocation).await {
            Ok(reply) => {
                let id = reply.request_id.clone();
                let mut response = response_stream::response(reply.answer);
                insert(response.headers_mut(), "x-amzn-requestid", &id);
                response
            }
            Err(refusal) => refused(&refusal),
        }
    }

    /// Reads an invocation with its headers, or says what is wrong with it.
    async fn read(
        &self,
        name: &str,
        request: Request<Incoming>,
    ) -> Result<(Invocation, HeaderMap), Response<Body>> {
        let qualifier = self.qualifier(name, request.uri().query())?;
        let headers = request.headers().clone();
        let payload = match read_body(request.into_body(), PAYLOAD_BYTES).await {
            Ok(payload) if payload.is_empty() => Bytes::from_static(b"{}"),
            Ok(payload) => payload,
            Err(BodyError::TooLarge) => return Err(too_large(PAYLOAD_BYTES)),
            Err(BodyError::Broken(reason)) => {
                let kind = "InvalidRequestContentException";
                return Err(error(StatusCode::BAD_REQUEST, kind, &reason));
            }
        };
        if let Err(reason) = serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
            let message = format!("Could not parse request body into json: {reason}");
            let kind = "InvalidRequestContentException";
            return Err(error(StatusCode::BAD_REQUEST, kind, &message));
        }
        let invocation = invocation(&headers, payload, qualifier)?;
        Ok((invocation, headers))
    }

    /// The name may carry a qualifier, and may be an ARN.
    #[expect(clippy::result_large_err, reason = "the refusal is the answer to the caller")]
    fn qualifier(&self, name: &str, query: Option<&str>) -> Result<Option<String>, Response<Body>> {
        let decoded = percent_decode_str(name).decode_utf8_lossy().into_owned();
        let name = decoded.split_once(":function:").map_or(decoded.as_str(), |(_, name)| name);
        let (name, qualifier) = match name.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
            None => (name, None),
        };
        if name != self.function.name {
            let message = format!("Function not found: {name}; here is {}", self.function.arn());
            return Err(error(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message));
        }
        let in_query = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(key, _)| key == "Qualifier")
            .map(|(_, value)| value.into_owned());
        Ok(qualifier.or(in_query))
    }

    async fn synchronous(&self, invocation: Invocation, headers: &HeaderMap) -> Response<Body> {
        let reply = match self.pool.invoke(invocation).await {
            Ok(reply) => reply,
            Err(refusal) => return refused(&refusal),
        };
        let Reply { request_id, answer, finished } = reply;
        let result = match answer {
            Answer::Payload(payload) => Ok(payload),
            Answer::Stream(stream) => stream.collect().await,
            Answer::Error(error) => Err(error),
        };
        let (payload, failed) = match result {
            Ok(payload) => (payload, false),
            Err(FunctionError { payload, .. }) => (payload, true),
        };
        let mut response = response(StatusCode::OK, "application/json", payload);
        let headers_out = response.headers_mut();
        headers_out.insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
        if failed {
            headers_out.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
        }
        insert(headers_out, "x-amzn-requestid", &request_id);
        if text(headers, "x-amz-log-type") == Some("Tail")
            && let Ok(finished) = finished.await
        {
            insert(headers_out, "x-amz-log-result", &STANDARD.encode(finished.log));
        }
        response
    }
}

#[expect(clippy::result_large_err, reason = "the refusal is the answer to the caller")]
fn invocation(
    headers: &HeaderMap,
    payload: Bytes,
    qualifier: Option<String>,
) -> Result<Invocation, Response<Body>> {
    let mut invocation = Invocation::new(payload);
    invocation.qualifier = qualifier;
    if let Some(trace) = text(headers, "x-amzn-trace-id") {
        trace.clone_into(&mut invocation.trace_id);
    }
    if let Some(context) = text(headers, "x-amz-client-context") {
        let decoded = STANDARD.decode(context).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(decoded) = decoded else {
            return Err(error(
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                "Client context must be a valid Base64-encoded JSON object.",
            ));
        };
        invocation.client_context = Some(decoded);
    }
    Ok(invocation)
}

fn refused(refusal: &InvokeError) -> Response<Body> {
    match refusal {
        InvokeError::Throttled { .. } => {
            let body = json!({"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."});
            with_error_type(
                json_response(StatusCode::TOO_MANY_REQUESTS, &body),
                "TooManyRequestsException",
            )
        }
        InvokeError::Closed => {
            error(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", &refusal.to_string())
        }
    }
}

fn too_large(limit: usize) -> Response<Body> {
    let message =
        format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
    error(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", &message)
}

fn error(status: StatusCode, kind: &'static str, message: &str) -> Response<Body> {
    let body = json!({"Type": "User", "message": message, "Message": message});
    with_error_type(json_response(status, &body), kind)
}

fn with_error_type(mut response: Response<Body>, kind: &'static str) -> Response<Body> {
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(kind));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(crate::server::full(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
