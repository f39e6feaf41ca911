//! `host-cli serve`: the real process, asked by real clients.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use conformance::surface::{
    check_documents, check_pictures, check_predictions, check_problems, check_triton, file,
    predicted, problem, same_bits, send,
};
use conformance::{cache_folder, component, finished, program, root, tool_is_there};

/// A server on a port of its own. It ends with the test.
struct Server {
    process: Child,
    /// As in `http://127.0.0.1:40000`.
    base: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let _ = component();
        let mut process = Command::new(program("host-cli"))
            .current_dir(root())
            .args(["serve", "--port", "0"])
            .args(arguments)
            .env("SAMEBITS_CACHE", cache_folder())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut error = String::new();
            process.stderr.take().unwrap().read_to_string(&mut error).unwrap();
            panic!("it did not start: {error}");
        }
        Self { process, base: line.trim().trim_end_matches('/').to_owned() }
    }

    fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    /// Ends it as a service manager does; what it wrote to standard error, and its exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let sent = finished(Command::new("kill").arg(self.process.id().to_string()));
        assert_eq!(sent.2, Some(0));
        let mut error = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        (error, self.process.wait().unwrap().code())
    }
}

#[test]
fn every_form_of_request_has_the_bits_of_the_command_line() {
    let server = Server::start(&["fraud", "digits"]);
    check_predictions(&server.base);
    check_pictures(&server.base);
    check_problems(&server.base);
    check_documents(&server.base);
    let (log, code) = server.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.starts_with("serving fraud, digits; Ctrl-C ends it\n"), "{log}");
    assert!(log.contains("\nPOST /predict 200 "), "{log}");
    assert!(log.contains("ms: amount: expected a number from 0 to 1000000"), "{log}");
}

#[test]
fn all_bundled_models_are_served_without_a_default() {
    let server = Server::start(&["--quiet"]);
    let body = file("models/fraud/examples/ordinary.json");
    let json = [("content-type", "application/json")];
    let reply = send("POST", &format!("{}/predict", server.base), &json, &body);
    assert_eq!((reply.status, problem(&reply)), (404, "model-not-found".into()));
    assert!(reply.text().contains("post to models/NAME/predict"), "{reply:?}");
    let envelope = [b"{\"model\":\"fraud\",\"instances\":[", body.as_slice(), b"]}"].concat();
    let reply = send("POST", &format!("{}/predict", server.base), &json, &envelope);
    assert_eq!(reply.json()["predictions"][0]["action"], "allow", "{reply:?}");
    let (log, code) = server.end();
    assert_eq!((log.as_str(), code), ("", Some(0)));
}

#[test]
fn many_at_once_get_the_same_bits_as_one() {
    let server = Server::start(&["fraud", "digits", "--quiet"]);
    let transaction = "models/fraud/examples/suspicious.json";
    let drawing = "models/digits/examples/drawn.png";
    let ask = |model: &str, content_type: &str, path: &str, expected: &str| {
        let url = format!("{}/models/{model}/predict", server.base);
        let body = file(path);
        for _ in 0..25 {
            let reply = send("POST", &url, &[("content-type", content_type)], &body);
            assert_eq!(reply.status, 200, "{reply:?}");
            same_bits(reply.text(), expected);
        }
    };
    let (score, digit) = (&predicted("fraud", transaction)[0], &predicted("digits", drawing)[0]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| ask("fraud", "application/json", transaction, score));
            scope.spawn(|| ask("digits", "image/png", drawing, digit));
        }
    });
}

#[test]
fn bodies_are_bounded_before_and_after_their_coding() {
    let server = Server::start(&["fraud", "--max-body", "1"]);
    let url = format!("{}/predict", server.base);
    let json = [("content-type", "application/json")];
    let reply = send("POST", &url, &json, &vec![b' '; (1 << 20) + 1]);
    assert_eq!((reply.status, problem(&reply)), (413, "too-large".into()));
    // One byte less is read, and then it is no JSON.
    let reply = send("POST", &url, &json, &vec![b' '; 1 << 20]);
    assert_eq!((reply.status, problem(&reply)), (400, "invalid-input".into()));
    let gzip = |content: &[u8]| {
        let mut gzip = Command::new("gzip");
        let mut gzip = gzip.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = gzip.stdin.take().unwrap();
        let content = content.to_owned();
        let writer = std::thread::spawn(move || input.write_all(&content).unwrap());
        let mut output = Vec::new();
        gzip.stdout.take().unwrap().read_to_end(&mut output).unwrap();
        writer.join().unwrap();
        assert!(gzip.wait().unwrap().success());
        output
    };
    let coded = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let path = "models/fraud/examples/ordinary.json";
    let reply = send("POST", &url, &coded, &gzip(&file(path)));
    same_bits(reply.text(), &predicted("fraud", path)[0]);
    let reply = send("POST", &url, &coded, &gzip(&vec![b' '; 300 << 20]));
    assert_eq!((reply.status, problem(&reply)), (413, "too-large".into()));
    let reply = send("POST", &url, &coded, b"no gzip");
    assert_eq!((reply.status, problem(&reply)), (400, "invalid-input".into()));
}

