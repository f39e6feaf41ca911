//! Other runtimes: Python's `awslambdaric`, a raw client that streams with trailers, and an
//! external extension that subscribes to telemetry.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lambda_emulator::{Answer, Door, Emulator, Invocation, Options};
use serde_json::{Value, json};

use crate::support::{PATIENCE, answer, invoke, python, python_function, script, start};

const APP: &str = "
import os
print('loading')
if os.environ.get('BROKEN'):
    raise RuntimeError('no model')
count = 0
def handler(event, context):
    global count
    count += 1
    print('handling')
    if event.get('fail'):
        raise ValueError('told to fail')
    if event.get('exit'):
        os._exit(9)
    return {'event': event, 'count': count, 'id': context.aws_request_id,
            'left': context.get_remaining_time_in_millis(), 'memory': context.memory_limit_in_mb,
            'arn': context.invoked_function_arn, 'stream': context.log_stream_name}
";

#[tokio::test]
async fn awslambdaric_runs() {
    let folder = tempfile::tempdir().unwrap();
    let emulator = start(python_function(folder.path(), APP)).await;
    for count in [1, 2] {
        let invocation = Invocation::new(r#"{"a": [1, null]}"#);
        let id = invocation.request_id.clone();
        let seen = answer(emulator.invoke(invocation).await.unwrap()).await.unwrap();
        assert_eq!(seen["event"], json!({"a": [1, null]}));
        assert_eq!((&seen["count"], &seen["id"]), (&json!(count), &json!(id)));
        assert_eq!(seen["memory"], "512");
        assert!((1..=20_000).contains(&seen["left"].as_i64().unwrap()));
        assert!(seen["stream"].as_str().unwrap().contains("/[$LATEST]"));
    }
    let (kind, payload) = invoke(&emulator, &json!({"fail": true})).await.unwrap_err();
    assert_eq!((kind.as_str(), &payload["errorMessage"]), ("ValueError", &json!("told to fail")));
    assert_eq!(invoke(&emulator, &json!({})).await.unwrap()["count"], 4);
    let (kind, _) = invoke(&emulator, &json!({"exit": true})).await.unwrap_err();
    assert_eq!(kind, "Runtime.ExitError");
    assert_eq!(invoke(&emulator, &json!({})).await.unwrap()["count"], 1);
}

#[tokio::test]
async fn awslambdarics_init_error_reaches_the_caller() {
    let folder = tempfile::tempdir().unwrap();
    let mut function = python_function(folder.path(), APP);
    function.environment.insert("BROKEN".to_owned(), "1".to_owned());
    let emulator = start(function).await;
    let (kind, payload) = invoke(&emulator, &json!({})).await.unwrap_err();
    assert_eq!((kind.as_str(), &payload["errorMessage"]), ("RuntimeError", &json!("no model")));
}

/// A runtime that streams `one`, `two` and, where the event asks for it, an error in trailers.
const STREAMING: &str = r#"
import base64, http.client, json, os, socket
api = os.environ['AWS_LAMBDA_RUNTIME_API']
host, port = api.split(':')
while True:
    connection = http.client.HTTPConnection(api)
    connection.request('GET', '/2018-06-01/runtime/invocation/next')
    response = connection.getresponse()
    event = json.load(response)
    request_id = response.headers['Lambda-Runtime-Aws-Request-Id']
    stream = socket.create_connection((host, int(port)))
    stream.sendall((f'POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\n'
        f'Host: {api}\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n'
        'Lambda-Runtime-Function-Response-Mode: streaming\r\n'
        'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n').encode())
    stream.sendall(b'3\r\none\r\n')
    if event.get('hang'):
        import time
        time.sleep(1000)
    if event.get('break'):
        stream.close()
        continue
    stream.sendall(b'3\r\ntwo\r\n0\r\n')
    if event.get('fail'):
        body = base64.b64encode(json.dumps({'errorMessage': 'half way', 'errorType': 'Half'}).encode()).decode()
        stream.sendall(f'Lambda-Runtime-Function-Error-Type: Half\r\nLambda-Runtime-Function-Error-Body: {body}\r\n'.encode())
    stream.sendall(b'\r\n')
    stream.recv(1000)
    stream.close()
"#;

async fn check_stream(event: &str, expected: &str, expected_error: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("#!{} -u\n{STREAMING}", python().display());
    let emulator = start(script(folder.path(), &text)).await;
    let reply = emulator.invoke(Invocation::new(event.to_owned())).await.unwrap();
    let Answer::Stream(mut stream) = reply.answer else { panic!("{:?}", reply.answer) };
    assert_eq!(stream.content_type.as_deref(), Some("text/plain"));
    let (mut text, mut error) = (String::new(), None);
    while let Some(part) = stream.next().await {
        match part {
            Ok(bytes) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
            Err(found) => error = Some(found.error_type),
        }
    }
    assert_eq!((text.as_str(), error.as_deref()), (expected, expected_error));
}

#[tokio::test]
async fn a_streamed_response_arrives_with_its_trailers() {
    check_stream("{}", "onetwo", None).await;
    check_stream(r#"{"fail": true}"#, "onetwo", Some("Half")).await;
    check_stream(r#"{"break": true}"#, "one", Some("Runtime.TruncatedResponse")).await;
    // The time limit ends it; the caller must not take it for complete.
    check_stream(r#"{"hang": true}"#, "one", Some("Runtime.TruncatedResponse")).await;
}

/// An external extension: subscribes to telemetry and prints each event that it gets.
const EXTENSION: &str = r#"
import http.client, http.server, json, os, sys, threading
api = os.environ['AWS_LAMBDA_RUNTIME_API']
def call(method, path, headers, body=None):
    connection = http.client.HTTPConnection(api)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response, response.read()
class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers['Content-Length']))):
            sys.__stdout__.write('TELEMETRY ' + json.dumps(event) + '\n')
            sys.__stdout__.flush()
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(('127.0.0.1', 0), Sink)
threading.Thread(target=server.serve_forever, daemon=True).start()
response, body = call('POST', '/2020-01-01/extension/register',
    {'Lambda-Extension-Name': 'watcher'}, json.dumps({'events': ['INVOKE', 'SHUTDOWN']}))
assert json.loads(body)['functionName'] == 'function', body
me = {'Lambda-Extension-Identifier': response.headers['Lambda-Extension-Identifier']}
response, body = call('PUT', '/2022-07-01/telemetry', me, json.dumps({
    'schemaVersion': '2022-12-13', 'types': ['platform', 'function'],
    'buffering': {'timeoutMs': 25, 'maxItems': 1000, 'maxBytes': 262144},
    'destination': {'protocol': 'HTTP', 'URI': f'http://sandbox.localdomain:{server.server_port}'}}))
assert response.status == 200, body
while True:
    response, body = call('GET', '/2020-01-01/extension/event/next', me)
    event = json.loads(body)
    print('EVENT ' + json.dumps(event), flush=True)
    if event['eventType'] == 'SHUTDOWN':
        sys.exit(0)
"#;

#[tokio::test]
async fn an_external_extension_gets_events_telemetry_and_time_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watcher");
    fs::write(&path, format!("#!{} -u\n{EXTENSION}", python().display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut function = crate::support::fixture();
    function.memory_mb = 512;
    function.extensions = vec![path];
    let emulator = start(function).await;
    let event = json!({"do": "print", "line": "hello telemetry"});
    invoke(&emulator, &event).await.unwrap();
    let told =
        |wanted: &'static str| emulator.log().wait_for(PATIENCE, move |line| line.contains(wanted));
    told(r#""eventType": "INVOKE""#).await.unwrap();
    // Deliveries go on while the environment is thawed, so during a second invoke.
    let sleep = json!({"do": "sleep", "ms": 10_000});
    tokio::select! {
        _ = invoke(&emulator, &sleep) => panic!("the report did not come in time"),
        report = told(r#""type": "platform.report""#) => assert!(report.is_some()),
    }
    let log = emulator.log_handle();
    emulator.shut_down().await;
    let lines = log.lines();
    let events: Vec<Value> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("TELEMETRY "))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for expected in [
        "platform.initStart",
        "platform.extension",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.start",
        "platform.runtimeDone",
        "platform.report",
    ] {
        assert!(events.iter().any(|event| event["type"] == expected), "{expected}: {lines:#?}");
    }
    let line = events.iter().find(|event| event["record"] == "hello telemetry").unwrap();
    assert_eq!(line["type"], "function");
    let end = lines.iter().find(|line| line.contains(r#""eventType": "SHUTDOWN""#));
    assert!(end.unwrap().contains(r#""shutdownReason": "spindown""#));
}

#[tokio::test]
async fn aws_sdks_invoke_buffered_and_streamed() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("#!{} -u\n{STREAMING}", python().display());
    let mut options = Options::new(script(folder.path(), &text));
    options.doors = vec!["invoke".parse::<Door>().unwrap()];
    let emulator = Emulator::start(options).await.unwrap();
    let code = format!(
        "import boto3, json
client = boto3.client('lambda', endpoint_url='http://{}', region_name='us-east-1', aws_access_key_id='x', aws_secret_access_key='x')
def stream(event):
    return list(client.invoke_with_response_stream(FunctionName='function', Payload=json.dumps(event))['EventStream'])
buffered = client.invoke(FunctionName='function', Payload='{{}}', LogType='Tail')
print(json.dumps([buffered['Payload'].read(), buffered.get('FunctionError'), stream({{}}), stream({{'fail': True}})], default=lambda b: b.decode()))",
        emulator.doors()[0].1
    );
    let output = tokio::process::Command::new(python()).args(["-c", &code]).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&seen[0], &seen[1]), (&json!("onetwo"), &Value::Null));
    let payload = |events: &Value| -> String {
        let events = events.as_array().unwrap().iter();
        events.filter_map(|event| event["PayloadChunk"]["Payload"].as_str()).collect()
    };
    assert_eq!((payload(&seen[2]), payload(&seen[3])), ("onetwo".to_owned(), "onetwo".to_owned()));
    let end = |events: &Value| events.as_array().unwrap().last().unwrap()["InvokeComplete"].clone();
    assert_eq!(end(&seen[2]), json!({}));
    assert_eq!(end(&seen[3])["ErrorCode"], "Half");
}
