//! The HTTP doors and the invoke API, with real HTTP.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use aws_lambda_events::alb::AlbTargetGroupRequest;
use aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayV2httpRequest};
use aws_lambda_events::lambda_function_urls::LambdaFunctionUrlRequest;
use bytes::Bytes;
use http::{Request, Response};
use lambda_emulator::{Door, DoorKind, Emulator, Function, Options, PAYLOAD_BYTES};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{example, fixture, send};

fn rest(binary: &[&str]) -> DoorKind {
    DoorKind::RestV1 { binary_media_types: binary.iter().map(|it| (*it).to_owned()).collect() }
}

async fn open(function: Function, kind: DoorKind) -> (Emulator, String) {
    let mut options = Options::new(function);
    options.doors = vec![Door { kind, address: SocketAddr::from(([127, 0, 0, 1], 0)) }];
    let emulator = Emulator::start(options).await.unwrap();
    let address = format!("http://{}", emulator.doors()[0].1);
    (emulator, address)
}

fn echo() -> Function {
    Function::new(example("http_echo"))
}

async fn post(uri: &str, content_type: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let request =
        Request::post(uri).header("content-type", content_type).body(body.into()).unwrap();
    send(request).await.unwrap()
}

/// What AWS sends and the types of `aws_lambda_events` do not keep.
const UNTYPED: [&str; 4] = [
    "event.routeKey",
    "event.requestContext.extendedRequestId",
    "event.requestContext.routeKey",
    "event.requestContext.stage",
];

/// Every value of `part` that is not null is in `whole`, at the same place.
fn check_within(part: &Value, whole: &Value, place: &str) {
    match part {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                let place = format!("{place}.{name}");
                // aws_lambda_events 1.2 writes the fraction .085 as .85.
                if !UNTYPED.contains(&place.as_str()) && name != "approximateArrivalTimestamp" {
                    check_within(value, &whole[name], &place);
                }
            }
        }
        Value::Array(items) if whole.as_array().is_some_and(|it| it.len() == items.len()) => {
            for (index, value) in items.iter().enumerate() {
                check_within(value, &whole[index], &format!("{place}.{index}"));
            }
        }
        // Some types keep a number's text.
        Value::Number(number) if whole.is_string() => {
            assert_eq!(whole.as_str(), Some(number.to_string().as_str()), "{place}");
        }
        _ => assert_eq!(part, whole, "{place}"),
    }
}

/// The fixtures that come with the crate `aws_lambda_events`.
pub fn aws_fixture(name: &str) -> Value {
    // Without a platform, cargo wants the packages of all others, too, which a new machine lacks.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "aws_lambda_events").unwrap();
    let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
    let path = manifest.with_file_name("src").join("fixtures").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The event parses as its type and loses nothing, its keys are those of AWS's example, and the
/// example makes the same way there and back.
pub fn check_event<T: DeserializeOwned + Serialize>(event: &Value, fixture: &str) {
    let round = |event: &Value| {
        let typed: T = serde_json::from_value(event.clone()).unwrap();
        serde_json::to_value(typed).unwrap()
    };
    check_within(event, &round(event), "event");
    let example = aws_fixture(fixture);
    let typed = round(&example);
    assert_eq!(round(&typed), typed);
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let unknown: Vec<String> = keys(event).difference(&keys(&example)).cloned().collect();
    // Documented by AWS, and absent from some of the examples.
    let known = ["body", "isBase64Encoded", "version"];
    assert!(unknown.iter().all(|key| known.contains(&key.as_str())), "{unknown:?}");
}

async fn check_door<T: DeserializeOwned + Serialize>(
    kind: DoorKind,
    fixture: &str,
    expected: Value,
) {
    let (_emulator, address) = open(echo(), kind).await;
    let request = Request::post(format!("{address}/v2/models/m/infer?a=1&a=2"))
        .header("content-type", "application/json")
        .header("cookie", "c=1; d=2")
        .header("user-agent", "test")
        .body(Bytes::from_static(b"{\"x\": 1}"))
        .unwrap();
    let response = send(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let event: Value = serde_json::from_slice(response.body()).unwrap();
    check_event::<T>(&event, fixture);
    check_within(&expected, &event, "event");
}

#[tokio::test]
async fn each_door_makes_its_event() {
    let body = json!("{\"x\": 1}");
    check_door::<ApiGatewayProxyRequest>(
        rest(&[]),
        "example-apigw-request.json",
        json!({
            "httpMethod": "POST", "path": "/v2/models/m/infer", "resource": "/{proxy+}",
            "pathParameters": {"proxy": "v2/models/m/infer"},
            "headers": {"cookie": "c=1; d=2", "content-type": "application/json"},
            "queryStringParameters": {"a": "2"},
            "multiValueQueryStringParameters": {"a": ["1", "2"]},
            "requestContext": {"path": "/prod/v2/models/m/infer", "httpMethod": "POST"},
            "body": body, "isBase64Encoded": false,
        }),
    )
    .await;
    let v2 = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/v2/models/m/infer",
        "rawQueryString": "a=1&a=2", "cookies": ["c=1", "d=2"],
        "queryStringParameters": {"a": "1,2"},
        "requestContext": {"stage": "$default", "routeKey": "$default", "http": {"method": "POST", "userAgent": "test", "sourceIp": "127.0.0.1"}},
        "body": body, "isBase64Encoded": false,
    });
    let example = "example-apigw-v2-request-iam.json";
    check_door::<ApiGatewayV2httpRequest>(DoorKind::HttpV2, example, v2.clone()).await;
    check_door::<LambdaFunctionUrlRequest>(DoorKind::FunctionUrl, example, v2).await;
    check_door::<AlbTargetGroupRequest>(
        DoorKind::Alb,
        "example-alb-lambda-target-request-headers-only.json",
        json!({
            "httpMethod": "POST", "path": "/v2/models/m/infer",
            "headers": {"cookie": "c=1; d=2", "x-forwarded-for": "127.0.0.1"},
            "queryStringParameters": {"a": "2"}, "body": body, "isBase64Encoded": false,
        }),
    )
    .await;
    check_door::<AlbTargetGroupRequest>(
        DoorKind::AlbMultiValue,
        "example-alb-lambda-target-request-multivalue-headers.json",
        json!({
            "multiValueHeaders": {"cookie": ["c=1; d=2"], "x-forwarded-proto": ["http"]},
            "multiValueQueryStringParameters": {"a": ["1", "2"]}, "body": body,
        }),
    )
    .await;
}

