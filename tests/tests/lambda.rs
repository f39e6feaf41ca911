//! The function as Lambda runs it: under this project's emulator, and for a second opinion under a
//! runtime API that others wrote, `cargo-lambda`'s.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use conformance::function::compile_component;
use conformance::{baked, cache_folder, finished, program, root, tool_is_there};
use lambda_emulator::{Answer, Emulator, Invocation, Options};
use serde_json::Value;

/// A function in its folder, and the emulator that it asks for work. Both end with the test.
struct Function {
    processes: Vec<Child>,
    cargo_lambda: PathBuf,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Function {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Function {
    /// Lays out a function package, starts emulator and function; `None` without the emulator.
    fn start() -> Option<Self> {
        let cargo_lambda = root().join("target/tools/python/bin/cargo-lambda");
        if !tool_is_there("cargo-lambda", cargo_lambda.is_file()) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        lay_out(folder.path());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // The emulator starts in a cargo project only, though it builds nothing here.
        let project = folder.path().join("project");
        fs::create_dir_all(project.join("src")).unwrap();
        fs::write(project.join("Cargo.toml"), "[package]\nname = \"predictor\"\n").unwrap();
        fs::write(project.join("src/main.rs"), "fn main() {}\n").unwrap();
        let mut emulator = Command::new(&cargo_lambda)
            .current_dir(project)
            .args(["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1"])
            .args(["--invoke-port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = lines(emulator.stderr.take().unwrap());
        let function = Self { processes: vec![emulator], cargo_lambda, port, _folder: folder };
        function.wait_until_it_listens(&said);
        Some(function.with_bootstrap())
    }

    fn wait_until_it_listens(&self, said: &mpsc::Receiver<String>) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut lines = Vec::new();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            // Waits for a line or a moment, whichever comes first.
            match said.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => lines.push(line),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => panic!("it ended: {lines:?}"),
            }
            assert!(Instant::now() < deadline, "it does not listen: {lines:?}");
        }
    }

    fn with_bootstrap(mut self) -> Self {
        let folder = self._folder.path();
        let bootstrap = Command::new(folder.join("bootstrap"))
            .current_dir(folder)
            .env_clear()
            .env("LAMBDA_TASK_ROOT", folder)
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{}/.rt/predictor", self.port))
            .env("AWS_LAMBDA_FUNCTION_NAME", "predictor")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.processes.push(bootstrap);
        self
    }

    /// A direct invoke: what the function answered, or what it failed with.
    fn invoke(&self, event: &str) -> (Value, bool) {
        let file = self._folder.path().join("event.json");
        fs::write(&file, event).unwrap();
        let (out, error, code) = finished(
            Command::new("timeout")
                .arg("60")
                .arg(&self.cargo_lambda)
                .args(["lambda", "invoke", "predictor", "--invoke-address", "127.0.0.1"])
                .args(["--invoke-port", &self.port.to_string()])
                .arg("--data-file")
                .arg(&file),
        );
        let text = if code == Some(0) { &out } else { &error };
        let start = text.find(['{', '[']).unwrap_or_default();
        let answer = serde_json::Deserializer::from_str(text.get(start..).unwrap())
            .into_iter::<Value>()
            .next();
        let answer = answer.and_then(Result::ok);
        (answer.unwrap_or_else(|| Value::from(text.as_str())), code == Some(0))
    }
}

/// A function package: the binary, the compiled component and the model.
fn lay_out(folder: &Path) {
    fs::copy(program("bootstrap"), folder.join("bootstrap")).unwrap();
    compile_component(folder);
    fs::create_dir(folder.join("model")).unwrap();
    for file in conformance::fraud() {
        fs::write(folder.join("model").join(file.path), file.content).unwrap();
    }
}

fn lines(source: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

fn example(name: &str) -> String {
    fs::read_to_string(root().join("models/fraud/examples").join(name)).unwrap()
}

/// What the command line answers to an example.
fn expected(name: &str) -> Value {
    let path = format!("models/fraud/examples/{name}");
    let mut host_cli = Command::new(program("host-cli"));
    host_cli.current_dir(root()).args(["predict", &path]).env("SAMEBITS_CACHE", cache_folder());
    let (expected, ..) = finished(&mut host_cli);
    serde_json::from_str(&expected).unwrap()
}

/// A folder as a zip, as it would be uploaded.
fn zipped(folder: &Path, path: &Path) {
    let mut writer = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_level(Some(1)).unix_permissions(0o755);
    for folder in [folder.to_owned(), folder.join("model")] {
        for entry in fs::read_dir(&folder).unwrap() {
            let file = entry.unwrap().path();
            if file.is_file() {
                let name = file.file_name().unwrap().to_str().unwrap();
                let inside = if folder.ends_with("model") { "model/" } else { "" };
                writer.start_file(format!("{inside}{name}"), options).unwrap();
                writer.write_all(&fs::read(&file).unwrap()).unwrap();
            }
        }
    }
    writer.finish().unwrap();
}

/// The function under the emulator.
async fn emulated(package: &Path) -> Emulator {
    let mut function = lambda_emulator::Function::new(package);
    function.memory_mb = 512;
    function.timeout = Duration::from_secs(20);
    Emulator::start(Options::new(function)).await.unwrap()
}

/// The examples, answered as the command line answers them.
async fn check_examples(emulator: &Emulator) {
    for name in ["ordinary.json", "suspicious.json", "batch.json"] {
        let reply = emulator.invoke(Invocation::new(example(name))).await.unwrap();
        let Answer::Payload(payload) = reply.answer else { panic!("{name}: {:?}", reply.answer) };
        let found: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(found, expected(name), "{name}");
    }
}

#[tokio::test]
async fn a_zipped_function_answers_with_the_bits_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("function.zip");
    let content = tempfile::tempdir().unwrap();
    lay_out(content.path());
    zipped(content.path(), &package);
    let emulator = emulated(&package).await;
    check_examples(&emulator).await;
    let reply = emulator.invoke(Invocation::new(example("bad.json"))).await.unwrap();
    let Answer::Error(error) = reply.answer else { panic!("{:?}", reply.answer) };
    let message = String::from_utf8(error.payload.to_vec()).unwrap();
    assert!(message.contains("invalid-input"), "{message}");
    assert!(message.contains("amount: expected a number"), "{message}");
}

#[tokio::test]
async fn a_baked_model_needs_no_component_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(program("bootstrap"), folder.path().join("bootstrap")).unwrap();
    fs::create_dir(folder.path().join("model")).unwrap();
    for entry in fs::read_dir(baked().folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.path().join("model").join(path.file_name().unwrap())).unwrap();
        }
    }
    let zip = tempfile::tempdir().unwrap();
    let package = zip.path().join("function.zip");
    zipped(folder.path(), &package);
    check_examples(&emulated(&package).await).await;
}

