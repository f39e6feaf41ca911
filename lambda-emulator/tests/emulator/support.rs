//! What the tests share: the fixture function, Python's runtime, moto's server, zips, a small HTTP
//! client.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lambda_emulator::{Answer, Emulator, Function, Invocation, Options, Reply};
use serde_json::Value;

/// No wait in these tests is longer; the machine may be slow and shared.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The path of an example of this crate, as built beside the tests.
pub fn example(name: &str) -> PathBuf {
    let path = target().join("examples").join(name);
    assert!(path.is_file(), "{} is missing: `cargo test` builds it", path.display());
    path
}

/// The folder of the profile that the tests are built in.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_path_buf()
}

/// The Rust fixture with the given settings.
pub fn fixture() -> Function {
    let mut function = Function::new(example("fixture"));
    function.timeout = Duration::from_secs(20);
    function
}

/// A function whose `bootstrap` is this script.
pub fn script(folder: &Path, text: &str) -> Function {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("bootstrap");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Function::new(path)
}

/// Writes a zip of (name, Unix mode, content).
pub fn zip(path: &Path, entries: &[(&str, u32, &[u8])]) {
    let mut writer = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, mode, content) in entries {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(*mode);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap();
}

/// A Python function on AWS's own runtime client; the handler is `app.handler`.
pub fn python_function(folder: &Path, app: &str) -> Function {
    let bootstrap = format!("#!{} -m awslambdaric app.handler\n", python().display());
    // The kernel hands all that follows the interpreter over as one argument.
    let bootstrap = bootstrap.replacen("#!", "#!/bin/sh\nexec ", 1);
    let path = folder.join("python.zip");
    zip(&path, &[("bootstrap", 0o755, bootstrap.as_bytes()), ("app.py", 0o644, app.as_bytes())]);
    let mut function = Function::new(path);
    function.handler = "app.handler".to_owned();
    function.timeout = Duration::from_secs(20);
    function.memory_mb = 512;
    function
}

/// The Python of `cargo xtask tools`, with `awslambdaric`, `boto3`, `moto[server]` and
/// `cargo-lambda`.
pub fn python() -> PathBuf {
    let python = target().parent().unwrap().join("tools/python/bin/python");
    assert!(python.is_file(), "{} is missing: run `cargo xtask tools`", python.display());
    python
}

/// moto's server on a free port; ends when dropped.
pub struct Moto {
    server: Child,
    pub endpoint: String,
}

impl Moto {
    pub async fn start() -> Self {
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let server = Command::new(python().with_file_name("moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let endpoint = format!("http://127.0.0.1:{port}");
        let ready = async {
            while get(&format!("{endpoint}/moto-api/")).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("moto's server did not start");
        Self { server, endpoint }
    }

    /// Runs Python code with boto3 clients `sqs`, `kinesis`, … made on demand by `client(name)`;
    /// what it assigns to `result` comes back.
    pub fn boto(&self, code: &str) -> Value {
        let prelude = format!(
            "import boto3, json\ndef client(name):\n    return boto3.client(name, endpoint_url={:?}, region_name='us-east-1', aws_access_key_id='test', aws_secret_access_key='test')\nresult = None\n",
            self.endpoint
        );
        let code = format!("{prelude}{code}\nprint(json.dumps(result, default=str))");
        let output = Command::new(python()).args(["-c", &code]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

pub async fn start(function: Function) -> Emulator {
    Emulator::start(Options::new(function)).await.unwrap()
}

/// Invokes and returns the answer's JSON, or the error's with its type in front.
pub async fn invoke(emulator: &Emulator, event: &Value) -> Result<Value, (String, Value)> {
    let reply = emulator.invoke(Invocation::new(event.to_string())).await.unwrap();
    answer(reply).await
}

pub async fn answer(reply: Reply) -> Result<Value, (String, Value)> {
    let error = match reply.answer {
        Answer::Payload(payload) => return Ok(serde_json::from_slice(&payload).unwrap()),
        Answer::Stream(stream) => match stream.collect().await {
            Ok(payload) => return Ok(serde_json::from_slice(&payload).unwrap()),
            Err(error) => error,
        },
        Answer::Error(error) => error,
    };
    Err((error.error_type, serde_json::from_slice(&error.payload).unwrap()))
}

pub async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request.map(Full::new)).await.map_err(|it| it.to_string())?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(Response::from_parts(parts, body))
}

pub async fn get(uri: &str) -> Result<Response<Bytes>, String> {
    send(Request::get(uri).body(Bytes::new()).unwrap()).await
}

/// Waits until `condition` holds.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

/// The state letter of a process, as in `T` for stopped; none when it is gone.
pub fn process_state(id: u64) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let state = stat.rsplit_once(')')?.1.trim_start().chars().next()?;
    (state != 'Z').then_some(state)
}
