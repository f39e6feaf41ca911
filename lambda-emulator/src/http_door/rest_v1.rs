//! API Gateway REST API with a Lambda proxy integration (payload format 1.0).
//!
//! Source: "Lambda proxy integrations in API Gateway: input and output format"; "Content type
//! conversions in API Gateway" for binary media types.

use http::HeaderValue;
use serde_json::{Value, json};

use super::answer::{self, HttpAnswer, Malformed};
use super::request::{HttpRequest, grouped, media_type};
use crate::options::Function;

const STAGE: &str = "prod";
const API_ID: &str = "emulator01";

pub(crate) fn event(
    request: &HttpRequest,
    function: &Function,
    binary_media_types: &[String],
) -> Value {
    let query = grouped(request.query_pairs());
    let proxy = request.path.trim_start_matches('/');
    let resource = if proxy.is_empty() { "/" } else { "/{proxy+}" };
    let binary = is_binary(request.media_type().as_deref(), binary_media_types);
    let (body, is_base64) = request.body_text(binary && !request.body.is_empty());
    json!({
        "resource": resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": last_values(&request.headers),
        "multiValueHeaders": request.headers,
        "queryStringParameters": if query.is_empty() { Value::Null } else { last_values(&query) },
        "multiValueQueryStringParameters": if query.is_empty() { Value::Null } else { json!(query) },
        "pathParameters": if proxy.is_empty() { Value::Null } else { json!({"proxy": proxy}) },
        "stageVariables": null,
        "requestContext": {
            "resourceId": "abc123",
            "resourcePath": resource,
            "httpMethod": request.method,
            "extendedRequestId": request.id,
            "requestTime": request.time,
            "path": format!("/{STAGE}{}", request.path),
            "accountId": function.account,
            "protocol": request.protocol,
            "stage": STAGE,
            "domainPrefix": API_ID,
            "requestTimeEpoch": request.time_epoch_ms,
            "requestId": request.id,
            "identity": {
                "cognitoIdentityPoolId": null,
                "accountId": null,
                "cognitoIdentityId": null,
                "caller": null,
                "sourceIp": request.source_ip,
                "principalOrgId": null,
                "accessKey": null,
                "cognitoAuthenticationType": null,
                "cognitoAuthenticationProvider": null,
                "userArn": null,
                "userAgent": request.header("user-agent"),
                "user": null,
            },
            "domainName": request.host,
            "apiId": API_ID,
        },
        "body": if request.body.is_empty() { Value::Null } else { json!(body) },
        "isBase64Encoded": is_base64,
    })
}

/// Five keys and no others; anything else is a malformed proxy response.
pub(crate) fn answer(
    payload: &[u8],
    request: &HttpRequest,
    binary_media_types: &[String],
) -> Result<HttpAnswer, Malformed> {
    let fields = answer::object(payload)?;
    answer::only(
        &fields,
        &["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"],
    )?;
    let status = answer::status(&fields)?;
    let multi = answer::headers(&fields, "multiValueHeaders")?;
    let single = answer::headers(&fields, "headers")?;
    // A name in both: the list counts.
    let mut headers: Vec<_> = single
        .into_iter()
        .filter(|(name, _)| !multi.iter().any(|(other, _)| other == name))
        .collect();
    headers.extend(multi);
    // The first type that the client accepts decides whether base64 is undone.
    let accepted = request.header("accept").and_then(|accept| accept.split(',').next());
    let accepted = accepted.and_then(media_type);
    let decode = answer::is_base64(&fields)? && is_binary(accepted.as_deref(), binary_media_types);
    let body = answer::body(&fields, decode)?;
    answer::default_content_type(&mut headers, "application/json");
    if let Ok(id) = HeaderValue::from_str(&request.id) {
        headers.push((http::HeaderName::from_static("x-amzn-requestid"), id));
    }
    Ok(HttpAnswer { status, headers, body })
}

/// Whether a media type is one of the API's binary ones; `*/*` stands for all, and then also for
/// none at all.
fn is_binary(media_type: Option<&str>, binary_media_types: &[String]) -> bool {
    binary_media_types.iter().any(|binary| binary == "*/*" || Some(binary.as_str()) == media_type)
}

fn last_values(groups: &std::collections::BTreeMap<String, Vec<String>>) -> Value {
    groups.iter().map(|(name, values)| (name.clone(), json!(values.last()))).collect()
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::super::answer::tests::shown;
    use super::super::request::tests::request;
    use super::*;

    fn check(payload: &str, accept: &str, binary: &[&str], expected: &str) {
        let request = request("GET", "/", &[("accept", accept)], b"");
        let binary: Vec<String> = binary.iter().map(|it| (*it).to_owned()).collect();
        let found = shown(answer(payload.as_bytes(), &request, &binary));
        let expected = expected.replace("ID", &request.id);
        assert!(found.starts_with(&expected), "{found}");
    }

    #[test]
    fn answers_follow_the_proxy_rules() {
        let json = "200 content-type: application/json; x-amzn-requestid: ID;";
        check(r#"{"statusCode": 200, "body": "x"}"#, "*/*", &[], &format!("{json} x"));
        check(r#"{"statusCode": "204"}"#, "*/*", &[], "204 content-type");
        check(r#"{"body": "x"}"#, "*/*", &[], "it has no statusCode");
        check(r#"{"statusCode": 200, "cookies": []}"#, "*/*", &[], r#"it has the key "cookies""#);
        check(r#"{"statusCode": 200, "body": {}}"#, "*/*", &[], "its body is no string");
        check(r#"{"statusCode": 999}"#, "*/*", &[], "its statusCode is 999");
        check(r#""text""#, "*/*", &[], "it is JSON, but no object");
        check("text", "*/*", &[], "it is no JSON");
        let base64 = r#"{"statusCode": 200, "body": "aGk=", "isBase64Encoded": true}"#;
        check(base64, "image/png", &[], &format!("{json} aGk="));
        check(base64, "image/png", &["image/png"], &format!("{json} hi"));
        check(base64, "text/html, image/png", &["image/png"], &format!("{json} aGk="));
        check(base64, "text/html", &["*/*"], &format!("{json} hi"));
        check(
            r#"{"statusCode": 200, "headers": {"a": 1, "B": "2"}, "multiValueHeaders": {"b": ["3", "4"]}}"#,
            "*/*",
            &[],
            "200 a: 1; b: 3; b: 4; content-type: application/json;",
        );
        check(
            r#"{"statusCode": 200, "headers": {"a": ["1"]}}"#,
            "*/*",
            &[],
            "its headers has no string",
        );
    }

    #[test]
    fn bodies_are_base64_where_the_api_says_so() {
        let function = Function::new("x");
        let octets = [("content-type", "application/octet-stream")];
        let sent = request("POST", "/v2/models?a=1&a=2", &octets, b"\xff\x00");
        let text = event(&sent, &function, &[]);
        assert_eq!(
            (&text["body"], &text["isBase64Encoded"]),
            (&json!("\u{fffd}\0"), &json!(false))
        );
        let binary = event(&sent, &function, &["*/*".to_owned()]);
        assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
        assert_eq!(binary["queryStringParameters"], json!({"a": "2"}));
        assert_eq!(binary["multiValueQueryStringParameters"], json!({"a": ["1", "2"]}));
        assert_eq!(binary["pathParameters"], json!({"proxy": "v2/models"}));
        let empty = event(&request("GET", "/", &[], b""), &function, &["*/*".to_owned()]);
        assert_eq!((&empty["body"], &empty["isBase64Encoded"]), (&Value::Null, &json!(false)));
    }
}
