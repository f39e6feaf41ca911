//! Packages that are encrypted before they are written, with moto's KMS: what lies in the bucket and in
//! caches, what is refused, and what happens without KMS.

use std::collections::HashSet;
use std::path::Path;

use conformance::faults::{Fault, Proxy};
use conformance::fraud;
use conformance::function::{emulated, good, invoke};
use serde_json::{Value, json};

use crate::shop::{PLACE, Shop, answered, key_file, text, told};

const EXAMPLE: &str = "models/fraud/examples/ordinary.json";

/// A new key of KMS.
fn kms_key(shop: &Shop) -> String {
    let made = shop.moto.boto("result = client('kms').create_key()['KeyMetadata']['Arn']");
    made.as_str().unwrap().to_owned()
}

/// Pushes a version, signed and encrypted.
#[track_caller]
fn push_encrypted(shop: &Shop, version: &str, kms_key: &str) {
    let (package, one) = (shop.version(version), key_file("one.pem"));
    let push = ["push", text(&package), PLACE, "--sign", text(&one), "--encrypt", kms_key];
    shop.succeeds(&push, "encrypted with a data key of arn:aws:kms:");
}

/// Samples of 32 bytes from all over a package.
fn samples(package: &Path) -> HashSet<Vec<u8>> {
    let mut samples = HashSet::new();
    for entry in std::fs::read_dir(package).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        let all = content.chunks_exact(32).step_by(7);
        // Zeros and the like are anywhere.
        samples
            .extend(all.filter(|it| it.iter().collect::<HashSet<_>>().len() > 12).map(Vec::from));
    }
    assert!(samples.len() > 1000, "{}", samples.len());
    samples
}

