//! Models from S3 as users have them: pushed, promoted and pulled on the command line, served and changed
//! under the function, against moto's server, with a proxy between that makes trouble.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod canary;
mod encryption;
mod ensemble;
mod load;
mod routing;
mod shop;
mod trouble;

use conformance::function::{PATIENCE, emulated, good, invoke, lines_with, logged};
use conformance::{fraud, with_file, with_manifest};
use model_signing::Identity;
use model_store::{Alias, Pin, Share};
use serde_json::json;

use shop::{DAY, PLACE, Shop, answered, key, key_file, text, told};

#[test]
fn a_package_goes_in_and_comes_out() {
    let Some(shop) = Shop::open() else { return };
    let (package, one) = (shop.version("1.0.0"), key_file("one.pem"));
    let package = text(&package);
    let sign = ["--sign", text(&one)];
    let push = ["push", package, PLACE];
    shop.fails(&push, 3, "is not signed, and hosts refuse unsigned models from a store");
    let elsewhere = ["push", package, "s3://models/prod/digits", "--sign", text(&one)];
    shop.fails(&elsewhere, 3, "the model is called fraud");
    shop.succeeds(
        &[&push[..], &sign, &["--dry-run"]].concat(),
        "4 objects would be written, 0 there",
    );
    assert_eq!(shop.keys(), Vec::<String>::new());
    shop.succeeds(&[&push[..], &sign].concat(), "4 objects written, 0 there already");
    let keys = shop.keys();
    assert_eq!(keys.len(), 5, "{keys:#?}");
    assert!(keys.iter().any(|key| key == "prod/fraud/versions/1.0.0.json"), "{keys:#?}");
    // Again: all of it is there. What was lost on the way is written again.
    shop.succeeds(&[&push[..], &sign].concat(), "0 objects written, 4 there already");
    let lost = keys.iter().find(|key| key.ends_with("/model.onnx")).unwrap();
    let _ = shop.moto.boto(&format!("client('s3').delete_object(Bucket='models', Key={lost:?})"));
    shop.succeeds(&[&push[..], &sign].concat(), "1 objects written, 3 there already");

    let which = format!("{PLACE}@1.0.0");
    let (trust, output) = (shop.path("one.pub"), shop.path("pulled"));
    let trust = ["--trust", text(&trust)];
    let pull = ["pull", which.as_str(), "--output", text(&output)];
    shop.fails(&pull, 3, "a model from elsewhere has to be trusted");
    shop.succeeds(&[&pull[..], &trust].concat(), "(ECDSA P-256); 3 files as signed\n");
    shop.fails(&[&pull[..], &trust].concat(), 3, "is not empty");
    shop.succeeds(&["verify", text(&output), trust[0], trust[1]], "every bit as expected");
    for file in fraud().iter().filter(|file| file.path != "manifest.json") {
        assert_eq!(std::fs::read(output.join(&file.path)).unwrap(), file.content);
    }
    // And without a folder in between.
    let example = "models/fraud/examples/ordinary.json";
    let predict = ["predict", "--model", &which, example];
    shop.fails(&predict, 3, "has to be trusted");
    shop.succeeds(&[&predict[..], &trust].concat(), "\"version\": \"1.0.0\"");
    shop.succeeds(&["verify", &which, trust[0], trust[1]], "every bit as expected");
    let missing = format!("{PLACE}@9.9.9");
    shop.fails(&["verify", &missing, trust[0], trust[1]], 4, "there is no version at s3://models/");
    shop.fails(&["verify", "s3://models/fraud", trust[0], trust[1]], 4, "expected s3://BUCKET/");

    // A version never changes.
    let other = with_manifest(fraud(), |manifest| manifest["description"] = "another".into());
    let other = shop.package("other", &other);
    let push = ["push", text(&other), PLACE, sign[0], sign[1]];
    shop.fails(&push, 4, "is there already, with other bytes");
}