/// What Lambda always sets.
const LAMBDA: [(&str, &str); 4] = [
    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
    ("AWS_LAMBDA_FUNCTION_NAME", "predictor"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
];

#[test]
fn a_setting_that_is_none_is_named() {
    let check = |name: &str, value: &str, expected: &str| {
        let mut bootstrap = Command::new(program("bootstrap"));
        bootstrap.env_clear().envs(LAMBDA).env(name, value);
        let (_, error, code) = finished(&mut bootstrap);
        assert_eq!(code, Some(1));
        assert!(error.contains(name) && error.contains(expected), "{error}");
    };
    check("SAMEBITS_THREADS", "0", "a whole number of at least 1");
    check("SAMEBITS_OPERATIONS", "many", "a whole number of at least 1");
    check("SAMEBITS_MEMORY", "70000", "a whole number of at least 1");
    check("SAMEBITS_SANDBOX", "old", "expected fresh, reuse or reuse:N");
}

#[test]
fn cargo_lambdas_emulator_sees_the_same() {
    let Some(function) = Function::start() else { return };
    for name in ["ordinary.json", "suspicious.json", "batch.json"] {
        assert_eq!(function.invoke(&example(name)), (expected(name), true), "{name}");
    }

    let (failure, good) = function.invoke(&example("bad.json"));
    assert!(!good, "{failure}");
    let text = failure.to_string();
    assert!(text.contains("invalid-input") && text.contains("amount: expected a number"), "{text}");

    let mixed = format!("[{}, {}]", example("bad.json"), example("ordinary.json"));
    let (answers, good) = function.invoke(&mixed);
    assert!(good, "{answers}");
    assert_eq!(answers.pointer("/0/error/code"), Some(&Value::from("wrong-type")), "{answers}");
    assert_eq!(answers.pointer("/1/action"), Some(&Value::from("allow")), "{answers}");
}

#[test]
fn outside_of_lambda_it_says_what_it_is_for() {
    let (out, error, code) = finished(Command::new(program("bootstrap")).env_clear());
    assert_eq!((out.as_str(), code), ("", Some(1)));
    let expected = "error: AWS_LAMBDA_RUNTIME_API is not set: this program is started by AWS \
                    Lambda; on a command line, use host-cli\n";
    assert_eq!(error, expected);
}

#[test]
fn a_missing_component_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut bootstrap = Command::new(program("bootstrap"));
    bootstrap.env_clear().envs(LAMBDA).env("LAMBDA_TASK_ROOT", folder.path());
    let (_, error, code) = finished(&mut bootstrap);
    assert_eq!(code, Some(1));
    let expected =
        format!("error: {}: No such file", folder.path().join("predictor.json").display());
    assert!(error.starts_with(&expected), "{error}");
}
