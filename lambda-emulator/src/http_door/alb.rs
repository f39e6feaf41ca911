//! Application Load Balancer with a function as target.
//!
//! Source: "Use Lambda functions as targets of an Application Load Balancer".

use serde_json::{Value, json};

use super::answer::{self, HttpAnswer, Malformed};
use super::request::{HttpRequest, grouped};
use crate::options::Function;

/// The answer, as JSON, may have so many bytes.
const ANSWER_BYTES: usize = 1024 * 1024;

/// The target group's `lambda.multi_value_headers.enabled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Headers {
    Single,
    Multi,
}

pub(crate) fn event(request: &HttpRequest, function: &Function, kind: Headers) -> Value {
    // The load balancer does not decode queries.
    let query = grouped(request.raw_query_pairs());
    let (body, is_base64) = request.body_text(is_binary(request));
    let Function { region, account, .. } = function;
    let group = format!(
        "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/emulator/0123456789abcdef"
    );
    let mut event = json!({
        "requestContext": {"elb": {"targetGroupArn": group}},
        "httpMethod": request.method,
        "path": request.path,
        "body": body,
        "isBase64Encoded": is_base64,
    });
    let last = |groups: &std::collections::BTreeMap<String, Vec<String>>| -> Value {
        groups.iter().map(|(name, values)| (name.clone(), json!(values.last()))).collect()
    };
    if let Some(fields) = event.as_object_mut() {
        let (query, headers) = match kind {
            Headers::Single => {
                (("queryStringParameters", last(&query)), ("headers", last(&request.headers)))
            }
            Headers::Multi => (
                ("multiValueQueryStringParameters", json!(query)),
                ("multiValueHeaders", json!(request.headers)),
            ),
        };
        for (name, value) in [query, headers] {
            fields.insert(name.to_owned(), value);
        }
    }
    event
}

/// Base64, unless the content is not encoded and of one of these types.
fn is_binary(request: &HttpRequest) -> bool {
    if request.body.is_empty() {
        return false;
    }
    let is_text = request.media_type().is_some_and(|media_type| {
        media_type.starts_with("text/")
            || ["application/json", "application/javascript", "application/xml"]
                .contains(&media_type.as_str())
    });
    request.header("content-encoding").is_some() || !is_text
}

/// The answer must have the headers in the form that the event had.
pub(crate) fn answer(payload: &[u8], kind: Headers) -> Result<HttpAnswer, Malformed> {
    if payload.len() > ANSWER_BYTES {
        let reason = format!("it has {} bytes; accepted: {ANSWER_BYTES}", payload.len());
        return Err(Malformed::new(reason));
    }
    let fields = answer::object(payload)?;
    let key = match kind {
        Headers::Single => "headers",
        Headers::Multi => "multiValueHeaders",
    };
    answer::only(&fields, &["statusCode", "statusDescription", key, "body", "isBase64Encoded"])?;
    let status = answer::status(&fields)?;
    if !fields.get(key).is_some_and(Value::is_object) {
        return Err(Malformed::new(format!("it has no {key}")));
    }
    if let Some(description) = fields.get("statusDescription") {
        let expected = status.as_u16().to_string();
        let found = description.as_str().unwrap_or_default();
        if found.split(' ').next() != Some(&expected) {
            let reason =
                format!("its statusDescription is {description}; accepted: as in \"200 OK\"");
            return Err(Malformed::new(reason));
        }
    }
    let headers = answer::headers(&fields, key)?;
    let body = answer::body(&fields, answer::is_base64(&fields)?)?;
    Ok(HttpAnswer { status, headers, body })
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::super::answer::tests::shown;
    use super::super::request::tests::request;
    use super::*;

    fn check(payload: &str, kind: Headers, expected: &str) {
        let found = shown(answer(payload.as_bytes(), kind));
        assert!(found.starts_with(expected), "{found}");
    }

    #[test]
    fn answers_mirror_the_headers_form() {
        let single = r#"{"statusCode": 200, "statusDescription": "200 OK", "headers": {"a": "1"}, "body": "x"}"#;
        let multi = r#"{"statusCode": 200, "multiValueHeaders": {"a": ["1", "2"]}, "body": "eA==", "isBase64Encoded": true}"#;
        check(single, Headers::Single, "200 a: 1; x");
        check(multi, Headers::Multi, "200 a: 1; a: 2; x");
        check(single, Headers::Multi, r#"it has the key "headers""#);
        check(multi, Headers::Single, r#"it has the key "multiValueHeaders""#);
        check(r#"{"statusCode": 200, "body": "x"}"#, Headers::Single, "it has no headers");
        check(r#"{"headers": {}}"#, Headers::Single, "it has no statusCode");
        check(
            r#"{"statusCode": 200, "headers": {}, "cookies": []}"#,
            Headers::Single,
            "it has the key \"cookies\"",
        );
        check(
            r#"{"statusCode": 200, "statusDescription": "OK", "headers": {}}"#,
            Headers::Single,
            "its statusDescription",
        );
        let large = format!(
            r#"{{"statusCode": 200, "headers": {{}}, "body": "{}"}}"#,
            "x".repeat(ANSWER_BYTES)
        );
        check(&large, Headers::Single, "it has 10486");
    }

    #[test]
    fn queries_stay_encoded_and_bodies_are_base64_unless_text() {
        let function = Function::new("x");
        let json = [("content-type", "application/json"), ("x-a", "1"), ("x-a", "2")];
        let sent = request("POST", "/p?a=%20&a=b", &json, b"{}");
        let single = event(&sent, &function, Headers::Single);
        assert_eq!(single["queryStringParameters"], json!({"a": "b"}));
        assert_eq!(single["headers"]["x-a"], "2");
        assert_eq!((&single["body"], &single["isBase64Encoded"]), (&json!("{}"), &json!(false)));
        let multi = event(&sent, &function, Headers::Multi);
        assert_eq!(multi["multiValueQueryStringParameters"], json!({"a": ["%20", "b"]}));
        assert_eq!(multi["multiValueHeaders"]["x-a"], json!(["1", "2"]));
        let zipped = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let zipped = event(&request("POST", "/", &zipped, b"{}"), &function, Headers::Single);
        assert_eq!((&zipped["body"], &zipped["isBase64Encoded"]), (&json!("e30="), &json!(true)));
        let bare = event(&request("GET", "/", &[], b""), &function, Headers::Single);
        assert_eq!((&bare["body"], &bare["isBase64Encoded"]), (&json!(""), &json!(false)));
    }
}
