//! From a response to the answer of an invoke.
//!
//! Each door has keys of its own: REST APIs refuse unknown ones, load balancers want a
//! `statusDescription` and headers in the form that the event had.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Response, header};
use serde::Serialize;

use super::event::Door;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<&'a str, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    body: Cow<'a, str>,
    is_base64_encoded: bool,
}

/// The answer as JSON.
pub(super) fn write(door: Door, response: &Response<Bytes>) -> serde_json::Result<String> {
    let status = response.status();
    let values = values(response.headers());
    let (single, multi) = match door {
        Door::BalancerMulti => (None, Some(values)),
        Door::Rest | Door::Http | Door::Balancer => {
            let joined = values.into_iter().map(|(name, values)| (name, values.join(", ")));
            (Some(joined.collect()), None)
        }
    };
    let description = || format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or(""));
    let is_balancer = matches!(door, Door::Balancer | Door::BalancerMulti);
    let (body, is_base64_encoded) = match std::str::from_utf8(response.body()) {
        Ok(text) if is_text(response.headers()) => (Cow::Borrowed(text), false),
        _ => (Cow::Owned(STANDARD.encode(response.body())), true),
    };
    serde_json::to_string(&Reply {
        status_code: status.as_u16(),
        status_description: is_balancer.then(description),
        headers: single,
        multi_value_headers: multi,
        body,
        is_base64_encoded,
    })
}

/// Headers by name. The length of a body is the door's to say.
fn values(headers: &HeaderMap) -> BTreeMap<&str, Vec<&str>> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in headers {
        if name != header::CONTENT_LENGTH
            && let Ok(value) = value.to_str()
        {
            values.entry(name.as_str()).or_default().push(value);
        }
    }
    values
}

fn is_text(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return true };
    content_type.to_str().is_ok_and(|content_type| {
        content_type.starts_with("text/") || content_type.contains("json")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(door: Door, content_type: &'static str, body: &'static [u8], expected: &str) {
        let mut response = Response::new(Bytes::from_static(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.append(header::VARY, HeaderValue::from_static("Accept"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("9"));
        assert_eq!(write(door, &response).unwrap(), expected);
    }

    #[test]
    fn every_door_has_its_own_form() {
        check(
            Door::Rest,
            "application/json",
            b"{}",
            r#"{"statusCode":200,"headers":{"content-type":"application/json","vary":"Accept, Origin"},"body":"{}","isBase64Encoded":false}"#,
        );
        check(
            Door::Http,
            "application/octet-stream",
            b"\xff\x00",
            r#"{"statusCode":200,"headers":{"content-type":"application/octet-stream","vary":"Accept, Origin"},"body":"/wA=","isBase64Encoded":true}"#,
        );
        check(
            Door::Balancer,
            "text/html",
            b"<p>",
            r#"{"statusCode":200,"statusDescription":"200 OK","headers":{"content-type":"text/html","vary":"Accept, Origin"},"body":"<p>","isBase64Encoded":false}"#,
        );
        check(
            Door::BalancerMulti,
            "application/problem+json",
            b"{}",
            r#"{"statusCode":200,"statusDescription":"200 OK","multiValueHeaders":{"content-type":["application/problem+json"],"vary":["Accept","Origin"]},"body":"{}","isBase64Encoded":false}"#,
        );
    }
}