#[test]
fn an_alias_moves_only_to_what_answers_as_it_should() {
    let Some(shop) = Shop::open() else { return };
    let one = key_file("one.pem");
    shop.push("1.0.0");
    let which = format!("{PLACE}@1.0.0");
    shop.fails(&["promote", &which, "champion"], 3, "name a key with --key");
    let promote = ["promote", which.as_str(), "champion", "--key", text(&one)];
    shop.succeeds(&[&promote[..], &["--dry-run"]].concat(), "champion would name 1.0.0");
    shop.promote("1.0.0");
    let champion = format!("{PLACE}@champion");
    let trust = shop.path("one.pub");
    let show = ["rollout", champion.as_str(), "--trust", text(&trust)];
    shop.succeeds(&show, "fraud@champion, counter 1, from ");
    shop.succeeds(&show, "1.0.0  100.0 %");

    // One whose reference cases say something else.
    let files = with_manifest(fraud(), |manifest| manifest["version"] = "1.1.0".into());
    let files = with_file(files, "reference-cases.json", |content| {
        let text = String::from_utf8(content.clone()).unwrap();
        let changed = text.replacen("\"allow\"", "\"block\"", 1);
        assert_ne!(text, changed);
        *content = changed.into_bytes();
    });
    let wrong = shop.package("wrong", &files);
    shop.succeeds(&["push", text(&wrong), PLACE, "--sign", text(&one)], "@1.1.0\n");
    let which = format!("{PLACE}@1.1.0");
    let promote = ["promote", which.as_str(), "champion", "--key", text(&one)];
    shop.fails(&promote, 1, "differences");
    shop.succeeds(&show, "counter 1, from ");

    shop.push("1.2.0");
    let set = ["rollout", champion.as_str(), "--set", "1.0.0=90", "--set", "1.2.0=10"];
    shop.succeeds(&[&set[..], &["--key", text(&one)]].concat(), "1.2.0  10.0 %");
    shop.succeeds(&show, "counter 2, from ");
    let wrong = ["rollout", champion.as_str(), "--set", "1.1.0=10", "--key", text(&one)];
    shop.fails(&wrong, 1, "differences");
    let zero = ["rollout", champion.as_str(), "--set", "1.0.0=0", "--key", text(&one)];
    shop.fails(&zero, 3, "every weight is 0");
    // Who may not sign for the model is refused by whoever reads the alias.
    let stranger = key_file("other.pem");
    let refused = ["promote", champion.as_str(), "champion", "--key", text(&stranger)];
    shop.fails(&refused, 4, "which the trust policy does not name");
}

#[test]
fn what_was_tampered_with_is_refused_each_with_its_own_error() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    shop.promote("1.0.0");
    let trust = shop.path("one.pub");
    let digest = shop.pin("1.0.0").package.hex();
    let file = |name: &str| format!("prod/fraud/packages/{digest}/{name}");
    let alias = "prod/fraud/aliases/champion.json".to_owned();
    // What was there is kept beside it, and put back.
    let tamper = |key: &str, how: &str| {
        let code = format!(
            "s3 = client('s3')\nold = s3.get_object(Bucket='models', Key={key:?})['Body'].read()\n\
             s3.put_object(Bucket='models', Key='kept', Body=old)\n\
             b = bytearray(old)\n{how}\ns3.put_object(Bucket='models', Key={key:?}, Body=bytes(b))"
        );
        let _ = shop.moto.boto(&code);
        format!(
            "client('s3').copy_object(Bucket='models', Key={key:?}, CopySource={{'Bucket': 'models', 'Key': 'kept'}})"
        )
    };
    let check = |key: &str, how: &str, expected: &str| {
        let restore = tamper(key, how);
        let cache = tempfile::tempdir().unwrap();
        let champion = format!("{PLACE}@champion");
        let arguments = ["pull", champion.as_str(), "--trust", text(&trust)];
        let output = cache.path().join("out");
        let cache_flag = ["--output", text(&output), "--cache", text(cache.path())];
        shop.fails(&[&arguments[..], &cache_flag].concat(), 4, expected);
        assert!(!output.exists());
        let _ = shop.moto.boto(&restore);
    };
    for place in ["0", "len(b) // 3", "len(b) // 2", "len(b) - 1"] {
        let flip = format!("b[{place}] ^= 1");
        check(&file("model.onnx"), &flip, "model.onnx: its digest is sha256:");
        check(&file("reference-cases.json"), &flip, "reference-cases.json: its digest is sha256:");
        check(&file("manifest.json"), &flip, "manifest.json: its digest is sha256:");
        check(&file("model.sig"), &flip, "model.sig: ");
        check(&alias, &flip, "champion.json: ");
    }
    check(&file("model.onnx"), "b = b[:-1]", "bytes, expected");
    check(&file("model.onnx"), "b = b + b'x'", "bytes, expected");
    check(&file("model.onnx"), "b = bytearray()", "bytes, expected");
    check(&file("manifest.json"), "b = bytearray(5 << 20)", "at most 4195344 are accepted");
    check(&file("model.sig"), "b = bytearray()", "the signature is no sigstore bundle");
    check(&alias, "b = bytearray(b'{}')", "the signature is no sigstore bundle");
    // A signature that is good, and of something else.
    check(
        &alias,
        &format!("b = s3.get_object(Bucket='models', Key={:?})['Body'].read()", file("model.sig")),
        "payloadType",
    );
    let other = format!("b = s3.get_object(Bucket='models', Key={alias:?})['Body'].read()");
    check(&file("model.sig"), &other, "payloadType");
    // Without a signature at all.
    let key = file("model.sig");
    let restore = tamper(&key, "pass");
    let _ = shop.moto.boto(&format!("client('s3').delete_object(Bucket='models', Key={key:?})"));
    let (which, cache) = (format!("{PLACE}@1.0.0"), tempfile::tempdir().unwrap());
    let pull = ["pull", which.as_str(), "--trust", text(&trust), "--cache", text(cache.path())];
    shop.fails(&pull, 4, "the model fraud is not signed");
    let _ = shop.moto.boto(&restore);
    // Objects must be encrypted with a key of KMS, if the policy says so.
    let pem = std::fs::read_to_string(&trust).unwrap();
    let policy = json!({"format": "samebits-trust/1", "storage": {"encryption": "aws:kms"},
        "rules": [{"models": ["fraud"], "keys": [pem]}]});
    let strict = shop.path("strict.json");
    std::fs::write(&strict, policy.to_string()).unwrap();
    let cache_flag = ["--cache", text(cache.path())];
    let strict = ["--trust", text(&strict)];
    let output = shop.path("encrypted");
    let pull = ["pull", which.as_str(), "--output", text(&output)];
    shop.fails(&[&pull[..], &strict, &cache_flag].concat(), 4, "wants a key of AWS KMS");
    let _ = shop.moto.boto(
        "s3 = client('s3')\n\
         for o in s3.list_objects_v2(Bucket='models')['Contents']:\n    \
         s3.copy_object(Bucket='models', Key=o['Key'], CopySource={'Bucket': 'models', 'Key': o['Key']}, ServerSideEncryption='aws:kms')",
    );
    shop.succeeds(&[&pull[..], &strict, &cache_flag].concat(), "3 files as signed");
}

