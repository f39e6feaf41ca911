//! The HTTP front doors: a real request in, the exact event to the function, its answer checked by
//! the service's rules, a real response out.
//!
//! One file per service; each says how an event is made and which answers are accepted.

pub(crate) mod alb;
pub(crate) mod answer;
pub(crate) mod function_url;
pub(crate) mod http_v2;
pub(crate) mod request;
pub(crate) mod rest_v1;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::invocation::{Answer, Invocation, InvokeError, PAYLOAD_BYTES};
use crate::log::Log;
use crate::options::{DoorKind, Function};
use crate::pool::Pool;
use crate::server::{Body, BodyError, json as json_response, read_body, response};

use answer::{HttpAnswer, Malformed};
use request::HttpRequest;

/// API Gateway takes bodies of up to 10 MB and gives up after 29 or 30 seconds.
const GATEWAY_BYTES: usize = 10 * 1024 * 1024;
const ALB_BYTES: usize = 1024 * 1024;
const REST_LIMIT: Duration = Duration::from_secs(29);
const HTTP_LIMIT: Duration = Duration::from_secs(30);

/// One listener.
#[derive(Debug)]
pub(crate) struct HttpDoor {
    pub(crate) kind: DoorKind,
    pub(crate) function: Arc<Function>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) log: Arc<Log>,
}

/// Why a caller gets an error of the service's and not an answer of the function's.
#[derive(Debug)]
enum Fault {
    RequestTooLarge,
    RequestBroken(String),
    Throttled,
    Late,
    FunctionFailed,
    Malformed(Malformed),
    Closed,
}

impl HttpDoor {
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<Body> {
        match self.try_handle(request, peer).await {
            Ok(response) => response,
            Err(fault) => {
                match &fault {
                    Fault::Malformed(reason) => {
                        let kind = &self.kind;
                        self.log.write(&format!(
                            "lambda-emulator: {kind:?} refuses the answer: {reason}"
                        ));
                    }
                    Fault::RequestBroken(reason) => tracing::debug!(%reason, "a broken request"),
                    _ => {}
                }
                self.error(&fault)
            }
        }
    }

