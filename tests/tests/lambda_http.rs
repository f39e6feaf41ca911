//! The function behind every front door that Lambda has, asked the same things by a real client.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use conformance::function::compile_component;
use conformance::surface::{
    self, check_documents, check_pictures, check_predictions, check_problems, file, problem, send,
};
use conformance::{baked, packages, program};
use lambda_emulator::{Door, DoorKind, Emulator, Function, Options};
use tokio::runtime::Runtime;

/// A function behind one door. The runtime outlives the emulator.
struct Behind {
    /// As in `http://127.0.0.1:40000`.
    base: String,
    _emulator: Emulator,
    _runtime: Runtime,
}

fn rest(binary: &[&str]) -> DoorKind {
    DoorKind::RestV1 { binary_media_types: binary.iter().map(|it| (*it).to_owned()).collect() }
}

fn doors() -> [DoorKind; 5] {
    [
        rest(&["*/*"]),
        DoorKind::HttpV2,
        DoorKind::FunctionUrl,
        DoorKind::Alb,
        DoorKind::AlbMultiValue,
    ]
}

impl Behind {
    fn start(package: &Path, kind: DoorKind, environment: &[(&str, &str)]) -> Self {
        let mut function = Function::new(package);
        function.memory_mb = 1769;
        function.timeout = Duration::from_secs(60);
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        function.environment = environment.iter().map(pair).collect();
        let mut options = Options::new(function);
        options.doors = vec![Door { kind, address: SocketAddr::from(([127, 0, 0, 1], 0)) }];
        let runtime = Runtime::new().unwrap();
        let emulator = runtime.block_on(Emulator::start(options)).unwrap();
        let base = format!("http://{}", emulator.doors()[0].1);
        Self { base, _emulator: emulator, _runtime: runtime }
    }
}

/// A zip of the function with these files beside it: path in the zip, path here.
fn zipped(files: &[(String, std::path::PathBuf)]) -> tempfile::NamedTempFile {
    let zip = tempfile::Builder::new().suffix(".zip").tempfile().unwrap();
    let mut writer = zip::ZipWriter::new(zip.reopen().unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_level(Some(1)).unix_permissions(0o755);
    let bootstrap = ("bootstrap".to_owned(), program("bootstrap"));
    for (name, path) in files.iter().chain([&bootstrap]) {
        writer.start_file(name.as_str(), options).unwrap();
        writer.write_all(&fs::read(path).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    zip
}

fn files_of(folder: &Path, inside: &str) -> Vec<(String, std::path::PathBuf)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files
        .map(|path| (format!("{inside}{}", path.file_name().unwrap().to_str().unwrap()), path))
        .collect()
}

/// The function with the baked fraud model.
fn fraud() -> tempfile::NamedTempFile {
    zipped(&files_of(baked().folder(), "model/"))
}

/// The function with the compiled component and the package of the digits model.
fn digits() -> tempfile::NamedTempFile {
    let folder = tempfile::tempdir().unwrap();
    compile_component(folder.path());
    let compiled = files_of(folder.path(), "").into_iter();
    let package = packages().into_iter().find(|path| path.ends_with("digits/package")).unwrap();
    zipped(&compiled.chain(files_of(&package, "model/")).collect::<Vec<_>>())
}

#[test]
fn every_door_gives_the_bits_of_the_command_line() {
    let package = fraud();
    for kind in doors() {
        eprintln!("{kind:?}");
        let behind = Behind::start(package.path(), kind, &[]);
        check_predictions(&behind.base);
        check_problems(&behind.base);
        check_documents(&behind.base);
    }
}

#[test]
fn pictures_come_through_every_door() {
    let package = digits();
    for kind in doors() {
        eprintln!("{kind:?}");
        check_pictures(&Behind::start(package.path(), kind, &[]).base);
    }
}

#[test]
fn a_picture_that_a_door_damaged_is_said_to_be() {
    let behind = Behind::start(digits().path(), rest(&[]), &[]);
    let picture = file("models/digits/examples/drawn.png");
    let url = format!("{}/predict", behind.base);
    let reply = send("POST", &url, &[("content-type", "image/png")], &picture);
    assert_eq!((reply.status, problem(&reply)), (415, "unsupported-media-type".into()));
    assert!(reply.text().contains("binaryMediaTypes"), "{reply:?}");
}

#[test]
fn an_answer_that_does_not_fit_is_refused() {
    let behind = Behind::start(fraud().path(), DoorKind::Alb, &[]);
    let url = format!("{}/predict", behind.base);
    let json = [("content-type", "application/json")];
    // The error of an empty instance is much longer than the instance.
    let body = |instances: usize| format!("[{}]", vec!["{}"; instances].join(","));
    let reply = send("POST", &url, &json, body(10_000).as_bytes());
    assert_eq!((reply.status, problem(&reply)), (413, "answer-too-large".into()));
    assert!(reply.text().contains("send fewer instances at once"), "{reply:?}");
    assert_eq!(send("POST", &url, &json, body(1_000).as_bytes()).status, 200);
}

#[test]
fn settings_reach_the_surface() {
    let settings = [("SAMEBITS_CORS", "https://a.example"), ("SAMEBITS_BASE_PATH", "/ml")];
    let behind = Behind::start(fraud().path(), DoorKind::HttpV2, &settings);
    let origin = [("origin", "https://a.example")];
    let reply = send("GET", &format!("{}/ml/health/live", behind.base), &origin, b"");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://a.example"));
}

#[test]
fn tritonclient_is_answered_through_doors_that_carry_bytes() {
    for kind in [rest(&["*/*"]), DoorKind::HttpV2, DoorKind::FunctionUrl] {
        eprintln!("{kind:?}");
        let behind = Behind::start(fraud().path(), kind, &[]);
        surface::check_triton(behind.base.strip_prefix("http://").unwrap());
    }
}
