//! Where `cargo-lambda` can do the same job, the two agree.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use lambda_emulator::{Door, Emulator, Function, Options};
use serde_json::Value;

use crate::support::{PATIENCE, example, python, send};

/// Killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Asks until there is an answer.
async fn ask(uri: &str, body: &'static str) -> Value {
    let attempts = async {
        loop {
            let request = Request::post(uri)
                .header("content-type", "application/json")
                .header("cookie", "a=1; b=2")
                .body(Bytes::from(body))
                .unwrap();
            match send(request).await {
                Ok(response) if response.status().is_success() => {
                    return serde_json::from_slice(response.body()).unwrap();
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, attempts).await.unwrap()
}

#[tokio::test]
async fn cargo_lambda_gives_the_function_the_same() {
    let folder = tempfile::tempdir().unwrap();
    // It wants to stand in a cargo project, though it builds nothing here.
    let manifest = "[package]\nname = \"function\"\nversion = \"0.1.0\"\n[dependencies]\nlambda_runtime = \"1\"\n[workspace]\n";
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/main.rs"), "fn main() {}").unwrap();
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let _other = Killed(
        Command::new(python().with_file_name("cargo-lambda"))
            .args(["lambda", "watch", "--only-lambda-apis", "--invoke-port", &port.to_string()])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let listening = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, listening).await.unwrap();
    let _function = Killed(
        Command::new(example("http_echo"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{port}/.rt"))
            .env("AWS_LAMBDA_FUNCTION_NAME", "_")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
            .spawn()
            .unwrap(),
    );
    let mut options = Options::new(Function::new(example("http_echo")));
    options.doors = ["invoke", "url"].map(|door| door.parse::<Door>().unwrap()).to_vec();
    let emulator = Emulator::start(options).await.unwrap();
    let ours = |index: usize| format!("http://{}", emulator.doors()[index].1);
    let theirs = format!("http://127.0.0.1:{port}");

    let direct = "/2015-03-31/functions";
    let body = r#"{"a": [1, null, "\u00e9"]}"#;
    let one = ask(&format!("{}{direct}/function/invocations", ours(0)), body).await;
    let other = ask(&format!("{theirs}{direct}/_/invocations"), body).await;
    assert_eq!(one, other);

    let query = "/v2/models/m%20n/infer?x=1&x=%26&y";
    let one = ask(&format!("{}{query}", ours(1)), body).await;
    let other = ask(&format!("{theirs}/lambda-url/_{query}"), body).await;
    for place in [
        "/version",
        "/rawPath",
        "/rawQueryString",
        "/cookies",
        "/body",
        "/isBase64Encoded",
        "/headers/content-type",
        "/requestContext/http/method",
    ] {
        assert_eq!(one.pointer(place), other.pointer(place), "{place}");
    }
}
