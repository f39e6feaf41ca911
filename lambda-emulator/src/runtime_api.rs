//! The Runtime API (2018-06-01) of one environment, with the Extensions and Telemetry API that
//! share its address.
//!
//! Paths and error types follow AWS's OpenAPI description of the Runtime API and its Runtime
//! Interface Emulator.

use std::sync::Arc;

use base64::Engine;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::exchange::{Exchange, Refusal, Work};
use crate::extensions_api::{self, error};
use crate::invocation::{Answer, FunctionError, PAYLOAD_BYTES, Stream, StreamPart};
use crate::options::Function;
use crate::server::{Body, BodyError, full, json as json_response, read_body};
use crate::telemetry::Telemetry;
use crate::trouble::{Action, Point, TroubleMaker};

/// What a process may say about an error (AWS refuses more).
const ERROR_BYTES: usize = 1024 * 1024;
/// Bytes of a streamed response (AWS Lambda quotas: 200 MB).
const STREAM_BYTES: usize = 200 * 1024 * 1024;

/// What the requests of one environment's processes need.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    pub(crate) function: Arc<Function>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) trouble: Arc<TroubleMaker>,
    /// Tells the environment to kill its processes.
    pub(crate) kill: Arc<Notify>,
}

impl RuntimeApi {
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let method = request.method().clone();
        match (method, parts.as_slice()) {
            (Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => self.next().await,
            (Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
                self.response(id, request).await
            }
            (Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
                self.error(id, request).await
            }
            (Method::POST, ["2018-06-01", "runtime", "init", "error"]) => {
                self.init_error(request).await
            }
            (Method::GET, ["2020-01-01", "extension", "event", "next"]) => {
                extensions_api::next(&self.exchange, request.headers()).await
            }
            (method, ["2020-01-01" | "2022-07-01", ..]) => {
                let (head, body) = request.into_parts();
                match read_body(body, ERROR_BYTES).await {
                    Ok(body) => self.extension_call(&method, &parts, &head.headers, &body),
                    Err(reason) => unreadable(&reason),
                }
            }
            _ => not_found(),
        }
    }