    async fn try_handle(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<Body>, Fault> {
        let (head, body) = request.into_parts();
        let body = read_body(body, self.request_bytes()).await.map_err(|error| match error {
            BodyError::TooLarge => Fault::RequestTooLarge,
            BodyError::Broken(reason) => Fault::RequestBroken(reason),
        })?;
        let request = HttpRequest::new(head, body, peer);
        let event = self.event(&request).to_string();
        if event.len() > PAYLOAD_BYTES {
            return Err(Fault::RequestTooLarge);
        }
        let mut invocation = Invocation::new(event);
        invocation.trace_id.clone_from(&request.trace_id);
        let invoke = async {
            match self.pool.invoke(invocation).await {
                Ok(reply) => Ok(reply.answer),
                Err(InvokeError::Throttled { .. }) => Err(Fault::Throttled),
                Err(InvokeError::Closed) => Err(Fault::Closed),
            }
        };
        let answer = match self.time_limit() {
            Some(limit) => tokio::time::timeout(limit, invoke).await.map_err(|_| Fault::Late)??,
            None => invoke.await?,
        };
        self.respond(answer, &request).await
    }

    const fn request_bytes(&self) -> usize {
        match self.kind {
            DoorKind::RestV1 { .. } | DoorKind::HttpV2 => GATEWAY_BYTES,
            DoorKind::Alb | DoorKind::AlbMultiValue => ALB_BYTES,
            DoorKind::FunctionUrl | DoorKind::FunctionUrlStreamed | DoorKind::Invoke => {
                PAYLOAD_BYTES
            }
        }
    }

    const fn time_limit(&self) -> Option<Duration> {
        match self.kind {
            DoorKind::RestV1 { .. } => Some(REST_LIMIT),
            DoorKind::HttpV2 => Some(HTTP_LIMIT),
            _ => None,
        }
    }

    fn event(&self, request: &HttpRequest) -> Value {
        match &self.kind {
            DoorKind::RestV1 { binary_media_types } => {
                rest_v1::event(request, &self.function, binary_media_types)
            }
            DoorKind::HttpV2 => http_v2::event(request, &self.function),
            DoorKind::FunctionUrl | DoorKind::FunctionUrlStreamed => {
                function_url::event(request, &self.function)
            }
            DoorKind::Alb => alb::event(request, &self.function, alb::Headers::Single),
            DoorKind::AlbMultiValue => alb::event(request, &self.function, alb::Headers::Multi),
            // This door has its own module.
            DoorKind::Invoke => Value::Null,
        }
    }

    async fn respond(
        &self,
        answer: Answer,
        request: &HttpRequest,
    ) -> Result<Response<Body>, Fault> {
        let answer = match (answer, &self.kind) {
            (Answer::Error(_), _) => return Err(Fault::FunctionFailed),
            (Answer::Stream(stream), DoorKind::FunctionUrlStreamed) => {
                return function_url::stream(stream).await.map_err(Fault::Malformed);
            }
            (Answer::Payload(payload), DoorKind::FunctionUrlStreamed) => {
                return Ok(response(StatusCode::OK, "application/json", payload));
            }
            (Answer::Stream(stream), _) => {
                let integration = function_url::is_integration(stream.content_type.as_deref());
                let whole = stream.collect().await.map_err(|_| Fault::FunctionFailed)?;
                if integration {
                    return function_url::split(&whole)
                        .map(HttpAnswer::into_response)
                        .map_err(Fault::Malformed);
                }
                whole
            }
            (Answer::Payload(payload), _) => payload,
        };
        let answer = match &self.kind {
            DoorKind::RestV1 { binary_media_types } => {
                rest_v1::answer(&answer, request, binary_media_types)
            }
            DoorKind::HttpV2 | DoorKind::FunctionUrl => http_v2::answer(&answer),
            DoorKind::Alb => alb::answer(&answer, alb::Headers::Single),
            DoorKind::AlbMultiValue => alb::answer(&answer, alb::Headers::Multi),
            DoorKind::FunctionUrlStreamed | DoorKind::Invoke => {
                Err(Malformed::new("this door takes no such answer"))
            }
        };
        answer.map(HttpAnswer::into_response).map_err(Fault::Malformed)
    }

    /// The error as the service words it.
    fn error(&self, fault: &Fault) -> Response<Body> {
        match self.kind {
            DoorKind::RestV1 { .. } => {
                let (status, message) = match fault {
                    Fault::RequestTooLarge => (413, "Request Too Long"),
                    Fault::RequestBroken(_) => (400, "Bad Request"),
                    Fault::Late => (504, "Endpoint request timed out"),
                    Fault::Throttled | Fault::Closed => (500, "Internal server error"),
                    Fault::FunctionFailed | Fault::Malformed(_) => (502, "Internal server error"),
                };
                message_response(status, "message", message)
            }
            DoorKind::HttpV2 => {
                let (status, message) = match fault {
                    Fault::RequestTooLarge => (413, "Request Entity Too Large"),
                    Fault::RequestBroken(_) => (400, "Bad Request"),
                    Fault::Late | Fault::Throttled => (503, "Service Unavailable"),
                    Fault::FunctionFailed | Fault::Malformed(_) | Fault::Closed => {
                        (500, "Internal Server Error")
                    }
                };
                message_response(status, "message", message)
            }
            DoorKind::FunctionUrl | DoorKind::FunctionUrlStreamed | DoorKind::Invoke => {
                let (status, message) = match fault {
                    Fault::RequestTooLarge => (413, "Request Entity Too Large"),
                    Fault::RequestBroken(_) => (400, "Bad Request"),
                    Fault::Throttled => (429, "Too Many Requests"),
                    _ => (502, "Internal Server Error"),
                };
                message_response(status, "Message", message)
            }
            DoorKind::Alb | DoorKind::AlbMultiValue => {
                let (status, title) = match fault {
                    Fault::RequestTooLarge => (413, "413 Request Entity Too Large"),
                    Fault::RequestBroken(_) => (400, "400 Bad Request"),
                    _ => (502, "502 Bad Gateway"),
                };
                let page = format!(
                    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
                );
                response(status_code(status), "text/html", page)
            }
        }
    }
}

fn message_response(status: u16, key: &str, message: &str) -> Response<Body> {
    json_response(status_code(status), &json!({key: message}))
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
}
