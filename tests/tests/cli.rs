//! The command line as its users start it: what it prints, where, and how it ends.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use conformance::{cache_folder, component, finished, program, root};
use serde_json::Value;

/// The program in the workspace's root, with nothing of the caller's environment that it reads.
fn host_cli(arguments: &[&str]) -> Command {
    // Compiled here once, so that no test prints that it compiles.
    let _ = component();
    let mut command = Command::new(program("host-cli"));
    command.current_dir(root()).args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SAMEBITS_") {
            command.env_remove(name);
        }
    }
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command.env("SAMEBITS_CACHE", cache_folder());
    command
}

/// Standard output, standard error and exit code as one text, digests left out.
fn shown(mut command: Command) -> String {
    let (out, error, code) = finished(&mut command);
    let text = format!("{out}--- standard error\n{error}--- exit code {}\n", code.unwrap());
    without_digests(&text)
}

fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let mut shown = parts.next().unwrap().to_owned();
    for part in parts {
        shown += "sha256:…";
        shown += part.get(64..).unwrap();
    }
    shown
}

fn with_input(arguments: &[&str], input: &str) -> (String, String, Option<i32>) {
    let mut command = host_cli(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// Snapshots of what people see. `INSTA_UPDATE=always cargo test` writes them anew.
macro_rules! check_shown {
    ($($name:ident: $arguments:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), shown(host_cli(&$arguments)));
        })*
    };
}

check_shown! {
    help: ["--help"];
    help_of_predict: ["predict", "--help"];
    help_of_bake: ["bake", "--help"];
    predict_ordinary: ["predict", "models/fraud/examples/ordinary.json"];
    predict_suspicious: ["predict", "models/fraud/examples/suspicious.json"];
    predict_batch_as_lines: ["predict", "--format", "jsonl", "models/fraud/examples/batch.json"];
    predict_batch_as_table: ["predict", "--format", "table", "models/fraud/examples/batch.json"];
    predict_bad: ["predict", "models/fraud/examples/bad.json"];
    predict_without_a_file: ["predict", "nothing.json"];
    predict_a_folder: ["predict", "models"];
    predict_with_an_unknown_model: ["predict", "--model", "froud", "models/fraud/examples/ordinary.json"];
    predict_with_a_folder_that_is_no_package: ["predict", "--model", "docs", "models/fraud/examples/ordinary.json"];
    predict_with_a_file_that_is_no_package: ["predict", "--model", "README.md", "models/fraud/examples/ordinary.json"];
    inspect_fraud: ["inspect", "fraud"];
    models: ["models"];
    verify_fraud: ["verify", "models/fraud"];
    predict_with_too_much_work: ["predict", "--operations", "1000", "--model", "models/fraud", "models/fraud/examples/ordinary.json"];
    predict_with_an_unknown_policy: ["predict", "--sandbox", "old", "models/fraud/examples/ordinary.json"];
    bake_for_an_unknown_target: ["bake", "fraud", "--target", "riscv64gc-unknown-linux-gnu"];
    usage: ["predict"];
    unknown_command: ["predikt"];
}

#[test]
fn every_example_works_without_a_flag() {
    for model in std::fs::read_dir(root().join("models")).unwrap() {
        let examples = model.unwrap().path().join("examples");
        if !examples.is_dir() {
            // What the training scripts share.
            continue;
        }
        for example in std::fs::read_dir(&examples).unwrap() {
            let path = example.unwrap().path();
            let (out, error, code) = finished(&mut host_cli(&["predict", path.to_str().unwrap()]));
            let bad = path.file_stem().unwrap() == "bad";
            assert_eq!(code, Some(if bad { 3 } else { 0 }), "{}: {error}", path.display());
            assert_eq!(out.is_empty(), bad, "{}", path.display());
        }
    }
}

#[test]
fn an_array_has_an_error_at_the_place_of_what_is_bad() {
    let read = |name: &str| {
        std::fs::read_to_string(root().join("models/fraud/examples").join(name)).unwrap()
    };
    let input =
        format!("[{}, {}, {}]", read("ordinary.json"), read("bad.json"), read("suspicious.json"));
    let (out, error, code) = with_input(&["predict", "--model", "fraud", "-"], &input);
    assert_eq!(code, Some(3));
    let answers: Value = serde_json::from_str(&out).unwrap();
    let at = |pointer: &str| answers.pointer(pointer).unwrap().as_str().unwrap();
    assert_eq!((at("/0/action"), at("/2/action")), ("allow", "block"));
    assert_eq!((at("/1/error/class"), at("/1/error/code")), ("invalid-input", "wrong-type"));
    assert_eq!(at("/1/error/field"), "amount");
    assert!(error.starts_with("error: standard input: [1] amount: expected a number"), "{error}");
}

