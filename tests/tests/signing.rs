//! Signatures as users make and check them: on the command line, with the `model_signing` tool as the
//! other side, and every way to tamper with a signed model.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use conformance::{baked, cache_folder, component, finished, fraud, program, root, tool_is_there};
use model_package::store::Contents;
use model_package::{Digest, Limits, SIGNATURE, store};
use model_signing::{Identity, PrivateKey, Statement, TrustPolicy, sign};
use predictor_host::{Baked, HostError, check_package};

/// A key or certificate of the tests.
fn key_file(name: &str) -> PathBuf {
    root().join("signing/tests/keys").join(name)
}

fn key(name: &str) -> PrivateKey {
    PrivateKey::from_pem(&std::fs::read_to_string(key_file(name)).unwrap()).unwrap()
}

fn trusting(name: &str) -> TrustPolicy {
    TrustPolicy::parse(&key(name).public().to_pem()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A copy of the digits package that may be signed, and the public half of a key beside it.
struct Signable {
    folder: tempfile::TempDir,
}

impl Signable {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join("models/digits/package"), &folder.path().join("package"));
        Self { folder }
    }

    fn package(&self) -> PathBuf {
        self.folder.path().join("package")
    }

    fn signature(&self) -> PathBuf {
        self.package().join(SIGNATURE)
    }

    /// The public half of a key, as a file.
    fn public(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.pub"));
        std::fs::write(&path, key(name).public().to_pem()).unwrap();
        path
    }
}

/// Copies the files of a folder, and those in its folders.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for found in store::list(from, &Limits::DEFAULT).unwrap().files {
        let target = to.join(&found.path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&found.on_disk, target).unwrap();
    }
}

/// What the command line prints, and its exit code.
fn host_cli(arguments: &[&str]) -> (String, String, i32) {
    let _ = component();
    let mut command = Command::new(program("host-cli"));
    command.current_dir(root()).args(arguments);
    command.env("SAMEBITS_CACHE", cache_folder()).env_remove("SAMEBITS_TRUST");
    let (out, error, code) = finished(&mut command);
    (out, error, code.unwrap())
}

/// Expects the command to succeed and to print something.
#[track_caller]
fn succeeds(arguments: &[&str], expected: &str) {
    let (out, error, code) = host_cli(arguments);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains(expected), "{expected:?} is not in: {out}");
}

/// Expects the command to fail with a message.
#[track_caller]
fn fails(arguments: &[&str], code: i32, expected: &str) {
    let (out, error, found) = host_cli(arguments);
    assert!(error.contains(expected), "{expected:?} is not in: {error}");
    assert_eq!((found, out.as_str()), (code, ""), "{error}");
}

/// The other signer; none if it is not installed.
fn model_signing(arguments: &[&str]) -> Option<(String, i32)> {
    let tool = root().join("target/tools/python/bin/model_signing");
    if !tool_is_there("model_signing", tool.is_file()) {
        return None;
    }
    let (out, error, code) = finished(Command::new(tool).current_dir(root()).args(arguments));
    Some((out + &error, code.unwrap()))
}

const DRAWN: &str = "models/digits/examples/drawn.png";

#[test]
fn what_is_signed_here_verifies_there() {
    for name in ["one.pem", "sec1.pem", "p384.pem"] {
        let model = Signable::new();
        // Hidden files are neither read by hosts nor signed.
        std::fs::write(model.package().join(".DS_Store"), "x").unwrap();
        std::fs::write(model.package().join(".gitignore"), "x").unwrap();
        let (package, signature) = (model.package(), model.signature());
        let key = key_file(name);
        succeeds(&["sign", text(&package), "--key", text(&key)], "digits 1.0.0, 3 files\n");
        let public = model.public(name);
        let verify = ["verify", "key", text(&package), "--public_key", text(&public)];
        let verify = [&verify[..], &["--signature", text(&signature)]].concat();
        let Some((said, code)) = model_signing(&verify) else { return };
        assert_eq!(code, 0, "{name}: {said}");
        std::fs::write(package.join("model.onnx"), "other").unwrap();
        let (said, code) = model_signing(&verify).unwrap();
        assert!(code == 1 && said.contains("Hash mismatch for"), "{said}");
    }
}