#[tokio::test]
async fn a_function_changes_its_model_without_a_new_start() {
    let Some(shop) = Shop::open() else { return };
    let queue = shop.moto.queue_of_events("Model Rejected");
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        shop.push(version);
    }
    shop.promote("1.0.0");
    let more = [("SAMEBITS_ALERTS", "eventbridge:default"), ("SAMEBITS_REFRESH", "off")];
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    assert_eq!(told(&emulator).await["status"], "unchanged");
    let first = shop.object("prod/fraud/aliases/champion.json");
    shop.promote("1.1.0");
    assert_eq!(answered(&emulator).await, "1.0.0");
    let status = told(&emulator).await;
    assert_eq!(
        (&status["status"], &status["serving"]["version"]),
        (&json!("changed"), &json!("1.1.0"))
    );
    assert_eq!(answered(&emulator).await, "1.1.0");

    // Whatever is wrong with the next, this one goes on.
    let share = |version: &str| Share { pin: shop.pin(version), weight: 1 };
    let kept = async |expected: &str| {
        let status = told(&emulator).await;
        assert_eq!(
            (&status["status"], &status["code"]),
            (&json!("kept"), &json!(expected)),
            "{status}"
        );
        assert_eq!(answered(&emulator).await, "1.1.0", "{expected}");
    };
    shop.put("prod/fraud/aliases/champion.json", first.as_bytes());
    kept("rolled-back").await;
    shop.put_alias("other.pem", 3, &[share("1.2.0")], DAY);
    kept("unknown-key").await;
    let stranger = Pin { package: shop.pin("1.2.0").package, version: "1.0.0".into() };
    shop.put_alias("one.pem", 3, &[Share { pin: stranger, weight: 1 }], DAY);
    kept("other-model").await;
    let nowhere = Pin { package: model_package::Digest::of(b"x"), version: "2.0.0".into() };
    shop.put_alias("one.pem", 4, &[Share { pin: nowhere, weight: 1 }], DAY);
    kept("unsigned-model").await;
    shop.put("prod/fraud/aliases/champion.json", b"{}");
    kept("malformed-signature").await;
    shop.put_alias("one.pem", 5, &[share("1.2.0")], DAY);
    assert_eq!(told(&emulator).await["serving"]["version"], "1.2.0");
    assert_eq!(answered(&emulator).await, "1.2.0");
    assert_eq!(lines_with(&emulator, "ModelRejected").len(), 5);
    assert_eq!(lines_with(&emulator, "ModelChanged").len(), 2);
    let sent = shop.moto.boto(&format!(
        "found = client('sqs').receive_message(QueueUrl={queue}, MaxNumberOfMessages=10)['Messages']\n\
         found = [json.loads(m['Body'])['detail'] for m in found]\n\
         result = [it['code'] for it in found if it['traceparent'].startswith('00-')]"
    ));
    let mut sent: Vec<String> = serde_json::from_value(sent).unwrap();
    sent.sort();
    let mut expected =
        ["rolled-back", "unknown-key", "other-model", "unsigned-model", "malformed-signature"];
    expected.sort_unstable();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn another_version_is_found_after_an_answer() {
    let Some(shop) = Shop::open() else { return };
    shop.push("1.0.0");
    shop.push("1.1.0");
    shop.promote("1.0.0");
    let more = [("SAMEBITS_REFRESH", "1")];
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    shop.promote("1.1.0");
    let began = std::time::Instant::now();
    while answered(&emulator).await != "1.1.0" {
        assert!(began.elapsed() < PATIENCE, "{:#?}", emulator.log().lines());
    }
    assert_eq!(emulator.environments(), 1);
    logged(&emulator, "ModelChanged", 1).await;
}

