//! The Extensions API (2020-01-01): register, event/next, init/error and exit/error.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::exchange::{Exchange, ExtensionKind};
use crate::invocation::FunctionError;
use crate::options::Function;
use crate::server::{Body, json as json_response};
use crate::telemetry::Telemetry;

const IDENTIFIER: &str = "lambda-extension-identifier";

#[derive(Debug, Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

/// `POST /2020-01-01/extension/register`. An extension whose name is that of a started program is
/// external; any other runs inside the runtime's process and may not ask for `SHUTDOWN`.
pub(crate) fn register(
    function: &Function,
    exchange: &Exchange,
    telemetry: &Telemetry,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response<Body> {
    let Some(name) = text(headers, "lambda-extension-name").filter(|name| !name.is_empty()) else {
        return error(
            StatusCode::FORBIDDEN,
            "Extension.InvalidExtensionName",
            "the header Lambda-Extension-Name is missing",
        );
    };
    let Ok(registration) = serde_json::from_slice::<Registration>(body) else {
        return error(StatusCode::BAD_REQUEST, "InvalidRequestFormat", "the body is not JSON");
    };
    let external = function
        .extensions
        .iter()
        .any(|path| path.file_name().is_some_and(|file| file.to_string_lossy() == name));
    let kind = if external { ExtensionKind::External } else { ExtensionKind::Internal };
    let (mut invoke, mut shutdown) = (false, false);
    for event in &registration.events {
        match (event.as_str(), kind) {
            ("INVOKE", _) => invoke = true,
            ("SHUTDOWN", ExtensionKind::External) => shutdown = true,
            ("SHUTDOWN", ExtensionKind::Internal) => {
                return error(
                    StatusCode::FORBIDDEN,
                    "ShutdownEventNotSupportedForInternalExtension",
                    "an internal extension can't register for SHUTDOWN",
                );
            }
            _ => {
                let message = format!("{event}: accepted are INVOKE and SHUTDOWN");
                return error(StatusCode::BAD_REQUEST, "Extension.InvalidEventType", &message);
            }
        }
    }
    let id = exchange.register(name, kind, invoke, shutdown);
    let record = json!({"name": name, "state": "Registered", "events": registration.events});
    telemetry.platform("platform.extension", record);
    let mut answer = json!({
        "functionName": function.name,
        "functionVersion": "$LATEST",
        "handler": function.handler,
    });
    let wants_account = text(headers, "lambda-extension-accept-feature")
        .is_some_and(|features| features.contains("accountId"));
    if wants_account && let Some(fields) = answer.as_object_mut() {
        fields.insert("accountId".to_owned(), json!(function.account));
    }
    let mut response = json_response(StatusCode::OK, &answer);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(IDENTIFIER, id);
    }
    response
}

/// `GET /2020-01-01/extension/event/next`.
pub(crate) async fn next(exchange: &Exchange, headers: &HeaderMap) -> Response<Body> {
    let Some(id) = identifier(headers) else { return unknown() };
    let Some(event) = exchange.next_extension_event(id).await else { return unknown() };
    let mut response = json_response(StatusCode::OK, &event);
    if let Ok(event_id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        response.headers_mut().insert("lambda-extension-event-identifier", event_id);
    }
    response
}

/// `POST /2020-01-01/extension/init/error` and `…/exit/error`.
pub(crate) fn report_error(
    exchange: &Exchange,
    headers: &HeaderMap,
    body: &Bytes,
    error_type: &str,
) -> Response<Body> {
    let Some(id) = identifier(headers).filter(|id| exchange.extension_name(id).is_some()) else {
        return unknown();
    };
    let reported = text(headers, "lambda-extension-function-error-type").unwrap_or(error_type);
    let message = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|body| body.get("errorMessage").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_else(|| reported.to_owned());
    exchange.set_extension_error(id, FunctionError::new(error_type, &message));
    json_response(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

/// The event that an invoke is to extensions.
pub(crate) fn invoke_event(
    request_id: &str,
    deadline_ms: u64,
    function_arn: &str,
    trace_id: &str,
) -> Value {
    json!({
        "eventType": "INVOKE",
        "deadlineMs": deadline_ms,
        "requestId": request_id,
        "invokedFunctionArn": function_arn,
        "tracing": {"type": "X-Amzn-Trace-Id", "value": trace_id},
    })
}

/// The last event. `reason` is `spindown`, `timeout` or `failure`.
pub(crate) fn shutdown_event(reason: &str, deadline_ms: u64) -> Value {
    json!({"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms})
}

pub(crate) fn identifier(headers: &HeaderMap) -> Option<&str> {
    text(headers, IDENTIFIER)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn unknown() -> Response<Body> {
    error(
        StatusCode::FORBIDDEN,
        "Extension.UnknownExtensionIdentifier",
        "the header Lambda-Extension-Identifier names no registered extension",
    )
}

/// The error form of the Runtime, Extensions and Telemetry APIs.
pub(crate) fn error(status: StatusCode, error_type: &str, message: &str) -> Response<Body> {
    json_response(status, &json!({"errorMessage": message, "errorType": error_type}))
}
