//! From an event to a request.
//!
//! Only what a request is made of is read. The types of `aws_lambda_events` read everything else,
//! too (authorizers, certificates, identities), and refuse an event whose unneeded half has another
//! shape than they know.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use predictor_api::{Kind, Problem};
use predictor_host::Class;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::trace::{TRACEPARENT, TRACESTATE, Trace};

/// What stays as it is in a path; some doors hand over decoded paths.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'%')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@')
    .remove(b'+')
    .remove(b'=')
    .remove(b',');

/// A longer name of a principal is cut.
const PRINCIPAL_CHARACTERS: usize = 256;

/// Bytes that come through as an answer: Lambda's payload, and a load balancer's.
const PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
const BALANCER_BYTES: usize = 1024 * 1024;

/// Which front door an event came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// API Gateway with payload 1.0: REST APIs, and HTTP APIs that are set so.
    Rest,
    /// Payload 2.0: HTTP APIs and function URLs.
    Http,
    /// A load balancer with single-value headers.
    Balancer,
    /// A load balancer with multi-value headers.
    BalancerMulti,
}

impl Door {
    /// How long an answer may be, as JSON.
    pub(super) fn most(self) -> usize {
        match self {
            Self::Rest | Self::Http => PAYLOAD_BYTES,
            Self::Balancer | Self::BalancerMulti => BALANCER_BYTES,
        }
    }
}

/// What all forms have between them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpEvent {
    request_context: Context,
    /// Payload 1.0 and load balancers.
    http_method: Option<String>,
    path: Option<String>,
    resource: Option<String>,
    path_parameters: Option<BTreeMap<String, String>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    /// Payload 2.0.
    raw_path: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    elb: Option<IgnoredAny>,
    http: Option<Http>,
    stage: Option<String>,
    /// WebSocket APIs have it; they are no HTTP.
    connection_id: Option<IgnoredAny>,
    authorizer: Option<Value>,
    identity: Option<Value>,
}

/// Where the front doors say who asks, the surest first: a token's subject, a role, a key.
const PRINCIPALS: [&str; 7] = [
    "/jwt/claims/sub",
    "/claims/sub",
    "/iam/userArn",
    "/lambda/principalId",
    "/principalId",
    "/userArn",
    "/apiKeyId",
];

#[derive(Debug, Deserialize)]
struct Http {
    method: String,
}

impl HttpEvent {
    /// The event, if it is HTTP.
    pub(super) fn parse(event: &str) -> Option<Self> {
        let event: Self = serde_json::from_str(event).ok()?;
        let context = &event.request_context;
        let is_http = context.http.is_some() || event.http_method.is_some();
        (is_http && context.connection_id.is_none()).then_some(event)
    }

    /// Who asks, as far as the front door has found out.
    pub(super) fn principal(&self) -> Option<String> {
        let context = &self.request_context;
        let found = PRINCIPALS.iter().find_map(|path| {
            let places = [context.authorizer.as_ref(), context.identity.as_ref()];
            places.into_iter().flatten().find_map(|place| place.pointer(path)?.as_str())
        });
        found.map(|principal| principal.chars().take(PRINCIPAL_CHARACTERS).collect())
    }