/// What the door answers where the function fails, answers wrongly, or is asked for too much.
async fn check_errors(kind: DoorKind, failed: u16, malformed: u16, limit: usize) {
    let (emulator, address) = open(echo(), kind.clone()).await;
    let response = post(&format!("{address}/fail"), "application/json", "{}").await;
    assert_eq!(response.status(), failed, "{kind:?}");
    let answer = r#"{"statusCode": 200, "headers": {}, "multiValueHeaders": {}, "body": 1}"#;
    let response = post(&format!("{address}/exact"), "application/json", answer).await;
    assert_eq!(response.status(), malformed, "{kind:?}");
    let said = emulator.log().lines().iter().any(|line| line.contains("refuses the answer"));
    assert!(said, "{kind:?}");
    let large = vec![b'x'; limit + 1];
    let response = post(&address, "text/plain", large).await;
    assert_eq!(response.status(), 413, "{kind:?}");
}

#[tokio::test]
async fn each_door_has_its_errors() {
    const GATEWAY: usize = 10 * 1024 * 1024;
    check_errors(rest(&[]), 502, 502, GATEWAY).await;
    check_errors(DoorKind::HttpV2, 500, 500, GATEWAY).await;
    check_errors(DoorKind::FunctionUrl, 502, 502, PAYLOAD_BYTES).await;
    check_errors(DoorKind::Alb, 502, 502, 1024 * 1024).await;
    check_errors(DoorKind::AlbMultiValue, 502, 502, 1024 * 1024).await;
}

