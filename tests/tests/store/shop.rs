//! A bucket with versions of the fraud model, and the function that takes its model from there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use conformance::function::{compile_component, good, invoke};
use conformance::moto::{Moto, credentials};
use conformance::{cache_folder, component, finished, fraud, program, root, with_manifest};
use lambda_emulator::{Emulator, Function};
use model_package::PackageFile;
use model_signing::{Identity, PrivateKey};
use model_store::{Alias, Canary, Pin, Share};
use serde_json::{Value, json};

pub(crate) const PLACE: &str = "s3://models/prod/fraud";
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn key_file(name: &str) -> PathBuf {
    root().join("signing/tests/keys").join(name)
}

pub(crate) fn key(name: &str) -> PrivateKey {
    PrivateKey::from_pem(&std::fs::read_to_string(key_file(name)).unwrap()).unwrap()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A bucket, and a folder for packages, keys and caches.
pub(crate) struct Shop {
    pub(crate) moto: Moto,
    pub(crate) folder: tempfile::TempDir,
}

impl Shop {
    /// `None` where moto's server is not installed.
    pub(crate) fn open() -> Option<Self> {
        let moto = Moto::start()?;
        let _ = moto.boto("client('s3').create_bucket(Bucket='models')");
        let folder = tempfile::tempdir().unwrap();
        let public = key("one.pem").public().to_pem();
        std::fs::write(folder.path().join("one.pub"), public).unwrap();
        // A cache remembers aliases, so each shop has its own; compiled components are the tests'.
        let _ = component();
        let cache = folder.path().join("cli-cache");
        std::fs::create_dir(&cache).unwrap();
        for entry in std::fs::read_dir(cache_folder()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name() != "models" {
                std::os::unix::fs::symlink(entry.path(), cache.join(entry.file_name())).unwrap();
            }
        }
        Some(Self { moto, folder })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a package into a folder of its own.
    pub(crate) fn package(&self, name: &str, files: &[PackageFile]) -> PathBuf {
        let folder = self.path(name);
        for file in files {
            let path = folder.join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &file.content).unwrap();
        }
        folder
    }

    /// The fraud model with another version.
    pub(crate) fn version(&self, version: &str) -> PathBuf {
        let files = with_manifest(fraud(), |manifest| manifest["version"] = version.into());
        self.package(version, &files)
    }

    pub(crate) fn host_cli_at(&self, endpoint: &str, arguments: &[&str]) -> (String, String, i32) {
        let mut command = Command::new(program("host-cli"));
        command.current_dir(root()).args(arguments);
        command
            .env("SAMEBITS_CACHE", self.path("cli-cache"))
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env_remove("SAMEBITS_TRUST");
        let (out, error, code) = finished(&mut command);
        (out, error, code.unwrap())
    }

    pub(crate) fn host_cli(&self, arguments: &[&str]) -> (String, String, i32) {
        self.host_cli_at(self.moto.endpoint(), arguments)
    }

    #[track_caller]
    pub(crate) fn succeeds(&self, arguments: &[&str], expected: &str) {
        let (out, error, code) = self.host_cli(arguments);
        assert_eq!(code, 0, "{out}{error}");
        assert!(out.contains(expected), "{expected:?} is not in: {out}");
    }

    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, expected: &str) {
        let (out, error, found) = self.host_cli(arguments);
        assert!(error.contains(expected) || out.contains(expected), "{expected}: {out}{error}");
        assert_eq!(found, code, "{out}{error}");
    }

    /// Pushes a version, signed.
    #[track_caller]
    pub(crate) fn push(&self, version: &str) {
        let package = self.version(version);
        let one = key_file("one.pem");
        let push = ["push", text(&package), PLACE, "--sign", text(&one)];
        self.succeeds(&push, &format!("{PLACE}@{version}\n"));
    }

    #[track_caller]
    pub(crate) fn promote(&self, version: &str) {
        let (which, one) = (format!("{PLACE}@{version}"), key_file("one.pem"));
        let promote = ["promote", &which, "champion", "--key", text(&one)];
        self.succeeds(&promote, &format!("{PLACE}@champion is {version}, until "));
    }

    /// The pin of a version in the store.
    pub(crate) fn pin(&self, version: &str) -> Pin {
        let pointer = self.object(&format!("prod/fraud/versions/{version}.json"));
        let pointer: Value = serde_json::from_str(&pointer).unwrap();
        let package = pointer["package"].as_str().unwrap().parse().unwrap();
        Pin { package, version: version.into() }
    }

    pub(crate) fn object(&self, key: &str) -> String {
        let code = format!(
            "result = client('s3').get_object(Bucket='models', Key={key:?})['Body'].read().decode()"
        );
        self.moto.boto(&code).as_str().unwrap().to_owned()
    }

    pub(crate) fn put(&self, key: &str, content: &[u8]) {
        let text = String::from_utf8(content.to_vec()).unwrap();
        let code = format!(
            "client('s3').put_object(Bucket='models', Key={key:?}, Body=json.loads({:?}).encode())",
            Value::from(text).to_string()
        );
        let _ = self.moto.boto(&code);
    }

    /// Writes an alias past all checks, as somebody with access to the bucket would.
    pub(crate) fn put_alias(
        &self,
        signer: &str,
        counter: u64,
        shares: &[Share],
        expires_in: Duration,
    ) {
        let now = model_store::now();
        let alias = Alias::new("fraud", "champion", counter, expires_in, shares, None, now);
        let signed = alias.sign(&key(signer), &Identity::Key).unwrap();
        self.put("prod/fraud/aliases/champion.json", &signed);
    }

    /// An alias with version 1.0.0 and another on trial.
    pub(crate) fn put_canary(&self, counter: u64, canary: &Canary) {
        let shares = [Share { pin: self.pin("1.0.0"), weight: 1 }];
        let now = model_store::now();
        let alias = Alias::new("fraud", "champion", counter, DAY, &shares, None, now);
        let alias = alias.with_canary(Some(canary.clone()));
        let signed = alias.sign(&key("one.pem"), &Identity::Key).unwrap();
        self.put("prod/fraud/aliases/champion.json", &signed);
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        let found = self.moto.boto(
            "result = sorted(o['Key'] for o in client('s3').list_objects_v2(Bucket='models').get('Contents', []))",
        );
        serde_json::from_value(found).unwrap()
    }

    /// The function with the model that the alias names.
    pub(crate) fn function(&self, endpoint: &str, cache: &str, more: &[(&str, &str)]) -> Function {
        let compiled = self.path("compiled");
        if !compiled.exists() {
            std::fs::create_dir(&compiled).unwrap();
            compile_component(&compiled);
        }
        let mut function = Function::new(program("bootstrap"));
        function.name = "fraud".into();
        function.memory_mb = 512;
        function.timeout = Duration::from_secs(60);
        function.credentials = Some(credentials());
        let cwasm = compiled.join("predictor.cwasm").display().to_string();
        let (trust, cache) = (self.path("one.pub"), self.path(cache));
        let model = format!("{PLACE}@champion");
        let variables = [
            ("SAMEBITS_MODEL", model.as_str()),
            ("SAMEBITS_COMPONENT", &cwasm),
            ("SAMEBITS_TRUST", text(&trust)),
            ("SAMEBITS_CACHE", text(&cache)),
            ("AWS_ENDPOINT_URL", endpoint),
        ];
        for (name, value) in variables.iter().chain(more) {
            function.environment.insert((*name).into(), (*value).into());
        }
        function
    }
}

/// The version that answers.
pub(crate) async fn answered(emulator: &Emulator) -> String {
    let answer = invoke(emulator, &good().to_string()).await.unwrap();
    assert_eq!(answer["action"], "allow", "{answer}");
    answer["provenance"]["version"].as_str().unwrap().to_owned()
}

/// Tells the function that its alias has changed.
pub(crate) async fn told(emulator: &Emulator) -> Value {
    let event = json!({
        "version": "0", "id": "e-1", "source": "samebits", "detail-type": "Model Package Promoted",
        "account": "123456789012",
        "detail": {"schema_version": "1", "place": PLACE, "model": "fraud", "alias": "champion"}
    });
    invoke(emulator, &event.to_string()).await.unwrap()
}