    fn extension_call(
        &self,
        method: &Method,
        parts: &[&str],
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response<Body> {
        match (method, parts) {
            (&Method::POST, ["2020-01-01", "extension", "register"]) => extensions_api::register(
                &self.function,
                &self.exchange,
                &self.telemetry,
                headers,
                body,
            ),
            (&Method::POST, ["2020-01-01", "extension", "init", "error"]) => {
                extensions_api::report_error(&self.exchange, headers, body, "Extension.InitError")
            }
            (&Method::POST, ["2020-01-01", "extension", "exit", "error"]) => {
                extensions_api::report_error(&self.exchange, headers, body, "Extension.ExitError")
            }
            (&Method::PUT, ["2022-07-01", "telemetry"]) => {
                self.telemetry.subscribe(&self.exchange, headers, body)
            }
            _ => not_found(),
        }
    }

    async fn next(&self) -> Response<Body> {
        if let Some(refusal) = self.trouble_at(Point::Next).await {
            return refusal;
        }
        let work = self.exchange.next().await;
        let response = self.event(&work);
        for action in self.trouble.pass_and_wait(Point::Delivered).await {
            if action == Action::Kill {
                // Killed a moment after the event has left, so that the function has it.
                let kill = Arc::clone(&self.kill);
                tokio::spawn(async move {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    kill.notify_one();
                });
            }
        }
        response
    }

    fn event(&self, work: &Work) -> Response<Body> {
        let invocation = &work.invocation;
        let mut response = Response::new(full(invocation.payload.clone()));
        let arn = match &invocation.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.function.arn()),
            None => self.function.arn(),
        };
        let deadline = work.deadline_ms.to_string();
        let headers = [
            ("content-type", Some("application/json")),
            ("lambda-runtime-aws-request-id", Some(invocation.request_id.as_str())),
            ("lambda-runtime-deadline-ms", Some(deadline.as_str())),
            ("lambda-runtime-invoked-function-arn", Some(arn.as_str())),
            ("lambda-runtime-trace-id", Some(invocation.trace_id.as_str())),
            ("lambda-runtime-client-context", invocation.client_context.as_deref()),
        ];
        for (name, value) in headers {
            // A caller's trace id or context that is no header value is left out, as AWS does.
            if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    async fn response(&self, id: &str, request: Request<Incoming>) -> Response<Body> {
        if let Some(refusal) = self.trouble_at(Point::Response).await {
            return refusal;
        }
        let streamed = match header(request.headers(), "lambda-runtime-function-response-mode") {
            None => false,
            Some(mode) if mode.eq_ignore_ascii_case("streaming") => true,
            Some(_) => {
                let message = "Invalid function response mode";
                if let Ok(answer) = self.exchange.take_answer(id) {
                    let error = FunctionError::new("Runtime.InvalidResponseModeHeader", message);
                    self.answer(id, answer, Answer::Error(error));
                }
                return error(StatusCode::BAD_REQUEST, "InvalidFunctionResponseMode", message);
            }
        };
        let answer = match self.exchange.take_answer(id) {
            Ok(answer) => answer,
            Err(refusal) => return refused(refusal),
        };
        if streamed {
            self.stream(id, answer, request).await;
            return self.accepted().await;
        }
        match read_body(request.into_body(), PAYLOAD_BYTES).await {
            Ok(payload) => {
                self.answer(id, answer, Answer::Payload(payload));
                self.accepted().await
            }
            Err(BodyError::TooLarge) => {
                self.answer(id, answer, Answer::Error(FunctionError::response_too_large()));
                let message =
                    format!("Exceeded maximum allowed payload size ({PAYLOAD_BYTES} bytes).");
                error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
            }
            Err(BodyError::Broken(reason)) => {
                let broken = FunctionError::new("Runtime.TruncatedResponse", &reason);
                self.answer(id, answer, Answer::Error(broken));
                error(
                    StatusCode::BAD_REQUEST,
                    "TruncatedHTTPRequest",
                    "HTTP request detected as truncated",
                )
            }
        }
    }

    /// Passes a streamed response on while it is being written.
    async fn stream(&self, id: &str, answer: oneshot::Sender<Answer>, request: Request<Incoming>) {
        let content_type = header(request.headers(), "content-type").map(str::to_owned);
        let (sender, parts) = mpsc::channel(16);
        if answer.send(Answer::Stream(Stream::new(content_type, parts))).is_err() {
            tracing::debug!(id, "the caller of a streamed response is gone");
        }
        let failure = pump(request.into_body(), &sender).await.err();
        let error_type = failure.as_ref().map(|error| error.error_type.clone());
        let end = failure.map_or(StreamPart::End, StreamPart::Error);
        // A caller that is gone needs no end.
        sender.send(end).await.ok();
        self.exchange.finish(id, error_type.as_deref());
    }

    async fn error(&self, id: &str, request: Request<Incoming>) -> Response<Body> {
        let answer = match self.exchange.take_answer(id) {
            Ok(answer) => answer,
            Err(refusal) => return refused(refusal),
        };
        let reported = reported_error(request).await;
        self.answer(id, answer, Answer::Error(reported));
        self.accepted().await
    }

    async fn init_error(&self, request: Request<Incoming>) -> Response<Body> {
        self.exchange.set_init_error(reported_error(request).await);
        json_response(StatusCode::ACCEPTED, &json!({"status": "OK"}))
    }

    fn answer(&self, id: &str, to: oneshot::Sender<Answer>, answer: Answer) {
        let failure = match &answer {
            Answer::Error(error) => Some(error.error_type.clone()),
            Answer::Payload(_) | Answer::Stream(_) => None,
        };
        if to.send(answer).is_err() {
            tracing::debug!(id, "the caller is gone");
        }
        self.exchange.finish(id, failure.as_deref());
    }

    async fn accepted(&self) -> Response<Body> {
        match self.trouble_at(Point::Answered).await {
            Some(refusal) => refusal,
            None => json_response(StatusCode::ACCEPTED, &json!({"status": "OK"})),
        }
    }

    /// Makes the trouble that is due. After a kill the process gets no answer any more.
    async fn trouble_at(&self, point: Point) -> Option<Response<Body>> {
        for action in self.trouble.pass_and_wait(point).await {
            match action {
                Action::Kill => {
                    self.kill.notify_one();
                    std::future::pending::<()>().await;
                }
                Action::Status(status) => {
                    let status =
                        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                    return Some(error(status, "InternalServerError", "scripted trouble"));
                }
                Action::DelayMs(_) | Action::Duplicate => {}
            }
        }
        None
    }
}

async fn pump(mut body: Incoming, sender: &mpsc::Sender<StreamPart>) -> Result<(), FunctionError> {
    let mut total = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| FunctionError::new("Runtime.TruncatedResponse", &error.to_string()))?;
        match frame.into_data() {
            Ok(data) => {
                total = total.saturating_add(data.len());
                if total > STREAM_BYTES {
                    return Err(FunctionError::response_too_large());
                }
                // The function may go on writing when its caller is gone, as on Lambda.
                sender.send(StreamPart::Data(data)).await.ok();
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers()
                    && let Some(error) = trailer_error(&trailers)
                {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

/// The error that a runtime puts after a streamed response that it could not finish.
fn trailer_error(trailers: &HeaderMap) -> Option<FunctionError> {
    let error_type = header(trailers, "lambda-runtime-function-error-type")?;
    let body = header(trailers, "lambda-runtime-function-error-body")
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    Some(match body {
        Some(payload) => {
            FunctionError { error_type: error_type.to_owned(), payload: payload.into() }
        }
        None => FunctionError::new(error_type, error_type),
    })
}

/// The error in a request to `/error` or `init/error`: the header names its type, the body is what
/// the caller gets.
async fn reported_error(request: Request<Incoming>) -> FunctionError {
    let named = header(request.headers(), "lambda-runtime-function-error-type").map(str::to_owned);
    let body = read_body(request.into_body(), ERROR_BYTES).await.unwrap_or_default();
    let parsed: Option<Value> = serde_json::from_slice(&body).ok();
    let in_body = parsed
        .as_ref()
        .and_then(|value| value.get("errorType"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let error_type = in_body.or(named).unwrap_or_else(|| "Runtime.Unknown".to_owned());
    if parsed.is_some() {
        FunctionError { error_type, payload: body }
    } else {
        FunctionError::new(&error_type, &String::from_utf8_lossy(&body))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn refused(refusal: Refusal) -> Response<Body> {
    match refusal {
        Refusal::UnknownRequest => {
            error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
        }
        Refusal::TimedOut => error(StatusCode::GONE, "InvokeTimeout", "Invoke timeout"),
    }
}

fn unreadable(reason: &BodyError) -> Response<Body> {
    match reason {
        BodyError::TooLarge => {
            error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "the body is too large")
        }
        BodyError::Broken(reason) => error(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", reason),
    }
}

fn not_found() -> Response<Body> {
    error(StatusCode::NOT_FOUND, "NotFound", "404 page not found")
}