#[tokio::test]
async fn an_event_over_six_megabytes_is_refused_though_the_gateway_takes_ten() {
    let (_emulator, address) = open(echo(), rest(&[])).await;
    let response = post(&address, "text/plain", vec![b'x'; 7 * 1024 * 1024]).await;
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn binary_bodies_come_through_every_door() {
    let bytes: Vec<u8> = (0..=255).collect();
    for (kind, key) in [
        (rest(&["*/*"]), "body"),
        (DoorKind::HttpV2, "body"),
        (DoorKind::FunctionUrl, "body"),
        (DoorKind::Alb, "body"),
    ] {
        let (_emulator, address) = open(echo(), kind).await;
        let request = Request::post(&address).body(Bytes::from(bytes.clone())).unwrap();
        let event: Value = serde_json::from_slice(send(request).await.unwrap().body()).unwrap();
        assert_eq!(event["isBase64Encoded"], true);
        use base64::Engine;
        let decoder = base64::engine::general_purpose::STANDARD;
        assert_eq!(decoder.decode(event[key].as_str().unwrap()).unwrap(), bytes);
    }
}

#[tokio::test]
async fn cookies_and_multi_values_reach_the_client() {
    let (_emulator, address) = open(echo(), DoorKind::HttpV2).await;
    let answer = r#"{"statusCode": 201, "cookies": ["a=1", "b=2"], "body": "aGk=", "isBase64Encoded": true}"#;
    let response = post(&format!("{address}/exact"), "application/json", answer).await;
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!((response.status().as_u16(), &response.body()[..]), (201, &b"hi"[..]));
    let bare = post(&format!("{address}/exact"), "application/json", r#"{"live": true}"#).await;
    assert_eq!((bare.status().as_u16(), &bare.body()[..]), (200, &br#"{"live":true}"#[..]));
    let (_emulator, address) = open(echo(), DoorKind::AlbMultiValue).await;
    let response = post(&address, "application/json", "{}").await;
    let values: Vec<_> = response.headers().get_all("x-two").iter().collect();
    assert_eq!(values, ["1", "2"]);
}

#[tokio::test]
async fn a_streamed_answer_arrives_with_its_prelude_taken_apart() {
    for kind in [DoorKind::FunctionUrlStreamed, DoorKind::FunctionUrl] {
        let (_emulator, address) = open(Function::new(example("streaming")), kind).await;
        let request = Request::get(format!("{address}/?one&two")).body(Bytes::new()).unwrap();
        let response = send(request).await.unwrap();
        assert_eq!(response.status(), 202);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(&response.body()[..], b"onetwo");
    }
}

async fn call(address: &str, name: &str, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let uri = format!("{address}/2015-03-31/functions/{name}/invocations");
    let mut request = Request::post(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Bytes::from(body.to_owned())).unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_invoke_api_answers_as_lambda_does() {
    let (_emulator, address) = open(fixture(), DoorKind::Invoke).await;
    // {"custom": {}}
    let headers = [("x-amz-log-type", "Tail"), ("x-amz-client-context", "eyJjdXN0b20iOiB7fX0=")];
    let response = call(&address, "function", &headers, r#"{"a": 1}"#).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-amz-executed-version"], "$LATEST");
    assert!(response.headers().get("x-amz-function-error").is_none());
    let seen: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(seen["client_context"], true);
    use base64::Engine;
    let log = base64::engine::general_purpose::STANDARD
        .decode(&response.headers()["x-amz-log-result"])
        .unwrap();
    assert!(String::from_utf8(log).unwrap().contains("REPORT RequestId: "));
    let response = call(&address, "function", &[], r#"{"do": "fail"}"#).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-amz-function-error"], "Unhandled");
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Afunction%3Alive";
    let response = call(&address, arn, &[], "{}").await;
    let seen: Value = serde_json::from_slice(response.body()).unwrap();
    assert!(seen["arn"].as_str().unwrap().ends_with(":function:function:live"));
    let check =
        async |name: &str, headers: &[(&str, &str)], body: &str, status: u16, kind: &str| {
            let response = call(&address, name, headers, body).await;
            assert_eq!(response.status(), status, "{kind}");
            assert_eq!(response.headers()["x-amzn-errortype"], kind);
        };
    check("other", &[], "{}", 404, "ResourceNotFoundException").await;
    check("function", &[], "{", 400, "InvalidRequestContentException").await;
    let nonsense = [("x-amz-invocation-type", "Maybe")];
    check("function", &nonsense, "{}", 400, "InvalidParameterValueException").await;
    let large = format!("\"{}\"", "x".repeat(PAYLOAD_BYTES));
    check("function", &[], &large, 413, "RequestTooLargeException").await;
    let dry = [("x-amz-invocation-type", "DryRun")];
    assert_eq!(call(&address, "function", &dry, "{}").await.status(), 204);
}

#[tokio::test]
async fn a_port_in_use_is_said_at_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = Options::new(echo());
    let address = taken.local_addr().unwrap();
    options.doors = vec![Door { kind: DoorKind::HttpV2, address }];
    let error = Emulator::start(options).await.unwrap_err().to_string();
    assert!(error.contains(&format!("can't listen on {address}")), "{error}");
    assert!(error.contains("port 0 for a free one"), "{error}");
}

#[tokio::test]
async fn a_throttled_caller_is_told_so() {
    let mut options = Options::new(fixture());
    options.concurrency = 1;
    options.doors = ["invoke", "url", "rest"].map(|door| door.parse::<Door>().unwrap()).to_vec();
    let emulator = Emulator::start(options).await.unwrap();
    let address = |index: usize| format!("http://{}", emulator.doors()[index].1);
    let invoke_api = address(0);
    let busy = call(&invoke_api, "function", &[], r#"{"do": "sleep", "ms": 60000}"#);
    let rest = async {
        crate::support::until("busy", || emulator.environments() == 1).await;
        let throttled = call(&address(0), "function", &[], "{}").await;
        assert_eq!(throttled.status(), 429);
        assert_eq!(throttled.headers()["x-amzn-errortype"], "TooManyRequestsException");
        assert_eq!(post(&address(1), "text/plain", "x").await.status(), 429);
        assert_eq!(post(&address(2), "text/plain", "x").await.status(), 500);
    };
    tokio::select! {
        _ = busy => panic!("the sleeper answered"),
        () = rest => {}
    }
}
