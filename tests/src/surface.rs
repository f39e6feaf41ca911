//! The HTTP surface as a client sees it, whatever stands behind: `host-cli serve`, or the function
//! behind one of Lambda's front doors. Every check takes an address.

use std::process::Command;

use predictor_host::{ElementType, Tensor};
use serde_json::Value;

use crate::{cache_folder, component, finished, fraud, load, program, root, tool_is_there};

/// What a server answered.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{} {:?} {body}", self.status, self.headers)
    }
}

impl Reply {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// Sends a request, and reads the answer whole.
#[must_use]
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("a request");
    let response = agent.run(request).unwrap_or_else(|error| panic!("{method} {url}: {error}"));
    let (parts, mut body) = response.into_parts();
    let header = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers.iter().map(header).collect(),
        body: body.with_config().limit(64 << 20).read_to_vec().expect("a body"),
    }
}

/// A file of the project.
#[must_use]
pub fn file(path: &str) -> Vec<u8> {
    std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the command line predicts for a file, an answer a line.
#[must_use]
pub fn predicted(model: &str, path: &str) -> Vec<String> {
    let _ = component();
    let mut host_cli = Command::new(program("host-cli"));
    host_cli
        .current_dir(root())
        .args(["predict", "--format", "jsonl", "--model", model, path])
        .env("SAMEBITS_CACHE", cache_folder());
    let (out, error, _) = finished(&mut host_cli);
    assert!(!out.is_empty(), "{path}: {error}");
    out.lines().map(str::to_owned).collect()
}

/// Fails unless an answer is, byte for byte, the command line's with a timestamp behind it.
#[track_caller]
pub fn same_bits(answer: &str, predicted: &str) {
    let (before, time) = answer.rsplit_once(",\"timestamp\":").unwrap_or((answer, ""));
    assert_eq!(before, predicted.strip_suffix('}').expect("an object"));
    let time = time.strip_prefix('"').and_then(|time| time.strip_suffix("\"}"));
    assert!(time.is_some_and(|time| time.len() == 24 && time.ends_with('Z')), "{answer}");
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const EXAMPLES: &str = "models/fraud/examples";

/// Predictions of the fraud model, in every form that it takes.
pub fn check_predictions(base: &str) {
    for path in ["/predict", "/models/fraud/predict"] {
        for name in ["ordinary.json", "suspicious.json"] {
            let path_of = format!("{EXAMPLES}/{name}");
            let reply = send("POST", &format!("{base}{path}"), JSON, &file(&path_of));
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(reply.header("content-type"), Some("application/json"));
            assert_eq!(reply.header("cache-control"), Some("no-store"));
            same_bits(reply.text(), &predicted("fraud", &path_of)[0]);
            let answer = reply.json();
            for key in ["transaction_id", "fraud_score", "action", "timestamp"] {
                assert!(answer.get(key).is_some(), "{key} is not in {answer}");
            }
        }
    }
    let batch = format!("{EXAMPLES}/batch.json");
    let expected = predicted("fraud", &batch);
    let url = format!("{base}/predict");
    check_batch(&send("POST", &url, JSON, &file(&batch)).json(), &expected);
    let text = String::from_utf8(file(&batch)).expect("UTF-8");
    let envelope = format!(r#"{{"model":"fraud","instances":{text},"parameters":{{}}}}"#);
    let reply = send("POST", &url, JSON, envelope.as_bytes());
    check_batch(&reply.json()["predictions"], &expected);
    // One part is one instance.
    let part = String::from_utf8(file(&format!("{EXAMPLES}/ordinary.json"))).expect("UTF-8");
    let form = [("content-type", "multipart/form-data; boundary=XX")];
    let one = format!("--XX\r\nContent-Type: application/json\r\n\r\n{part}\r\n--XX--\r\n");
    let reply = send("POST", &url, &form, one.as_bytes());
    same_bits(reply.text(), &predicted("fraud", &format!("{EXAMPLES}/ordinary.json"))[0]);
    // A good one and a bad one: each has its answer at its place.
    let bad = String::from_utf8(file(&format!("{EXAMPLES}/bad.json"))).expect("UTF-8");
    let reply = send("POST", &url, JSON, format!("[{bad},{part}]").as_bytes());
    assert_eq!(reply.status, 200);
    let answers = reply.json();
    assert_eq!(answers[0]["error"]["code"], "wrong-type", "{answers}");
    assert_eq!(answers[1]["action"], "allow", "{answers}");
}

#[track_caller]
fn check_batch(answers: &Value, predicted: &[String]) {
    let answers = answers.as_array().unwrap_or_else(|| panic!("no array: {answers}"));
    assert_eq!(answers.len(), predicted.len());
    for (answer, predicted) in answers.iter().zip(predicted) {
        let mut answer = answer.clone();
        assert!(answer.as_object_mut().is_some_and(|keys| keys.remove("timestamp").is_some()));
        let predicted: Value = serde_json::from_str(predicted).expect("JSON");
        assert_eq!(answer, predicted);
    }
}

/// Pictures to the digits model: by themselves, as forms, in base64.
pub fn check_pictures(base: &str) {
    let url = format!("{base}/models/digits/predict");
    let path = "models/digits/examples/drawn.png";
    let (picture, expected) = (file(path), predicted("digits", path));
    let reply = send("POST", &url, &[("content-type", "image/png")], &picture);
    assert_eq!(reply.status, 200, "{reply:?}");
    same_bits(reply.text(), &expected[0]);
    let reply = send("POST", &url, &[], &picture);
    same_bits(reply.text(), &expected[0]);

    let form = [("content-type", "multipart/form-data; boundary=\"a b\"")];
    let part = [
        b"--a b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"d.png\"\r\n\
          Content-Type: image/png\r\n\r\n",
        picture.as_slice(),
        b"\r\n",
    ]
    .concat();
    let reply = send("POST", &url, &form, &[&part, b"--a b--\r\n".as_slice()].concat());
    same_bits(reply.text(), &expected[0]);
    let reply = send("POST", &url, &form, &[&part, &part, b"--a b--".as_slice()].concat());
    let twice = reply.json();
    assert_eq!(twice.as_array().map(Vec::len), Some(2), "{twice}");
    assert_eq!(twice[0]["label"], twice[1]["label"]);

    let reply = send("POST", &url, &[("content-type", "text/plain")], b"three");
    assert_eq!((reply.status, problem(&reply)), (415, "unsupported-input".into()), "{reply:?}");
    let reply = send("POST", &url, &[("content-type", "image/jpeg")], b"no picture");
    assert_eq!((reply.status, problem(&reply)), (415, "unsupported-input".into()), "{reply:?}");
    let half = picture.get(..picture.len() / 2).expect("it has two halves");
    let reply = send("POST", &url, &[("content-type", "image/png")], half);
    assert_eq!((reply.status, problem(&reply)), (400, "invalid-input".into()), "{reply:?}");
}

/// The kind of a problem, after it was checked to be one.
#[track_caller]
#[must_use]
pub fn problem(reply: &Reply) -> String {
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{reply:?}");
    let details = reply.json();
    assert_eq!(details["status"], reply.status, "{details}");
    assert!(details["title"].is_string() && details["detail"].is_string(), "{details}");
    let kind = details["type"].as_str().and_then(|kind| kind.strip_prefix("urn:samebits:problem:"));
    kind.unwrap_or_else(|| panic!("no type: {details}")).to_owned()
}

/// Wrong requests to a server of the fraud model; one row each.
pub fn check_problems(base: &str) {
    let check =
        |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8], expected: (u16, &str)| {
            let reply = send(method, &format!("{base}{path}"), headers, body);
            assert_eq!((reply.status, problem(&reply).as_str()), expected, "{reply:?}");
            reply
        };
    let bad = file(&format!("{EXAMPLES}/bad.json"));
    let reply = check("POST", "/predict", JSON, &bad, (400, "invalid-input"));
    let details = reply.json();
    assert_eq!((&details["field"], &details["code"]), (&"amount".into(), &"wrong-type".into()));
    check("POST", "/predict", JSON, b"{", (400, "invalid-input"));
    check("POST", "/predict", JSON, b"", (400, "invalid-input"));
    check("POST", "/predict", JSON, br#"{"instances":[],"top":1}"#, (400, "invalid-input"));
    for (body, field) in [
        (br#"{"instances":{"amount":1}}"#.as_slice(), "instances"),
        (br#"{"instances":7,"model":"fraud"}"#, "instances"),
        (br#"{"instance":{"amount":1}}"#, "instance"),
    ] {
        let details = check("POST", "/predict", JSON, body, (400, "invalid-input")).json();
        assert_eq!(
            (&details["field"], &details["code"]),
            (&field.into(), &"invalid-envelope".into())
        );
        let detail = details["detail"].as_str().expect("a text");
        assert!(
            detail.ends_with("; send one as {…} without this key, several as [{…}, …]"),
            "{detail}"
        );
    }
    check("POST", "/nowhere", JSON, b"{}", (404, "not-found"));
    check("POST", "/models/nobody/predict", JSON, b"{}", (404, "model-not-found"));
    let envelope = br#"{"model":"nobody","instances":[]}"#;
    check("POST", "/predict", JSON, envelope, (404, "model-not-found"));
    check("POST", "/models/fraud/predict", JSON, envelope, (400, "invalid-input"));
    let reply = check("GET", "/predict", &[], b"", (405, "method-not-allowed"));
    assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
    let reply = check("DELETE", "/metadata", &[], b"", (405, "method-not-allowed"));
    assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"));
    let html = [("content-type", "application/json"), ("accept", "text/html")];
    check("POST", "/predict", &html, b"{}", (406, "not-acceptable"));
    let more = format!("[{}1]", "1,".repeat(10_000));
    check("POST", "/predict", JSON, more.as_bytes(), (413, "too-large"));
    let xml = [("content-type", "application/xml")];
    check("POST", "/predict", &xml, b"<a/>", (415, "unsupported-media-type"));
    let zstd = [("content-type", "application/json"), ("content-encoding", "zstd")];
    let reply = check("POST", "/predict", &zstd, b"{}", (415, "unsupported-media-type"));
    assert_eq!(reply.header("accept-encoding"), Some("gzip, deflate"));
    check("POST", "/predict", &[("content-type", "text/plain")], b"hi", (415, "unsupported-input"));
}

/// What is there to be read: health, metadata, the OpenAPI document.
pub fn check_documents(base: &str) {
    for (path, expected) in [
        ("/health/live", r#"{"status":"live"}"#),
        ("/health/ready", r#"{"status":"ready"}"#),
        ("/v2/health/live", r#"{"live":true}"#),
        ("/v2/health/ready", r#"{"ready":true}"#),
    ] {
        let reply = send("GET", &format!("{base}{path}"), &[], b"");
        assert_eq!((reply.status, reply.text()), (200, expected));
    }
    for path in ["/metadata", "/models", "/models/fraud", "/openapi.json"] {
        let url = format!("{base}{path}");
        let reply = send("GET", &url, &[], b"");
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!(reply.json().is_object());
        let tag = reply.header("etag").unwrap_or_else(|| panic!("{path} has no tag")).to_owned();
        let again = send("GET", &url, &[("if-none-match", &tag)], b"");
        assert_eq!((again.status, again.body.len()), (304, 0), "{again:?}");
        let other = send("GET", &url, &[("if-none-match", "\"other\"")], b"");
        assert_eq!(other.status, 200);
        let head = send("HEAD", &url, &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0), "{head:?}");
        assert_eq!(head.header("etag"), Some(tag.as_str()));
    }
    let document = send("GET", &format!("{base}/openapi.json"), &[], b"").json();
    assert_eq!(document["openapi"], "3.1.0");
    let amount = &document["components"]["schemas"]["fraud-instance"]["properties"]["amount"];
    assert_eq!(amount["maximum"], 1e6, "{amount}");
    assert!(document["paths"]["/models/fraud/predict"]["post"].is_object());
    let model = send("GET", &format!("{base}/v2/models/fraud"), &[], b"").json();
    assert_eq!(model["inputs"][0]["shape"], Value::from(vec![-1, 25]), "{model}");
    let reply = send("GET", &format!("{base}/v2/models/nobody"), &[], b"");
    assert_eq!(reply.status, 404);
    assert!(reply.json()["error"].as_str().is_some_and(|text| text.contains("nobody")));
    let page = send("GET", &format!("{base}/"), &[("accept", "text/html")], b"");
    assert!(page.text().starts_with("<!doctype html>") && page.text().contains("models/fraud"));
    let index = send("GET", &format!("{base}/"), &[], b"").json();
    assert!(index["models"].as_array().is_some_and(|names| names.contains(&"fraud".into())));
}

/// What `tritonclient` gets, compared with what the component answers to the same tensor.
pub fn check_triton(address: &str) {
    let python = root().join("target/tools/python/bin/python");
    let there = || {
        let (_, _, code) = finished(Command::new(&python).args(["-c", "import tritonclient.http"]));
        code == Some(0)
    };
    if !tool_is_there("tritonclient", python.is_file() && there()) {
        return;
    }
    let values: Vec<f32> = (0..75_u8).map(|n| f32::from(n) * 0.37 - 3.0).collect();
    let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let features = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(features.path(), &data).expect("a file");
    let script = root().join("tests/triton/client.py");
    let mut client = Command::new(python);
    client.arg(script).args([address, "fraud"]).arg(features.path());
    let (out, error, code) = finished(&mut client);
    assert_eq!(code, Some(0), "{error}");
    let seen: Value = serde_json::from_str(&out).expect("JSON");

    let tensor = Tensor {
        name: "features".into(),
        element_type: ElementType::Float32,
        shape: vec![3, 25],
        data,
    };
    let outputs = load(fraud()).and_then(|model| model.infer(&[tensor])).expect("outputs");
    let hex = |data: &[u8]| data.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let expected: Value = outputs
        .iter()
        .map(|output| (output.name.clone(), Value::from(hex(&output.data))))
        .collect();
    let answers = seen["answers"].as_object().expect("the answer of the client");
    assert_eq!(answers.len(), 9);
    for (how, answer) in answers {
        assert_eq!(answer, &expected, "{how}");
    }
    assert_eq!(seen["one output"]["label"], expected["label"]);
    assert_eq!(seen["one output"].as_object().expect("the answer of the client").len(), 1);
    for (what, said) in [
        ("model", "404 there is no model \"nobody\""),
        ("version", "404 fraud is here as version 1.0.0"),
        ("output", "400 there is no output \"nothing\""),
        ("input", "400 "),
        ("shape", "400 "),
        ("type", "400 "),
        ("sequence", "400 the parameter sequence_id is not supported"),
    ] {
        let found = seen["refused"][what].as_str().expect("the answer of the client");
        assert!(found.starts_with(said), "{what}: {found}");
    }
}