#[test]
fn what_is_signed_there_verifies_here() {
    for name in ["one.pem", "sec1.pem", "p384.pem"] {
        let model = Signable::new();
        let (package, signature) = (model.package(), model.signature());
        let key = key_file(name);
        let sign = ["sign", "key", text(&package), "--private_key", text(&key)];
        let sign = [&sign[..], &["--signature", text(&signature)]].concat();
        let Some((said, code)) = model_signing(&sign) else { return };
        assert_eq!(code, 0, "{name}: {said}");
        let public = model.public(name);
        let trust = ["--trust", text(&public)];
        succeeds(&[&["verify", text(&package)], &trust[..]].concat(), "3 files as signed\n");
        let stranger = model.public("other.pem");
        fails(
            &["verify", text(&package), "--trust", text(&stranger)],
            4,
            "which the trust policy does not name",
        );
        std::fs::write(package.join("reference-cases.json"), "{}").unwrap();
        fails(
            &[&["verify", text(&package)], &trust[..]].concat(),
            4,
            "reference-cases.json: its digest is sha256:",
        );
    }
}

#[test]
fn certificates_both_ways() {
    let (key, leaf) = (key_file("one.pem"), key_file("leaf.crt"));
    let (intermediate, root) = (key_file("intermediate.crt"), key_file("root.crt"));
    let ours = Signable::new();
    let (package, signature) = (ours.package(), ours.signature());
    let sign = ["sign", text(&package), "--key", text(&key), "--certificate", text(&leaf)];
    succeeds(&[&sign[..], &["--certificate", text(&intermediate)]].concat(), "3 files\n");
    let verify = ["verify", "certificate", text(&package), "--certificate_chain", text(&root)];
    let verify = [&verify[..], &["--signature", text(&signature)]].concat();
    let Some((said, code)) = model_signing(&verify) else { return };
    assert_eq!(code, 0, "{said}");

    let theirs = Signable::new();
    let (package, signature) = (theirs.package(), theirs.signature());
    let sign = ["sign", "certificate", text(&package), "--private_key", text(&key)];
    let chain = ["--signing_certificate", text(&leaf), "--certificate_chain", text(&intermediate)];
    let (said, code) =
        model_signing(&[&sign[..], &chain, &["--signature", text(&signature)]].concat()).unwrap();
    assert_eq!(code, 0, "{said}");
    succeeds(
        &["verify", text(&package), "--trust", text(&root)],
        "signed by release@example.com, https://example.com/release, leaf (certificate, ECDSA P-256)",
    );
    let other = key_file("otherroot.crt");
    fails(
        &["verify", text(&package), "--trust", text(&other)],
        4,
        "they do not lead to a root certificate of the policy",
    );
}