#[test]
fn the_json_is_the_components_own_but_for_the_provenance() {
    let (out, _, code) =
        finished(&mut host_cli(&["predict", "models/fraud/examples/ordinary.json"]));
    assert_eq!(code, Some(0));
    let answer: Value = serde_json::from_str(&out).unwrap();
    let keys: Vec<_> = out
        .lines()
        .filter_map(|line| line.strip_prefix("  \""))
        .map(|line| line.split('"').next().unwrap())
        .collect();
    assert_eq!(keys, ["transaction_id", "fraud_score", "label", "action", "provenance"]);
    let digest = component().digest().to_string();
    assert_eq!(answer["provenance"]["component"], digest.as_str());
}

#[test]
fn standard_input_that_is_no_instance_is_refused() {
    let check = |input: &str, part: &str| {
        let (out, error, code) = with_input(&["predict", "--model", "fraud", "-"], input);
        assert_eq!((out.as_str(), code), ("", Some(3)), "{part}: {error}");
        assert!(error.contains(part) && error.len() < 500, "{part}: {error}");
    };
    check("", "not valid JSON");
    check("{", "not valid JSON");
    check("{} {}", "trailing characters");
    check("[1,", "not valid JSON");
    check("NaN", "not valid JSON");
    check("7", "expected a JSON object");
    check(r#"{"amount": 1, "amount": 2}"#, "twice");
    check(
        r#"{"instances": {"amount": 1}}"#,
        "instances: expected a list of instances, found an object; send one",
    );
    check(
        r#"{"instances": [{"amount": 1}]}"#,
        "instances: a list with a key, which is not read here; send one",
    );
    check(
        r#"{"instance": {"amount": 1}}"#,
        "instance: a key around an instance, which is not read; send one",
    );
    check(&"[".repeat(100_000), "EOF");
    check(&format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)), "recursion limit");
}

#[test]
fn a_baked_model_is_used_as_a_package_is() {
    let folder = tempfile::tempdir().unwrap();
    let baked = folder.path().join("fraud.baked");
    let baked = baked.to_str().unwrap();
    let (out, error, code) = finished(&mut host_cli(&["bake", "fraud", "--output", baked]));
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("compiling for") && error.contains("compiled for"), "{error}");
    let record = conformance::baked().record();
    for part in [&record.package, &record.component, &record.baked] {
        assert!(out.contains(&part.to_string()), "{part} is not in {out}");
    }
    for example in ["ordinary.json", "batch.json"] {
        let example = format!("models/fraud/examples/{example}");
        let (expected, ..) = finished(&mut host_cli(&["predict", "--model", "fraud", &example]));
        for policy in ["fresh", "reuse", "reuse:2"] {
            let arguments = ["predict", "--model", baked, "--sandbox", policy, &example];
            let (found, error, code) = finished(&mut host_cli(&arguments));
            assert_eq!(
                (found, error, code),
                (expected.clone(), String::new(), Some(0)),
                "{policy}"
            );
        }
    }
    let (out, error, code) = finished(&mut host_cli(&["verify", baked]));
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("every bit as expected"), "{out}");
    let (expected, ..) = finished(&mut host_cli(&["inspect", "fraud"]));
    let (found, ..) = finished(&mut host_cli(&["inspect", baked]));
    assert_eq!(found, expected);
    let (_, error, code) = finished(&mut host_cli(&["bake", baked]));
    assert_eq!(code, Some(4), "{error}");
    assert!(error.contains("is baked; give the package"), "{error}");
}

#[test]
fn the_component_can_be_taken_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("predictor.wasm");
    let (out, error, code) =
        finished(&mut host_cli(&["component", "--output", file.to_str().unwrap()]));
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), conformance::component_bytes());
    assert!(out.contains(&component().digest().to_string()), "{out}");
    assert!(out.contains("imports  none\n"), "{out}");
    let (version, ..) = finished(&mut host_cli(&["--version"]));
    assert!(version.contains(&component().digest().to_string()), "{version}");
}