/// The files below a folder that have one of the samples in them, at any place; links are not followed.
fn with_plain_text(folder: &Path, samples: &HashSet<Vec<u8>>) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        let (kind, path) = (entry.file_type().unwrap(), entry.path());
        if kind.is_dir() {
            found.extend(with_plain_text(&path, samples));
        } else if kind.is_file() {
            let content = std::fs::read(&path).unwrap();
            if content.windows(32).any(|window| samples.contains(window)) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Fetches all objects into a folder.
fn objects_into(shop: &Shop, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let _ = shop.moto.boto(&format!(
        "s3 = client('s3')\nfor i, o in enumerate(s3.list_objects_v2(Bucket='models')['Contents']):\n    \
         s3.download_file('models', o['Key'], {:?} + '/' + str(i))",
        text(folder)
    ));
}

#[test]
fn what_is_encrypted_is_plain_text_in_memory_only() {
    let Some(shop) = Shop::open() else { return };
    let (kms, one) = (kms_key(&shop), key_file("one.pem"));
    let package = shop.version("1.0.0");
    let push = ["push", text(&package), PLACE, "--sign", text(&one)];
    let encrypted = [&push[..], &["--encrypt", &kms]].concat();
    shop.succeeds(&[&encrypted[..], &["--dry-run"]].concat(), "5 objects would be written");
    assert_eq!(shop.keys(), Vec::<String>::new());
    push_encrypted(&shop, "1.0.0", &kms);
    let keys = shop.keys();
    assert_eq!(keys.len(), 6, "{keys:#?}");
    // Again: the same data key gives the same bytes, so that what is missing is written, and no more.
    shop.succeeds(&encrypted, "0 objects written, 5 there already");
    let lost = keys.iter().find(|key| key.ends_with("/model.onnx")).unwrap();
    let _ = shop.moto.boto(&format!("client('s3').delete_object(Bucket='models', Key={lost:?})"));
    shop.succeeds(&encrypted, "1 objects written, 4 there already");
    shop.fails(&push, 4, "the package lies there encrypted: push it with --encrypt");
    let bake = [&encrypted[..], &["--bake", "x86_64-unknown-linux-gnu"]].concat();
    shop.fails(&bake, 2, "cannot be used with");

    let samples = samples(&package);
    let bucket = shop.path("bucket");
    objects_into(&shop, &bucket);
    assert_eq!(with_plain_text(&bucket, &samples), Vec::<String>::new());

    let which = format!("{PLACE}@1.0.0");
    let (trust, output) = (shop.path("one.pub"), shop.path("pulled"));
    let trust = ["--trust", text(&trust)];
    let predict = ["predict", "--model", &which, EXAMPLE, trust[0], trust[1]];
    shop.succeeds(&predict, "\"version\": \"1.0.0\"");
    shop.succeeds(&["verify", &which, trust[0], trust[1]], "every bit as expected");
    shop.promote("1.0.0");
    let models = shop.path("cli-cache/models");
    assert_eq!(std::fs::read_dir(models.join("sealed")).unwrap().count(), 1);
    assert_eq!(with_plain_text(&shop.path("cli-cache"), &samples), Vec::<String>::new());
    // Only where the user asks for it.
    let pull = ["pull", which.as_str(), "--output", text(&output), trust[0], trust[1]];
    shop.succeeds(&pull, "it was encrypted, and lies there in plain text now");
    for file in fraud().iter().filter(|file| file.path != "manifest.json") {
        assert_eq!(std::fs::read(output.join(&file.path)).unwrap(), file.content);
    }
    shop.succeeds(&["verify", text(&output), trust[0], trust[1]], "every bit as expected");
    assert_eq!(with_plain_text(&output, &samples).len(), 3);
    // What is damaged in the cache is read anew.
    let sealed = std::fs::read_dir(models.join("sealed")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(sealed.join("model.onnx"), "x").unwrap();
    shop.succeeds(&predict, "\"version\": \"1.0.0\"");

    // The other way round: what lies in plain text stays so, and is refused where it must not be.
    shop.push("2.0.0");
    let plain = shop.path("2.0.0");
    let push = ["push", text(&plain), PLACE, "--sign", text(&one), "--encrypt", &kms];
    shop.fails(&push, 4, "the package lies there in plain text");
    let pem = std::fs::read_to_string(trust[1]).unwrap();
    let policy = json!({"format": "samebits-trust/1", "storage": {"require_encryption": true},
        "rules": [{"models": ["fraud"], "keys": [pem]}]});
    let strict = shop.path("strict.json");
    std::fs::write(&strict, policy.to_string()).unwrap();
    let strict = ["--trust", text(&strict)];
    shop.succeeds(&["verify", &which, strict[0], strict[1]], "every bit as expected");
    let which = format!("{PLACE}@2.0.0");
    let verify = ["verify", which.as_str()];
    shop.fails(&[verify, strict].concat(), 4, "lies there in plain text; the trust policy wants");
    // Also where it lies in the cache.
    shop.succeeds(&[verify, trust].concat(), "every bit as expected");
    shop.fails(&[verify, strict].concat(), 4, "lies there in plain text; the trust policy wants");
    // That the search finds what is there.
    assert!(!with_plain_text(&models, &samples).is_empty());
}

#[test]
fn what_was_changed_or_swapped_is_refused() {
    let Some(shop) = Shop::open() else { return };
    let kms = kms_key(&shop);
    for version in ["1.0.0", "1.1.0"] {
        push_encrypted(&shop, version, &kms);
    }
    let trust = shop.path("one.pub");
    let file = |version: &str, name: &str| {
        format!("prod/fraud/packages/{}/{name}", shop.pin(version).package.hex())
    };
    let which = format!("{PLACE}@1.0.0");
    let pull = |expected: &str, code: i32| {
        let cache = tempfile::tempdir().unwrap();
        let output = cache.path().join("out");
        let pull = ["pull", &which, "--trust", text(&trust), "--output", text(&output)];
        shop.fails(&[&pull[..], &["--cache", text(cache.path())]].concat(), code, expected);
        assert!(!output.exists());
    };
    let check = |key: &str, how: &str, expected: &str| {
        let get = "s3.get_object(Bucket='models', Key=k)['Body'].read()";
        let prelude = format!("s3 = client('s3')\nget = lambda k: {get}\n");
        let put = |key: &str| format!("s3.put_object(Bucket='models', Key={key:?}, Body=bytes(b))");
        let _ = shop.moto.boto(&format!(
            "{prelude}b = get({key:?})\n{}\nb = bytearray(b)\n{how}\n{}",
            put("kept"),
            put(key)
        ));
        pull(expected, 4);
        let _ = shop.moto.boto(&format!("{prelude}b = get('kept')\n{}", put(key)));
    };
    let (model, manifest) = (file("1.0.0", "model.onnx"), file("1.0.0", "manifest.json"));
    let cases = file("1.0.0", "reference-cases.json");
    let tampered = "does not open with the package's data key";
    // Magic, the first chunk and its tag, the second, the last, and its tag.
    for at in
        ["0", "15", "16", "16 + 65536", "16 + 65552", "len(b) // 2", "len(b) - 17", "len(b) - 1"]
    {
        check(&model, &format!("b[{at}] ^= 1"), tampered);
    }
    for at in ["16", "len(b) // 2", "len(b) - 1"] {
        check(&cases, &format!("b[{at}] ^= 1"), tampered);
        check(&manifest, &format!("b[{at}] ^= 1"), tampered);
    }
    // Without the magic it is a manifest in plain text, of another digest.
    check(&manifest, "b[0] ^= 1", "manifest.json: its digest is sha256:");
    check(&manifest, "b = b[:-1]", tampered);
    check(&manifest, "b = b[:16]", tampered);
    check(&model, "b = b[:-1]", "bytes, expected");
    check(&model, "b = b[:16 + 65552]", "bytes, expected");
    check(&model, "b = b + b'x'", "bytes, expected");
    check(&model, "c = b[16:65568]; b[16:65568] = b[65568:131120]; b[65568:131120] = c", tampered);
    // Files in each other's place, and of another version.
    let get = |key: &str| format!("b = get({key:?})");
    check(&manifest, &get(&cases), tampered);
    check(&manifest, &get(&file("1.1.0", "manifest.json")), tampered);
    check(&model, &get(&file("1.1.0", "model.onnx")), tampered);
    check(&cases, &get(&file("1.1.0", "reference-cases.json")), tampered);
    // The document: each part of it.
    let document = file("1.0.0", "encryption.json");
    check(
        &document,
        &get(&file("1.1.0", "encryption.json")),
        "it is the encryption of fraud 1.1.0",
    );
    let edited = |change: &str| format!("d = json.loads(b); {change}; b = json.dumps(d).encode()");
    let other = file("1.1.0", "encryption.json");
    check(&document, "b = bytearray(b'{}')", "not the document of an encryption");
    check(&document, "b[0] ^= 1", "not the document of an encryption");
    check(&document, &edited("d['algorithm'] = 'none'"), "algorithm: expected");
    check(&document, &edited("d['chunk_bytes'] = 1"), "chunk_bytes: expected");
    check(&document, &edited("d['version'] = '1.1.0'"), "it is the encryption of fraud 1.1.0");
    let not_of_this = "did not wrap it for this package and version";
    let theirs = edited(&format!("d['wrapped_key'] = json.loads(get({other:?}))['wrapped_key']"));
    check(&document, &theirs, not_of_this);
    let flipped = "import base64; w = bytearray(base64.b64decode(d['wrapped_key'])); w[-1] ^= 1; \
                   d['wrapped_key'] = base64.b64encode(bytes(w)).decode()";
    check(&document, &edited(flipped), not_of_this);
    let code = format!("client('s3').delete_object(Bucket='models', Key={document:?})");
    let _ = shop.moto.boto(&code);
    pull("there is no encryption at s3://models/", 4);
}

#[test]
fn each_refusal_of_kms_has_its_own_error() {
    let Some(shop) = Shop::open() else { return };
    let kms = kms_key(&shop);
    push_encrypted(&shop, "1.0.0", &kms);
    let proxy = Proxy::start(shop.moto.endpoint());
    let (trust, which) = (shop.path("one.pub"), format!("{PLACE}@1.0.0"));
    let verify = |fault: Fault| {
        proxy.set(fault);
        let verify = ["verify", which.as_str(), "--trust", text(&trust)];
        shop.host_cli_at(&proxy.endpoint(), &verify)
    };
    // With nothing in the cache, and with the package in it.
    for round in 0..2 {
        for (status, name, expected) in [
            (
                400,
                "AccessDeniedException",
                "may not be used by whoever runs this: kms answered 400",
            ),
            (400, "DisabledException", "can't be used now: kms answered 400"),
            (400, "KMSInvalidStateException", "can't be used now: kms answered 400"),
            (400, "InvalidCiphertextException", "did not wrap it for this package and version"),
            (
                500,
                "KMSInternalException",
                "the data key of s3://models/prod/fraud@1.0.0: kms answered 500",
            ),
        ] {
            let (_, error, code) = verify(Fault::RefuseKms(status, name));
            assert!(error.contains(expected), "{round} {name}: {error}");
            assert_eq!(code, if name.starts_with("InvalidC") { 4 } else { 5 }, "{error}");
        }
        let (out, error, code) = verify(Fault::None);
        assert_eq!(code, 0, "{out}{error}");
    }
    // Who may not make a data key writes nothing.
    proxy.set(Fault::RefuseKms(400, "AccessDeniedException"));
    let (package, one) = (shop.version("1.1.0"), key_file("one.pem"));
    let push = ["push", text(&package), PLACE, "--sign", text(&one), "--encrypt", &kms];
    let (_, error, code) = shop.host_cli_at(&proxy.endpoint(), &push);
    assert!(error.contains("may not be used by whoever runs this"), "{error}");
    assert_eq!((code, shop.keys().len()), (5, 6), "{error}");
    // A key that is not there, of a real KMS.
    let push = ["push", text(&package), PLACE, "--sign", text(&one), "--encrypt", "alias/nothing"];
    shop.fails(&push, 5, "the key alias/nothing can't be used now");
}

#[tokio::test]
async fn a_function_serves_what_is_encrypted_and_writes_no_plain_text() {
    let Some(shop) = Shop::open() else { return };
    let kms = kms_key(&shop);
    for version in ["1.0.0", "1.1.0"] {
        push_encrypted(&shop, version, &kms);
    }
    shop.promote("1.0.0");
    let proxy = Proxy::start(shop.moto.endpoint());
    let endpoint = proxy.endpoint();
    let more = [("SAMEBITS_REFRESH", "off")];
    let emulator = emulated(shop.function(&endpoint, "cache", &more)).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    // Without KMS another version can't come, and this one goes on.
    shop.promote("1.1.0");
    proxy.set(Fault::RefuseKms(503, "DependencyTimeoutException"));
    let status = told(&emulator).await;
    assert_eq!(
        (&status["status"], &status["code"]),
        (&json!("kept"), &json!("kms-unreachable")),
        "{status}"
    );
    assert_eq!(answered(&emulator).await, "1.0.0");
    // A start needs KMS, also with a cache.
    let second = emulated(shop.function(&endpoint, "cache", &more)).await;
    invoke(&second, &good().to_string()).await.unwrap_err();
    let lines = second.log().lines().join("\n");
    assert!(lines.contains("the data key of s3://models/prod/fraud@1.1.0"), "{lines}");
    proxy.set(Fault::None);
    let status: Value = told(&emulator).await;
    assert_eq!(status["serving"]["version"], "1.1.0", "{status}");
    assert_eq!(answered(&emulator).await, "1.1.0");
    // And an environment that finds it in the cache.
    let third = emulated(shop.function(&endpoint, "cache", &more)).await;
    assert_eq!(answered(&third).await, "1.1.0");
    let cache = shop.path("cache");
    assert_eq!(std::fs::read_dir(cache.join("sealed")).unwrap().count(), 2);
    assert!(!cache.join("packages").exists() && !cache.join("baked").exists());
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(with_plain_text(&cache, &samples(&shop.path(version))), Vec::<String>::new());
    }
}
