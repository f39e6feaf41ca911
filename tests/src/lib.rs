//! What the tests stand on: the built component, the project's packages, the programs as built, and
//! ways to damage a package.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's setup fails loudly"
)]

pub mod surface;

pub mod collector;
pub mod faults;
pub mod function;
pub mod moto;
pub mod sinks;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use model_package::{Digest, Limits, MANIFEST, PackageFile, store};
use predictor_host::{
    Bake, Baked, Cache, Engine, HostError, Interruption, Policy, Predictor, PredictorComponent,
    SandboxLimits, Target,
};
use serde_json::Value;

/// The workspace's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of it").to_owned()
}

/// The built component's bytes.
#[must_use]
pub fn component_bytes() -> Vec<u8> {
    let path = root().join("target/component/predictor.wasm");
    std::fs::read(&path)
        .unwrap_or_else(|_| panic!("{} is missing: run `cargo xtask component`", path.display()))
}

/// The built component, compiled once for all tests of this machine.
pub fn component() -> &'static PredictorComponent {
    static COMPONENT: OnceLock<PredictorComponent> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let engine = Engine::new(Interruption::None).expect("an engine");
        let bytes = component_bytes();
        Cache::new(cache_folder())
            .load(&engine, &bytes, Digest::of(&bytes), || {})
            .expect("the built component is a predictor")
    })
}

/// Where the tests keep compiled components.
#[must_use]
pub fn cache_folder() -> PathBuf {
    root().join("target/test-cache")
}

/// The folder of each of the project's packages.
#[must_use]
pub fn packages() -> Vec<PathBuf> {
    let models = std::fs::read_dir(root().join("models")).expect("models");
    let mut packages: Vec<_> = models
        .map(|entry| entry.expect("an entry of models").path().join("package"))
        .filter(|package| package.join(MANIFEST).is_file())
        .collect();
    packages.sort();
    assert!(!packages.is_empty(), "models has no package");
    packages
}

/// The files of the fraud package.
#[must_use]
pub fn fraud() -> Vec<PackageFile> {
    store::read(&root().join("models/fraud/package"), &Limits::DEFAULT).expect("the fraud package")
}

/// Loads a package into the component.
///
/// # Errors
/// Whatever the component answers.
pub fn load(files: Vec<PackageFile>) -> Result<Predictor, HostError> {
    Predictor::load(component(), files, SandboxLimits::DEFAULT, Policy::REUSE)
}

/// The fraud model, baked into the component for this machine; made once, then kept beside the
/// compiled components.
pub fn baked() -> &'static Baked {
    static BAKED: OnceLock<Baked> = OnceLock::new();
    BAKED.get_or_init(|| {
        let bake = bake(&component_bytes(), fraud());
        let folder = cache_folder().join(format!("baked-{}", Digest::of(bake.component()).hex()));
        let made = Baked::open(&folder).ok().filter(|baked| baked.check().is_ok());
        made.unwrap_or_else(|| {
            let targets = [Target::host().expect("a target")];
            bake.write(&folder, &targets, |_| {}).expect("a baked model")
        })
    })
}

/// Loads a package into a component, and makes a component of the two.
#[must_use]
pub fn bake(component: &[u8], files: Vec<PackageFile>) -> Bake {
    let cache = Cache::new(cache_folder());
    Bake::new(component, files, SandboxLimits::DEFAULT, &cache, |_| {}).expect("a baked component")
}

/// A package with one file's content changed, and the manifest saying so.
#[must_use]
pub fn with_file(
    mut files: Vec<PackageFile>,
    path: &str,
    change: impl FnOnce(&mut Vec<u8>),
) -> Vec<PackageFile> {
    let file = files.iter_mut().find(|file| file.path == path).expect("the file is there");
    change(&mut file.content);
    restated(files)
}

/// A package with a changed manifest.
#[must_use]
pub fn with_manifest(
    mut files: Vec<PackageFile>,
    change: impl FnOnce(&mut Value),
) -> Vec<PackageFile> {
    let manifest = files.iter_mut().find(|file| file.path == MANIFEST).expect("a manifest");
    let mut document: Value = serde_json::from_slice(&manifest.content).expect("JSON");
    change(&mut document);
    manifest.content = serde_json::to_vec(&document).expect("JSON");
    files
}

/// Makes the manifest say what the files are.
fn restated(files: Vec<PackageFile>) -> Vec<PackageFile> {
    let known: Vec<_> = files
        .iter()
        .map(|file| (file.path.clone(), file.content.len(), Digest::of(&file.content).to_string()))
        .collect();
    with_manifest(files, |manifest| {
        let entries = manifest["files"].as_array_mut().expect("files is an array");
        for entry in entries {
            let found = known.iter().find(|(path, ..)| entry["path"] == path.as_str());
            let (_, size, sha256) = found.expect("a listed file is there");
            entry["size"] = Value::from(*size);
            entry["sha256"] = Value::from(sha256.as_str());
        }
    })
}

/// A program of this workspace, as built beside the tests.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a test has a path");
    let profile = own.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let path = profile.join(name);
    assert!(path.is_file(), "{} is missing: `cargo xtask test` builds it", path.display());
    path
}

/// Whether a tool is there. Without it a test is skipped with a message on a developer's machine
/// and fails in CI, where nothing may be skipped.
#[must_use]
pub fn tool_is_there(name: &str, found: bool) -> bool {
    assert!(found || std::env::var_os("CI").is_none(), "{name} is missing, and this is CI");
    if !found {
        eprintln!("skipped: {name} is missing; `cargo xtask test` installs it");
    }
    found
}

/// The standard output and error of a finished command, and its exit code.
#[must_use]
pub fn finished(command: &mut Command) -> (String, String, Option<i32>) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr), output.status.code())
}