/// The head of the answer to a request as it stands here.
fn raw(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_is_no_http_does_no_harm() {
    let server = Server::start(&["fraud"]);
    let check = |request: &str, expected: &str| {
        let answer = raw(&server, request);
        assert!(answer.starts_with(expected), "{request:?}: {answer}");
    };
    check("nonsense\r\n\r\n", "HTTP/1.1 400");
    let many = "a: b\r\n".repeat(200);
    check(&format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n"), "HTTP/1.1 431");
    let long = "a".repeat(100_000);
    check(&format!("GET / HTTP/1.1\r\nhost: a\r\nx: {long}\r\n\r\n"), "HTTP/1.1 431");
    let close = "host: a\r\nconnection: close\r\n";
    check(&format!("POST /predict HTTP/1.1\r\n{close}content-length: x\r\n\r\n"), "HTTP/1.1 400");
    check(&format!("GET /%ff/..%2f HTTP/1.1\r\n{close}\r\n"), "HTTP/1.1 404");
    check(&format!("GET /health/live HTTP/1.1\r\n{close}\r\n"), "HTTP/1.1 200");
}

#[test]
fn requests_that_were_begun_are_answered_before_it_ends() {
    let server = Server::start(&["fraud", "--concurrency", "1"]);
    let body = String::from_utf8(file("models/fraud/examples/ordinary.json")).unwrap();
    let (first, rest) = body.split_at(10);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    // The server says so once it waits for the body.
    write!(
        stream,
        "POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream.write_all(first.as_bytes()).unwrap();

    // The one place is taken; health needs none.
    let json = [("content-type", "application/json")];
    let reply = send("POST", &format!("{}/predict", server.base), &json, body.as_bytes());
    assert_eq!((reply.status, problem(&reply)), (503, "overloaded".into()));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(send("GET", &format!("{}/health/ready", server.base), &[], b"").status, 200);
    let reply = send("POST", &format!("{}/v2/models/fraud/infer", server.base), &[], b"{}");
    assert_eq!(reply.status, 503);
    assert!(reply.json()["error"].is_string(), "{reply:?}");

    let ended = std::thread::spawn(move || server.end());
    // Once the listener is gone, the end has begun.
    let address = stream.peer_addr().unwrap();
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    reader.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("HTTP/1.1 200 OK") && answer.contains("\"action\":\"allow\""),
        "{answer}"
    );
    assert!(answer.contains("connection: close"), "{answer}");
    let (log, code) = ended.join().unwrap();
    assert_eq!(code, Some(0), "{log}");
}

#[test]
fn pages_of_listed_origins_may_read_answers() {
    let origin = "https://a.example";
    let server = Server::start(&["fraud", "--cors", origin, "--cors", "http://localhost:3000"]);
    let url = format!("{}/predict", server.base);
    let ask = |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        send("OPTIONS", &url, &headers, b"")
    };
    let reply = ask(origin);
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
    assert_eq!(reply.header("access-control-allow-methods"), Some("POST, OPTIONS"));
    assert!(reply.header("access-control-allow-headers").unwrap().contains("Content-Type"));
    assert_eq!(ask("https://b.example").header("access-control-allow-origin"), None);
    let reply = send("POST", &url, &[("origin", origin)], b"{}");
    assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
    assert_eq!(reply.header("vary"), Some("Origin"));
    // Without the setting there is no such header.
    let server = Server::start(&["fraud"]);
    let reply = send("OPTIONS", &format!("{}/predict", server.base), &[("origin", origin)], b"");
    assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
    assert!(!reply.headers.iter().any(|(name, _)| name.starts_with("access-control")));
}

#[test]
fn files_of_a_folder_are_served_and_no_others() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("page");
    std::fs::create_dir_all(folder.join("assets")).unwrap();
    std::fs::write(folder.join("index.html"), "<!doctype html>page").unwrap();
    std::fs::write(folder.join("assets/a b.wasm"), b"\0asm").unwrap();
    std::fs::write(folder.join("assets/a b.wasm.br"), b"smaller").unwrap();
    std::fs::write(folder.join("_headers"), "/assets/*\n  Cache-Control: immutable\n").unwrap();
    std::fs::write(folder.join(".hidden"), "hidden").unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret", folder.join("link")).unwrap();
    let server = Server::start(&["fraud", "--static", folder.to_str().unwrap()]);
    let get = |path: &str| send("GET", &format!("{}{path}", server.base), &[], b"");
    let page = get("/");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.text(), "<!doctype html>page");
    let wasm = get("/assets/a%20b.wasm");
    assert_eq!(wasm.header("content-type"), Some("application/wasm"));
    assert_eq!(wasm.body, b"\0asm");
    let tag = wasm.header("etag").unwrap();
    let again =
        send("GET", &format!("{}/assets/a%20b.wasm", server.base), &[("if-none-match", tag)], b"");
    assert_eq!(again.status, 304);
    assert_eq!((page.header("cache-control"), wasm.header("cache-control")), {
        (Some("no-cache"), Some("immutable"))
    });
    let compressed = [("accept-encoding", "gzip;q=0.5, br")];
    let twin = send("GET", &format!("{}/assets/a%20b.wasm", server.base), &compressed, b"");
    assert_eq!(twin.header("content-encoding"), Some("br"));
    assert_eq!(twin.header("content-type"), Some("application/wasm"));
    assert_eq!(twin.body, b"smaller");
    for path in [
        "/_headers",
        "/.hidden",
        "/link",
        "/%2e%2e/secret",
        "/assets/..%2f..%2fsecret",
        "/assets",
        "/x",
    ] {
        assert_eq!((get(path).status, problem(&get(path))), (404, "not-found".into()), "{path}");
    }
    // The API's own paths stay its own.
    assert_eq!(get("/health/live").status, 200);
}