#[tokio::test]
async fn a_baked_model_is_used_where_it_fits_and_a_trusted_key_covers_it() {
    let Some(shop) = Shop::open() else { return };
    let (package, one) = (shop.version("1.0.0"), key_file("one.pem"));
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let push = ["push", text(&package), PLACE, "--sign", text(&one), "--bake", &target];
    shop.succeeds(&push, "objects written, 0 there already");
    let which = format!("{PLACE}@1.0.0");
    let promote = ["promote", &which, "champion", "--key", text(&one)];
    shop.succeeds(&promote, "fraud 1.0.0, baked: ");
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &[])).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    let count = |cache: &str, kind: &str| {
        std::fs::read_dir(shop.path(cache).join(kind)).map_or(0, Iterator::count)
    };
    assert_eq!((count("cache", "baked"), count("cache", "packages")), (1, 0));
    // Changed code is not mapped; the package is loaded.
    let code = shop.keys().into_iter().find(|key| key.ends_with(".cwasm")).unwrap();
    let _ = shop.moto.boto(&format!(
        "s3 = client('s3')\nb = bytearray(s3.get_object(Bucket='models', Key={code:?})['Body'].read())\n\
         b[len(b) // 2] ^= 1\ns3.put_object(Bucket='models', Key={code:?}, Body=bytes(b))"
    ));
    let emulator = emulated(shop.function(shop.moto.endpoint(), "other", &[])).await;
    assert_eq!(answered(&emulator).await, "1.0.0");
    assert_eq!((count("other", "baked"), count("other", "packages")), (0, 1));
    let lines = emulator.log().lines().join("\n");
    assert!(lines.contains("a baked model is passed over"), "{lines}");
    assert!(lines.contains("digest-mismatch"), "{lines}");
}

#[tokio::test]
async fn a_key_keeps_its_version_and_a_shadow_answers_nobody() {
    let Some(shop) = Shop::open() else { return };
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        shop.push(version);
    }
    let share = |version: &str, weight| Share { pin: shop.pin(version), weight };
    let shares = [share("1.0.0", 50), share("1.1.0", 50)];
    let now = model_store::now();
    let shadow = Some(shop.pin("1.2.0"));
    let alias = Alias::new("fraud", "champion", 1, DAY, &shares, shadow, now);
    let signed = alias.sign(&key("one.pem"), &Identity::Key).unwrap();
    shop.put("prod/fraud/aliases/champion.json", &signed);
    let more = [("SAMEBITS_STICKY", "customer_id"), ("SAMEBITS_REFRESH", "off")];
    let emulator = emulated(shop.function(shop.moto.endpoint(), "cache", &more)).await;
    let mut found = std::collections::BTreeMap::new();
    for index in 0..40 {
        let customer = format!("c-{:05}", index % 20);
        let mut instance = good();
        instance["customer_id"] = customer.as_str().into();
        let answer = invoke(&emulator, &instance.to_string()).await.unwrap();
        let version = answer["provenance"]["version"].as_str().unwrap().to_owned();
        let expected = model_store::chosen(&[50, 50], customer.as_bytes()).unwrap();
        assert_eq!(version, ["1.0.0", "1.1.0"][expected], "{customer}");
        *found.entry(version).or_insert(0) += 1;
    }
    assert_eq!(found.len(), 2, "{found:?}");
    logged(&emulator, "ShadowPredictions", 39).await;
    for line in lines_with(&emulator, "ShadowPredictions") {
        assert_eq!(
            (&line["model_version"], &line["ShadowDisagreements"]),
            (&json!("1.2.0"), &json!(0))
        );
    }
    // Each version has metrics of its own.
    let metrics = lines_with(&emulator, "Predictions");
    for (version, count) in found {
        let of = metrics.iter().filter(|line| line["model_version"] == version.as_str());
        assert_eq!(of.count(), count, "{version}");
    }
}