#[test]
fn the_first_use_compiles_and_says_so_and_a_damaged_cache_heals() {
    let folder = tempfile::tempdir().unwrap();
    let predict = || {
        let mut command = host_cli(&["predict", "models/fraud/examples/ordinary.json"]);
        finished(command.env("SAMEBITS_CACHE", folder.path().join("new/folder")))
    };
    let (first, error, code) = predict();
    assert_eq!(code, Some(0), "{error}");
    assert!(error.contains("compiling the component"), "{error}");
    let (second, error, _) = predict();
    assert_eq!((second.as_str(), error.as_str()), (first.as_str(), ""), "the second use is silent");

    let compiled = compiled_file(&folder.path().join("new/folder"));
    let mut code_bytes = std::fs::read(&compiled).unwrap();
    let middle = code_bytes.len() / 2;
    *code_bytes.get_mut(middle).unwrap() ^= 1;
    // Renamed into place, as the old file may still be mapped.
    let damaged = compiled.with_extension("damaged");
    std::fs::write(&damaged, code_bytes).unwrap();
    std::fs::rename(damaged, &compiled).unwrap();
    let (third, error, code) = predict();
    assert_eq!((third, code), (first, Some(0)), "{error}");
    assert!(error.contains("compiling the component"), "one changed bit is noticed: {error}");
}

fn compiled_file(folder: &Path) -> std::path::PathBuf {
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "cwasm")).unwrap()
}

#[test]
fn an_archive_is_the_same_package() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fraud.tar");
    let archive = std::fs::File::create(&path).unwrap();
    model_package::store::write_archive(conformance::fraud(), archive).unwrap();
    let example = "models/fraud/examples/suspicious.json";
    let from_folder = finished(&mut host_cli(&["predict", "--model", "models/fraud", example]));
    let from_archive =
        finished(&mut host_cli(&["predict", "--model", path.to_str().unwrap(), example]));
    assert_eq!(from_archive, from_folder);
}

#[test]
fn sealing_a_sealed_package_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for file in conformance::fraud() {
        std::fs::write(folder.path().join(file.path), file.content).unwrap();
    }
    let (_, error, code) = finished(&mut host_cli(&["seal", folder.path().to_str().unwrap()]));
    assert_eq!(code, Some(0), "{error}");
    for file in conformance::fraud() {
        assert!(
            std::fs::read(folder.path().join(&file.path)).unwrap() == file.content,
            "{}",
            file.path
        );
    }
}

#[test]
fn verify_fails_on_a_wrong_bit() {
    let folder = tempfile::tempdir().unwrap();
    let files = conformance::with_file(conformance::fraud(), "reference-cases.json", |content| {
        let mut cases: Value = serde_json::from_slice(content).unwrap();
        cases["cases"][0]["expected"]["score"] = Value::from("3f800000");
        *content = serde_json::to_vec(&cases).unwrap();
    });
    for file in files {
        std::fs::write(folder.path().join(file.path), file.content).unwrap();
    }
    let (out, _, code) = finished(&mut host_cli(&["verify", folder.path().to_str().unwrap()]));
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("score: expected 3f800000, found "), "{out}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut command =
        host_cli(&["predict", "--format", "jsonl", "models/fraud/examples/batch.json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn colours_follow_the_environment() {
    let bad = ["predict", "models/fraud/examples/bad.json"];
    let (_, plain, _) = finished(host_cli(&bad).env("NO_COLOR", "1"));
    assert!(plain.starts_with("error: "), "{plain}");
    let (_, forced, _) = finished(host_cli(&bad).env("CLICOLOR_FORCE", "1"));
    assert!(forced.starts_with("\u{1b}[1m\u{1b}[31merror:"), "{forced:?}");
}

#[test]
fn completions_name_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let (script, error, code) = finished(&mut host_cli(&["completions", shell]));
        assert_eq!((error.as_str(), code), ("", Some(0)));
        assert!(script.contains("predict") && script.contains("inspect"), "{shell}");
    }
}

#[test]
fn too_little_memory_is_an_error_with_a_name() {
    let (_, error, code) = finished(&mut host_cli(&[
        "predict",
        "--memory",
        "4",
        "models/fraud/examples/ordinary.json",
    ]));
    assert_eq!(code, Some(5), "{error}");
    assert!(error.contains("more than its 4194304 bytes of memory"), "{error}");
}