    /// The trace that the caller says it belongs to.
    pub(super) fn trace(&self) -> Option<Trace> {
        let single = self.headers.iter().flatten().map(|(name, value)| (name, value.as_str()));
        let multiple = self.multi_value_headers.iter().flatten();
        let multiple = multiple.filter_map(|(name, all)| Some((name, all.first()?.as_str())));
        let all: Vec<_> = single.chain(multiple).collect();
        let header = |wanted: &str| {
            let found = all.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| *value)
        };
        Trace::w3c(header(TRACEPARENT)?, header(TRACESTATE))
    }

    pub(super) fn door(&self) -> Door {
        match (&self.request_context, &self.multi_value_headers) {
            (Context { elb: Some(_), .. }, None) => Door::Balancer,
            (Context { elb: Some(_), .. }, Some(_)) => Door::BalancerMulti,
            (Context { http: Some(_), .. }, _) => Door::Http,
            _ => Door::Rest,
        }
    }

    /// The request, and what is wrong with it.
    pub(super) fn request(mut self, base_path: &str) -> (Request<Bytes>, Option<Problem>) {
        let mut request = Request::new(Bytes::new());
        let path = self.path(base_path);
        *request.uri_mut() = uri(&path);
        let method = match &self.request_context.http {
            Some(http) => Some(http.method.as_str()),
            None => self.http_method.as_deref(),
        };
        let method = method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        *request.method_mut() = method.unwrap_or_default();
        *request.headers_mut() = self.take_headers();
        match self.take_body(request.headers()) {
            Ok(body) => {
                *request.body_mut() = body;
                (request, None)
            }
            Err(problem) => (request, Some(problem)),
        }
    }

    /// The path as the API knows it: without stage, mapping and base path.
    fn path(&self, base_path: &str) -> String {
        let path = match self.door() {
            // The resource tells the path behind a custom domain's base path; `path` has both.
            Door::Rest => self.resource_path().or_else(|| self.path.clone()).unwrap_or_default(),
            Door::Http => {
                let path = self.raw_path.clone().unwrap_or_default();
                match self.request_context.stage.as_deref() {
                    None | Some("$default") => path,
                    Some(stage) => without(&path, &format!("/{stage}")).unwrap_or(path),
                }
            }
            Door::Balancer | Door::BalancerMulti => self.path.clone().unwrap_or_default(),
        };
        if base_path.is_empty() {
            return path;
        }
        without(&path, base_path).unwrap_or(path)
    }

    /// The resource with its parameters filled in, such as `/{proxy+}`; `None` without parameters,
    /// where resource and path are one, or if one is missing.
    fn resource_path(&self) -> Option<String> {
        let resource = self.resource.as_deref().filter(|resource| resource.contains('{'))?;
        let mut path = String::new();
        for part in resource.split('/').filter(|part| !part.is_empty()) {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let value = match name {
                None => part,
                Some(name) => {
                    let name = name.strip_suffix('+').unwrap_or(name);
                    self.path_parameters.as_ref()?.get(name)?
                }
            };
            path.push('/');
            path.push_str(value);
        }
        Some(path)
    }

    /// Names and values that are none are passed over: a front door has checked them.
    fn take_headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &str| {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        };
        match (self.multi_value_headers.take(), self.headers.take()) {
            (Some(multi), _) => multi
                .iter()
                .for_each(|(name, values)| values.iter().for_each(|value| add(name, value))),
            (None, Some(single)) => single.iter().for_each(|(name, value)| add(name, value)),
            (None, None) => {}
        }
        headers
    }

    fn take_body(&mut self, headers: &HeaderMap) -> Result<Bytes, Problem> {
        let body = self.body.take().unwrap_or_default();
        if self.is_base64_encoded {
            return STANDARD.decode(body).map(Bytes::from).map_err(|error| {
                let message = format!("the event's body is not base64: {error}");
                Problem::new(Kind::Host(Class::InvalidInput), message)
            });
        }
        // What is no text was made one, and is lost.
        let damaged = body.contains('\u{fffd}') && !is_text(headers);
        if damaged && self.door() == Door::Rest {
            let message = "the body came through API Gateway as text and is damaged; set */* among \
                           the binaryMediaTypes of this API";
            return Err(Problem::new(Kind::UnsupportedMediaType, message));
        }
        Ok(body.into())
    }
}

/// Whether a body may hold a replacement character that somebody wrote.
fn is_text(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| {
        content_type.starts_with("text/") || content_type.contains("json")
    })
}

/// What follows a prefix of whole segments.
fn without(path: &str, prefix: &str) -> Option<String> {
    let rest = path.strip_prefix(prefix)?;
    match rest.bytes().next() {
        None => Some("/".into()),
        Some(b'/') => Some(rest.to_owned()),
        Some(_) => None,
    }
}