#[test]
fn the_client_of_the_inference_protocol_gets_the_bits_of_the_graph() {
    let server = Server::start(&["fraud"]);
    check_triton(server.address());
}

/// Requests that a tester makes of the OpenAPI document, valid and not: none is a failure of the
/// server, and every answer is as the document says.
#[test]
fn the_openapi_document_is_true() {
    let tester = root().join("target/tools/python/bin/schemathesis");
    if !tool_is_there("schemathesis", tester.is_file()) {
        return;
    }
    let server = Server::start(&["fraud", "--quiet"]);
    let folder = tempfile::tempdir().unwrap();
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,\
                  response_headers_conformance,response_schema_conformance";
    let (out, error, code) = finished(
        Command::new(tester)
            .current_dir(folder.path())
            .args(["run", &format!("{}/openapi.json", server.base), "--url", &server.base])
            .args(["--checks", checks, "--phases", "coverage,fuzzing"])
            .args(["--max-examples", "5", "--seed", "1", "--no-color"]),
    );
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(out.contains("Tested: 13"), "{out}");
}

#[test]
fn what_can_not_be_served_is_said_in_one_line() {
    let check = |arguments: &[&str], expected: (i32, &str)| {
        let _ = component();
        let mut command = Command::new(program("host-cli"));
        command
            .current_dir(root())
            .arg("serve")
            .args(arguments)
            .env("SAMEBITS_CACHE", cache_folder());
        let (out, error, code) = finished(&mut command);
        assert_eq!((out.as_str(), code), ("", Some(expected.0)), "{error}");
        assert!(error.contains(expected.1), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    check(&["fraud", "--port", &port], (3, "choose another with --port"));
    check(&["nobody"], (4, "there is no model \"nobody\""));
    check(&["fraud", "models/fraud/package"], (3, "two models are called fraud"));
    check(&["fraud", "--default", "digits"], (3, "the default digits is not one of the models"));
    check(&["fraud", "--cors", "example.com"], (3, "--cors: \"example.com\" is no origin"));
    check(&["fraud", "--static", "/no/such/folder"], (3, "/no/such/folder is no folder"));
}
