//! What a function may answer to an HTTP request, and what a client gets of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use crate::server::{Body, full};

/// Why a service refuses an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(String);

impl Malformed {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A response, ready to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

impl HttpAnswer {
    pub(crate) fn into_response(self) -> Response<Body> {
        let body = full(self.body);
        with_head(self.status, self.headers, body)
    }
}

pub(crate) fn with_head(
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        // The services say themselves how the body travels.
        const OWN: [&str; 5] =
            ["connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"];
        if !OWN.contains(&name.as_str()) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The payload as an object.
pub(crate) fn object(payload: &[u8]) -> Result<Map<String, Value>, Malformed> {
    match serde_json::from_slice(payload) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Malformed::new("it is JSON, but no object with a statusCode")),
        Err(error) => Err(Malformed::new(format!("it is no JSON: {error}"))),
    }
}

/// Refuses keys that the service does not know.
pub(crate) fn only(fields: &Map<String, Value>, accepted: &[&str]) -> Result<(), Malformed> {
    match fields.keys().find(|key| !accepted.contains(&key.as_str())) {
        Some(key) => Err(Malformed::new(format!("it has the key {key:?}; accepted: {accepted:?}"))),
        None => Ok(()),
    }
}

/// `statusCode`: a whole number, or one in a string.
pub(crate) fn status(fields: &Map<String, Value>) -> Result<StatusCode, Malformed> {
    let value = fields.get("statusCode").ok_or_else(|| Malformed::new("it has no statusCode"))?;
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| (100..=599).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .ok_or_else(|| Malformed::new(format!("its statusCode is {value}; accepted: 100 to 599")))
}

/// `headers` or a list of them: strings, numbers or booleans.
pub(crate) fn headers(
    fields: &Map<String, Value>,
    key: &str,
) -> Result<Vec<(HeaderName, HeaderValue)>, Malformed> {
    let refuse = |what: &str| Malformed::new(format!("its {key} {what}"));
    let entries = match fields.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err(refuse("is no object")),
    };
    let mut headers = Vec::new();
    for (name, value) in entries {
        let values = match value {
            Value::Array(values) if key == "multiValueHeaders" => values.as_slice(),
            Value::Array(_) | Value::Object(_) | Value::Null => {
                return Err(refuse(&format!("has no string under {name:?}")));
            }
            value if key == "multiValueHeaders" => {
                return Err(refuse(&format!("has no list under {name:?}: {value}")));
            }
            value => std::slice::from_ref(value),
        };
        for value in values {
            headers.push(header(name, value).ok_or_else(|| {
                refuse(&format!("has no header's name or value: {name:?}: {value}"))
            })?);
        }
    }
    Ok(headers)
}

fn header(name: &str, value: &Value) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    let value = match value {
        Value::String(text) => HeaderValue::from_str(text).ok()?,
        Value::Number(_) | Value::Bool(_) => HeaderValue::from_str(&value.to_string()).ok()?,
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    Some((name, value))
}

/// `cookies`: each becomes a `set-cookie`.
pub(crate) fn cookies(
    fields: &Map<String, Value>,
) -> Result<Vec<(HeaderName, HeaderValue)>, Malformed> {
    let refuse = || Malformed::new("its cookies are no list of strings");
    let values = match fields.get("cookies") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(values)) => values,
        Some(_) => return Err(refuse()),
    };
    values
        .iter()
        .map(|value| {
            let text = value.as_str().ok_or_else(refuse)?;
            let value = HeaderValue::from_str(text).map_err(|_| refuse())?;
            Ok((http::header::SET_COOKIE, value))
        })
        .collect()
}

/// `isBase64Encoded`.
pub(crate) fn is_base64(fields: &Map<String, Value>) -> Result<bool, Malformed> {
    match fields.get("isBase64Encoded") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(value) => Err(Malformed::new(format!("its isBase64Encoded is {value}, no boolean"))),
    }
}

/// `body`: a string, decoded where `decode` says so.
pub(crate) fn body(fields: &Map<String, Value>, decode: bool) -> Result<Bytes, Malformed> {
    let text = match fields.get("body") {
        None | Some(Value::Null) => return Ok(Bytes::new()),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Malformed::new("its body is no string")),
    };
    if !decode {
        return Ok(text.clone().into());
    }
    STANDARD
        .decode(text)
        .map(Bytes::from)
        .map_err(|error| Malformed::new(format!("isBase64Encoded is true, but the body: {error}")))
}

/// Adds a content type where the function gave none.
pub(crate) fn default_content_type(
    headers: &mut Vec<(HeaderName, HeaderValue)>,
    content_type: &'static str,
) {
    if !headers.iter().any(|(name, _)| *name == http::header::CONTENT_TYPE) {
        headers.push((http::header::CONTENT_TYPE, HeaderValue::from_static(content_type)));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Status, headers as `name: value` and the body, or the reason for a refusal.
    pub(crate) fn shown(answer: Result<HttpAnswer, Malformed>) -> String {
        match answer {
            Ok(answer) => {
                let mut text = answer.status.as_u16().to_string();
                for (name, value) in answer.headers {
                    text.push_str(&format!(
                        " {name}: {};",
                        String::from_utf8_lossy(value.as_bytes())
                    ));
                }
                format!("{text} {}", String::from_utf8_lossy(&answer.body))
            }
            Err(reason) => reason.to_string(),
        }
    }
}
