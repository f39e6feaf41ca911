//! Spans in the JSON of OpenTelemetry's protocol.
//!
//! Source: OpenTelemetry Protocol Specification 1.x, "OTLP/HTTP" and "JSON Protobuf Encoding": ids are
//! hexadecimal, 64-bit numbers are texts, enumerations are numbers, names are in lowerCamelCase.

use serde_json::{Map, Value as Json, json};

use super::span::{Span, Value};

/// The name and version of who measured.
const SCOPE: &str = "samebits";
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// The body of a request with these spans.
pub(super) fn request(resource: &[(String, String)], spans: &[Span]) -> Json {
    let resource: Vec<_> = resource
        .iter()
        .map(|(name, value)| json!({"key": name, "value": {"stringValue": value}}))
        .collect();
    let spans: Vec<_> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{
            "scope": {"name": SCOPE, "version": env!("CARGO_PKG_VERSION")},
            "spans": spans,
        }],
    }]})
}

fn span(span: &Span) -> Json {
    let mut json = Map::new();
    let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
    put("traceId", span.trace.as_str().into());
    put("spanId", span.id.as_str().into());
    if let Some(parent) = &span.parent {
        put("parentSpanId", parent.as_str().into());
    }
    if let Some(state) = &span.state {
        put("traceState", state.as_str().into());
    }
    put("name", span.name.as_str().into());
    put("kind", (span.kind as u8).into());
    put("startTimeUnixNano", span.start.to_string().into());
    put("endTimeUnixNano", span.end.to_string().into());
    let attributes = span.attributes.iter().map(|(name, value)| {
        let value = match value {
            Value::Text(text) => json!({"stringValue": text}),
            Value::Number(number) => json!({"intValue": number.to_string()}),
            Value::Truth(truth) => json!({"boolValue": truth}),
        };
        json!({"key": name, "value": value})
    });
    put("attributes", attributes.collect());
    let links = span.links.iter().map(|(trace, span)| json!({"traceId": trace, "spanId": span}));
    put("links", links.collect());
    if let Some(error) = &span.error {
        put("status", json!({"code": ERROR, "message": error}));
    }
    Json::Object(json)
}

/// How many spans a collector says that it did not take.
pub(super) fn rejected(answer: &[u8]) -> usize {
    let Ok(answer) = serde_json::from_slice::<Json>(answer) else { return 0 };
    // A 64-bit number may be a text or a number.
    match answer.pointer("/partialSuccess/rejectedSpans") {
        Some(Json::String(count)) => count.parse().unwrap_or(0),
        Some(count) => count.as_u64().and_then(|count| count.try_into().ok()).unwrap_or(0),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::span::Kind;
    use super::*;

    #[test]
    fn spans_are_written_as_the_protocol_has_them() {
        let span = Span {
            trace: "5b8efff798038103d269b633813fc60c".into(),
            id: "eee19b7ec3c1b174".into(),
            parent: Some("eee19b7ec3c1b173".into()),
            state: Some("a=1".into()),
            name: "POST /predict".into(),
            kind: Kind::Server,
            start: 1_544_712_660_000_000_000,
            end: 1_544_712_661_000_000_000,
            attributes: vec![
                ("url.path", Value::Text("/predict".into())),
                ("http.response.status_code", Value::Number(504)),
                ("faas.coldstart", Value::Truth(true)),
            ],
            links: vec![("ab".into(), "cd".into())],
            error: Some("deadline-exceeded".into()),
        };
        let resource = [("service.name".to_owned(), "fraud".to_owned())];
        let expected = json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "fraud"}}]},
            "scopeSpans": [{
                "scope": {"name": "samebits", "version": env!("CARGO_PKG_VERSION")},
                "spans": [{
                    "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
                    "parentSpanId": "eee19b7ec3c1b173", "traceState": "a=1",
                    "name": "POST /predict", "kind": 2,
                    "startTimeUnixNano": "1544712660000000000",
                    "endTimeUnixNano": "1544712661000000000",
                    "attributes": [
                        {"key": "url.path", "value": {"stringValue": "/predict"}},
                        {"key": "http.response.status_code", "value": {"intValue": "504"}},
                        {"key": "faas.coldstart", "value": {"boolValue": true}},
                    ],
                    "links": [{"traceId": "ab", "spanId": "cd"}],
                    "status": {"code": 2, "message": "deadline-exceeded"},
                }],
            }],
        }]});
        assert_eq!(request(&resource, &[span]), expected);
    }

    #[test]
    fn what_a_collector_did_not_take_is_counted() {
        let check = |answer: &str, expected: usize| {
            assert_eq!(rejected(answer.as_bytes()), expected, "{answer}");
        };
        check("{}", 0);
        check("", 0);
        check(r#"{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "no"}}"#, 3);
        check(r#"{"partialSuccess": {"rejectedSpans": 4}}"#, 4);
    }
}
