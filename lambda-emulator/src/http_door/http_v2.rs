//! API Gateway HTTP API with a Lambda proxy integration, payload format 2.0; function URLs share the
//! format.
//!
//! Source: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway".

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::answer::{self, HttpAnswer, Malformed};
use super::request::{HttpRequest, grouped};
use crate::options::Function;

const API_ID: &str = "emulator02";

pub(crate) fn event(request: &HttpRequest, function: &Function) -> Value {
    // An HTTP API hands over the decoded path.
    let path = percent_decode_str(&request.path).decode_utf8_lossy().into_owned();
    event_of(request, &path, &function.account, API_ID)
}

pub(super) fn event_of(request: &HttpRequest, path: &str, account: &str, api_id: &str) -> Value {
    let mut headers = request.headers.clone();
    let cookies: Vec<String> = headers
        .remove("cookie")
        .unwrap_or_default()
        .iter()
        .flat_map(|line| line.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect();
    let joined = |groups: std::collections::BTreeMap<String, Vec<String>>| -> Value {
        groups.into_iter().map(|(name, values)| (name, json!(values.join(",")))).collect()
    };
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
        "headers": joined(headers),
        "requestContext": {
            "accountId": account,
            "apiId": api_id,
            "domainName": request.host,
            "domainPrefix": api_id,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent").unwrap_or_default(),
            },
            "requestId": request.id,
            "routeKey": "$default",
            "stage": "$default",
            "time": request.time,
            "timeEpoch": request.time_epoch_ms,
        },
        "isBase64Encoded": false,
    });
    if let Some(fields) = event.as_object_mut() {
        if !cookies.is_empty() {
            fields.insert("cookies".to_owned(), json!(cookies));
        }
        let query = grouped(request.query_pairs());
        if !query.is_empty() {
            fields.insert("queryStringParameters".to_owned(), joined(query));
        }
        if !request.body.is_empty() {
            let (body, is_base64) = request.body_text(!is_text(request.media_type().as_deref()));
            fields.insert("body".to_owned(), json!(body));
            fields.insert("isBase64Encoded".to_owned(), json!(is_base64));
        }
    }
    event
}

/// Everything but text, JSON, XML and JavaScript travels in base64, and so does a body without a
/// content type.
fn is_text(media_type: Option<&str>) -> bool {
    media_type.is_some_and(|media_type| {
        media_type.starts_with("text/")
            || media_type.ends_with("+json")
            || ["application/json", "application/javascript", "application/xml"]
                .contains(&media_type)
    })
}

/// An object with a `statusCode` is taken apart; any other JSON is the body of a 200.
pub(crate) fn answer(payload: &[u8]) -> Result<HttpAnswer, Malformed> {
    let value: Value = serde_json::from_slice(payload)
        .map_err(|error| Malformed::new(format!("it is no JSON: {error}")))?;
    let fields = match value {
        Value::Object(fields) if fields.contains_key("statusCode") => fields,
        _ => {
            let mut headers = Vec::new();
            answer::default_content_type(&mut headers, "application/json");
            let body = bytes::Bytes::copy_from_slice(payload);
            return Ok(HttpAnswer { status: http::StatusCode::OK, headers, body });
        }
    };
    let status = answer::status(&fields)?;
    let mut headers = answer::headers(&fields, "headers")?;
    answer::default_content_type(&mut headers, "text/plain;charset=UTF-8");
    headers.extend(answer::cookies(&fields)?);
    let body = answer::body(&fields, answer::is_base64(&fields)?)?;
    Ok(HttpAnswer { status, headers, body })
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::super::answer::tests::shown;
    use super::super::request::tests::request;
    use super::*;

    fn check(payload: &str, expected: &str) {
        let found = shown(answer(payload.as_bytes()));
        assert!(found.starts_with(expected), "{found}");
    }

    #[test]
    fn answers_are_taken_apart_or_passed_on() {
        check(r#"{"body": "x"}"#, r#"200 content-type: application/json; {"body": "x"}"#);
        check(r#""hello""#, r#"200 content-type: application/json; "hello""#);
        check(
            r#"{"statusCode": 201, "cookies": ["a=1", "b=2"], "headers": {"content-type": "a/b"}, "body": "aGk=", "isBase64Encoded": true}"#,
            "201 content-type: a/b; set-cookie: a=1; set-cookie: b=2; hi",
        );
        check(r#"{"statusCode": 200, "body": 1}"#, "its body is no string");
        check(r#"{"statusCode": true}"#, "its statusCode is true");
        check(r#"{"statusCode": 200, "cookies": "a=1"}"#, "its cookies are no list");
        check(
            r#"{"statusCode": 200, "body": "%", "isBase64Encoded": true}"#,
            "isBase64Encoded is true, but",
        );
        check("hello", "it is no JSON");
    }

    fn check_body(content_type: Option<&str>, body: &'static [u8], expected: (&str, bool)) {
        let headers: Vec<_> = content_type.map(|it| ("content-type", it)).into_iter().collect();
        let event = event(&request("POST", "/", &headers, body), &Function::new("x"));
        let found = (event["body"].as_str().unwrap_or_default(), &event["isBase64Encoded"]);
        assert_eq!(found, (expected.0, &json!(expected.1)));
    }

    #[test]
    fn bodies_are_base64_unless_text() {
        check_body(Some("application/json; charset=utf-8"), b"{}", ("{}", false));
        check_body(Some("text/csv"), b"a,b", ("a,b", false));
        check_body(Some("application/octet-stream"), b"\xff", ("/w==", true));
        check_body(Some("application/x-www-form-urlencoded"), b"a=b", ("YT1i", true));
        check_body(None, b"{}", ("e30=", true));
    }

    #[test]
    fn cookies_and_repeated_names_are_joined() {
        let headers = [("cookie", "a=1; b=2"), ("x-a", "1"), ("x-a", "2")];
        let sent = request("GET", "/a%20b/c?p=1&p=2&q=%26", &headers, b"");
        let event = event(&sent, &Function::new("x"));
        assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(event["headers"]["cookie"], Value::Null);
        assert_eq!(event["headers"]["x-a"], "1,2");
        assert_eq!(event["queryStringParameters"], json!({"p": "1,2", "q": "&"}));
        assert_eq!(event["rawQueryString"], "p=1&p=2&q=%26");
        assert_eq!(event["rawPath"], "/a b/c");
        assert!(event.get("body").is_none());
    }
}