fn uri(path: &str) -> Uri {
    let path = utf8_percent_encode(path, PATH).to_string();
    let path = if path.starts_with('/') { path } else { format!("/{path}") };
    // The path of an unreadable one is `/nowhere`, which names nothing.
    path.parse().unwrap_or_else(|_| Uri::from_static("/nowhere"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(event: &Value) -> Option<HttpEvent> {
        HttpEvent::parse(&event.to_string())
    }

    #[test]
    fn paths_lose_what_doors_add() {
        let check = |event: Value, base_path: &str, expected: &str| {
            let (request, problem) = parse(&event).unwrap().request(base_path);
            assert!(problem.is_none());
            assert_eq!(request.uri().path(), expected, "{event}");
        };
        let rest = |resource: &str, path: &str, parameters: Value| {
            json!({
                "httpMethod": "GET", "resource": resource, "path": path,
                "pathParameters": parameters, "requestContext": { "stage": "prod" },
            })
        };
        check(rest("/{proxy+}", "/predict", json!({ "proxy": "predict" })), "", "/predict");
        check(rest("/{proxy+}", "/base/v2/x", json!({ "proxy": "v2/x" })), "", "/v2/x");
        check(rest("/a/{proxy+}", "/a/v2", json!({ "proxy": "v2" })), "/a", "/v2");
        let name = json!({ "name": "fraud" });
        check(rest("/models/{name}/predict", "/x", name), "", "/models/fraud/predict");
        check(rest("/predict", "/predict", Value::Null), "", "/predict");
        check(rest("/", "/", Value::Null), "", "/");
        check(rest("/{proxy+}", "/test", Value::Null), "", "/test");
        let http = |path: &str, stage: &str| {
            json!({
                "version": "2.0", "rawPath": path,
                "requestContext": { "stage": stage, "http": { "method": "GET" } },
            })
        };
        check(http("/predict", "$default"), "", "/predict");
        check(http("/prod/predict", "prod"), "", "/predict");
        check(http("/prod", "prod"), "", "/");
        check(http("/v2/v2/health/live", "v2"), "", "/v2/health/live");
        check(http("/products", "prod"), "", "/products");
        check(http("/a b/c?d", "$default"), "", "/a%20b/c%3Fd");
        check(http("", "$default"), "", "/");
        let balancer = |path: &str| json!({ "httpMethod": "GET", "path": path, "requestContext": { "elb": {} } });
        check(balancer("/ml/predict"), "/ml", "/predict");
        check(balancer("/predict"), "/ml", "/predict");
        check(balancer("/ml"), "/ml", "/");
    }

    #[test]
    fn events_of_other_kinds_are_left_alone() {
        let check = |event: Value, expected: Option<Door>| {
            assert_eq!(parse(&event).map(|event| event.door()), expected, "{event}");
        };
        check(json!({ "transaction_id": "1" }), None);
        check(json!([1]), None);
        check(json!({ "Records": [] }), None);
        check(json!({ "requestContext": {} }), None);
        check(json!({ "requestContext": { "connectionId": "x" }, "httpMethod": "GET" }), None);
        check(
            json!({ "requestContext": { "elb": {} }, "httpMethod": "GET" }),
            Some(Door::Balancer),
        );
        check(json!({ "requestContext": {}, "httpMethod": "GET" }), Some(Door::Rest));
    }

    #[test]
    fn principals_are_found() {
        let check = |context: Value, expected: Option<&str>| {
            let event = json!({ "httpMethod": "GET", "requestContext": context });
            assert_eq!(parse(&event).unwrap().principal().as_deref(), expected, "{event}");
        };
        check(json!({ "authorizer": { "jwt": { "claims": { "sub": "alice" } } } }), Some("alice"));
        check(json!({ "authorizer": { "claims": { "sub": "alice" } } }), Some("alice"));
        check(json!({ "authorizer": { "iam": { "userArn": "arn:a" } } }), Some("arn:a"));
        check(
            json!({ "authorizer": { "principalId": "p" }, "identity": { "userArn": "u" } }),
            Some("p"),
        );
        check(json!({ "identity": { "userArn": null, "apiKeyId": "k" } }), Some("k"));
        check(json!({ "authorizer": "x", "identity": null }), None);
    }

    #[test]
    fn bodies_are_decoded_or_refused() {
        let check = |kind: &str, body: &str, base64: bool, expected: Result<&[u8], u16>| {
            let event = json!({
                "httpMethod": "POST", "path": "/predict", "requestContext": {}, "body": body,
                "headers": { "Content-Type": kind }, "isBase64Encoded": base64,
            });
            let (request, problem) = parse(&event).unwrap().request("");
            let found = match problem {
                None => Ok(request.body().as_ref()),
                Some(problem) => Err(problem.kind().status().as_u16()),
            };
            assert_eq!(found, expected, "{event}");
        };
        check("image/png", "iVBO", true, Ok(b"\x89PN"));
        check("image/png", "%", true, Err(400));
        check("image/png", "\u{fffd}PNG", false, Err(415));
        check("text/plain", "\u{fffd}", false, Ok("\u{fffd}".as_bytes()));
        check("application/json", "{}", false, Ok(b"{}"));
    }
}