#[test]
fn the_command_line_trusts_whom_the_user_trusts() {
    let model = Signable::new();
    let (package, public) = (model.package(), model.public("ed25519.pem"));
    let (package, public) = (text(&package), text(&public));
    let predict = ["predict", "--model", package, DRAWN];
    let trust = ["--trust", public];
    fails(&[&predict[..], &trust].concat(), 4, "the model digits is not signed");
    succeeds(&["verify", package], "\nnot signed\n");

    let key = key_file("ed25519.pem");
    succeeds(&["sign", package, "--key", text(&key)], "(Ed25519)\n");
    succeeds(&["verify", package], "\nsigned, but the signature was not checked");
    succeeds(&[&["verify", package], &trust[..]].concat(), "(Ed25519); 3 files as signed\n");
    succeeds(&[&predict[..], &trust].concat(), "\"label\": \"3\"");
    // A bundled model is part of the program.
    succeeds(&[&["predict", "--model", "digits", DRAWN], &trust[..]].concat(), "\"label\": \"3\"");
    succeeds(&[&["verify", "digits"], &trust[..]].concat(), "\npart of this program\n");

    // A signature that lies elsewhere.
    let elsewhere = model.folder.path().join("elsewhere.sig");
    std::fs::rename(model.signature(), &elsewhere).unwrap();
    let elsewhere = ["--signature", text(&elsewhere)];
    fails(&[&["verify", package], &trust[..]].concat(), 4, "the model digits is not signed");
    succeeds(&[&["verify", package], &trust[..], &elsewhere].concat(), "3 files as signed\n");

    // A policy with names.
    let policy = model.folder.path().join("trust.json");
    let write = |rules: &str| {
        let document = format!(r#"{{"format": "samebits-trust/1", "rules": [{rules}]}}"#);
        std::fs::write(&policy, document).unwrap();
    };
    let trust = ["--trust", text(&policy)];
    write(r#"{"models": ["digits"], "unsigned": true}"#);
    succeeds(
        &[&["verify", package], &trust[..]].concat(),
        "\nnot signed, which the trust policy accepts\n",
    );
    write(r#"{"models": ["fraud"], "keys": ["ed25519.pem.pub"]}"#);
    let refused = "whom the trust policy does not trust with the model digits";
    fails(&[&["verify", package], &trust[..], &elsewhere].concat(), 4, refused);
}

#[test]
fn wrong_input_says_what_to_do() {
    let model = Signable::new();
    let (package, public) = (model.package(), model.public("one.pem"));
    let (package, public) = (text(&package), text(&public));
    let one = key_file("one.pem");
    fails(&["sign", package, "--key", "nothing.pem"], 3, "nothing.pem: No such file");
    fails(&["sign", package, "--key", public], 3, "found no private key in PEM");
    for (name, expected) in [
        ("encrypted.pem", "decrypt it with `openssl pkey -in KEY -out PLAIN`"),
        ("rsa.pem", "ECDSA on P-256 or P-384, and Ed25519 are"),
    ] {
        fails(&["sign", package, "--key", text(&key_file(name))], 3, expected);
    }
    let leaf = key_file("leaf.crt");
    let other = key_file("other.pem");
    fails(
        &["sign", package, "--key", text(&other), "--certificate", text(&leaf)],
        3,
        "the certificate is for another key",
    );
    fails(&["sign", "fraud", "--key", text(&one)], 4, "fraud (bundled) is part of this program");
    fails(&["sign", "docs", "--key", text(&one)], 4, "the folder docs has no manifest.json");
    let archive = model.folder.path().join("digits.tar");
    let files = store::read(Path::new(package), &Limits::DEFAULT).unwrap();
    store::write_archive(files, std::fs::File::create(&archive).unwrap()).unwrap();
    fails(&["sign", text(&archive), "--key", text(&one)], 4, "sign the package's folder");
    fails(&["verify", package, "--trust", "nothing.json"], 3, "nothing.json: No such file");
    fails(&["verify", package, "--trust", text(&one)], 3, "this is a private key");
    fails(
        &["verify", package, "--trust", "README.md"],
        3,
        "found no JSON object, nor a public key",
    );
    let (_, error, code) = host_cli(&["verify", package, "--signature", "a.sig"]);
    assert_eq!(code, 2, "{error}");
    // Nobody signs what no host would load.
    std::fs::write(model.package().join("model.onnx"), "other").unwrap();
    fails(&["sign", package, "--key", text(&one)], 4, "model.onnx: 5 bytes, manifest.json says");
}

#[test]
fn an_archive_carries_its_signature() {
    let model = Signable::new();
    let package = model.package();
    succeeds(&["sign", text(&package), "--key", text(&key_file("one.pem"))], "3 files\n");
    let Contents { mut files, signature } =
        store::read_contents(&package, &Limits::DEFAULT).unwrap();
    files.push(model_package::PackageFile { path: SIGNATURE.into(), content: signature.unwrap() });
    let archive = model.folder.path().join("digits.tar");
    store::write_archive(files, std::fs::File::create(&archive).unwrap()).unwrap();
    let public = model.public("one.pem");
    succeeds(&["verify", text(&archive), "--trust", text(&public)], "3 files as signed\n");
}

/// The fraud package with a signature.
fn signed() -> Contents {
    let files = fraud();
    let digests = files.iter().map(|file| (file.path.clone(), Digest::of(&file.content)));
    let statement = Statement::new("fraud".into(), digests.collect(), Vec::new());
    let signature = sign(&statement, &key("one.pem"), &Identity::Key).unwrap();
    Contents { files, signature: Some(signature) }
}

#[test]
fn every_region_of_a_package_is_covered() {
    let policy = trusting("one.pem");
    let sound = signed();
    assert_eq!(check_package(&policy, &sound).unwrap().files(), sound.files.len());
    for (index, file) in sound.files.iter().enumerate() {
        let length = file.content.len();
        for at in (0..length).step_by(length.div_ceil(8)).chain([length - 1]) {
            let mut changed = sound.clone();
            changed.files[index].content[at] ^= 1;
            let error = check_package(&policy, &changed).unwrap_err();
            let found = (error.code(), error.file());
            assert_eq!(found, ("changed-after-signing", Some(file.path.as_str())), "{at}");
        }
        let mut changed = sound.clone();
        changed.files[index].content.pop();
        let error = check_package(&policy, &changed).unwrap_err();
        assert_eq!(error.code(), "changed-after-signing");
        let mut changed = sound.clone();
        changed.files[index].path += "x";
        let error = check_package(&policy, &changed).unwrap_err();
        assert_eq!(error.code(), "not-signed-file");
    }
    let mut without = sound;
    without.signature = None;
    assert_eq!(check_package(&policy, &without).unwrap_err().code(), "unsigned-model");
}

/// The baked fraud model in a folder of its own, signed.
fn signed_baked() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copied = folder.path().join("fraud.baked");
    copy(baked().folder(), &copied);
    let _ = std::fs::remove_file(copied.join(SIGNATURE));
    let one = key_file("one.pem");
    succeeds(&["sign", text(&copied), "--key", text(&one)], "fraud 1.0.0, ");
    (folder, copied)
}

#[test]
fn code_is_mapped_only_if_a_trusted_key_covers_it() {
    let (folder, copied) = signed_baked();
    let policy = trusting("one.pem");
    let asked = |whole: bool| -> Result<usize, HostError> {
        let baked = Baked::open(&copied)?;
        let check = if whole { Baked::check_trust_whole } else { Baked::check_trust };
        Ok(check(&baked, &policy, None)?.files())
    };
    let files = store::list(&copied, &Limits::DEFAULT).unwrap().files;
    assert_eq!(asked(false).unwrap(), 2);
    assert_eq!(asked(true).unwrap(), files.len() - 1);

    let mapped = |path: &str| path == "baked.json" || path.ends_with(".cwasm");
    for found in files.iter().filter(|found| found.path != SIGNATURE) {
        let sound = std::fs::read(&found.on_disk).unwrap();
        for at in [0, sound.len() / 2, sound.len() - 1] {
            let mut changed = sound.clone();
            // Still JSON in a record, so that it is the signature that finds it.
            changed[at] = if sound[at].is_ascii_whitespace() { b'\t' } else { sound[at] ^ 1 };
            std::fs::write(&found.on_disk, &changed).unwrap();
            // A record that can't be read any more is refused before.
            let code = |whole| asked(whole).map_err(|error| error.code().to_owned());
            let refused =
                [Err("changed-after-signing".to_owned()), Err("compiled-file".to_owned())];
            assert!(refused.contains(&code(true)), "{}: {:?}", found.path, code(true));
            if mapped(&found.path) {
                assert!(refused.contains(&code(false)), "{}: {:?}", found.path, code(false));
            } else {
                assert_eq!(code(false), Ok(2), "{}", found.path);
            }
        }
        std::fs::write(&found.on_disk, &sound).unwrap();
    }
    assert!(asked(true).is_ok());
    std::fs::write(copied.join("more.cwasm"), "x").unwrap();
    assert_eq!(asked(true).unwrap_err().code(), "not-signed-file");
    std::fs::remove_file(copied.join("more.cwasm")).unwrap();

    // A start needs the record and this machine's code, as a function's package has them.
    std::fs::remove_file(copied.join("component.wasm")).unwrap();
    std::fs::remove_dir_all(copied.join("package")).unwrap();
    assert_eq!(asked(false).unwrap(), 2);
    let public = folder.path().join("one.pub");
    std::fs::write(&public, key("one.pem").public().to_pem()).unwrap();
    let example = "models/fraud/examples/ordinary.json";
    let predict = ["predict", "--model", text(&copied), example, "--trust", text(&public)];
    succeeds(&predict, "\"action\": \"allow\"");
    std::fs::remove_file(copied.join(SIGNATURE)).unwrap();
    fails(&predict, 4, "the model fraud is not signed");
}

#[test]
fn a_baked_model_is_verified_whole() {
    let (folder, copied) = signed_baked();
    let public = folder.path().join("one.pub");
    std::fs::write(&public, key("one.pem").public().to_pem()).unwrap();
    let verify = ["verify", text(&copied), "--trust", text(&public)];
    succeeds(&verify, " files as signed\n");
    let signed = ["verify", "key", text(&copied), "--public_key", text(&public)];
    let signature = copied.join(SIGNATURE);
    if let Some((said, code)) =
        model_signing(&[&signed[..], &["--signature", text(&signature)]].concat())
    {
        assert_eq!(code, 0, "{said}");
    }
    std::fs::write(copied.join("component.wasm"), "x").unwrap();
    fails(&verify, 4, "component.wasm: its digest is sha256:");
}

#[test]
fn a_signature_of_one_model_is_none_of_another() {
    let digits = store::read(&root().join("models/digits/package"), &Limits::DEFAULT).unwrap();
    let mixed = Contents { files: digits, signature: signed().signature };
    let error = check_package(&trusting("one.pem"), &mixed).unwrap_err();
    assert_eq!(error.code(), "changed-after-signing");
    let none: BTreeMap<String, Digest> = BTreeMap::new();
    // Nothing read is nothing to trust, but it has no name either.
    let asked = trusting("one.pem").check(signed().signature.as_deref(), &none, || {
        Err(HostError::Engine { message: "no name".into() })
    });
    assert_eq!(asked.unwrap_err().code(), "engine");
}
