//! What the interface promises, through the real component in wasmtime.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use conformance::{component, fraud, load, packages, with_file, with_manifest};
use model_package::{Limits, MANIFEST, PackageFile, store};
use predictor_host::{
    Class, ElementType, HostError, Instance, Policy, Predictor, SandboxLimits, Tensor, reference,
};
use serde_json::{Value, json};

/// An ordinary transaction with some fields changed; `null` stays in, `"-"` takes a field out.
fn transaction(changes: Value) -> Instance {
    let path = conformance::root().join("models/fraud/examples/ordinary.json");
    let mut instance: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (key, value) in changes.as_object().unwrap() {
        if value == "-" {
            instance.as_object_mut().unwrap().remove(key);
        } else {
            instance[key] = value.clone();
        }
    }
    Instance::Json(instance.to_string())
}

#[test]
fn it_imports_nothing_and_exports_the_model() {
    let names = component().names();
    assert_eq!(names.imports, Vec::<String>::new());
    let exports = ["samebits:predictor/model@0.1.0", "samebits:predictor/layout@0.1.0"];
    assert_eq!(names.exports, exports);
}

/// The component's own bytes, not an engine's view of them: no section of imports (id 10 in the
/// binary format of components) at the top level.
#[test]
fn its_binary_has_no_import_section() {
    let bytes = conformance::component_bytes();
    let (header, mut rest) = bytes.split_at(8);
    assert_eq!(header, b"\0asm\x0d\0\x01\0", "a component of the current binary format");
    let mut ids = Vec::new();
    while let Some((id, tail)) = rest.split_first() {
        ids.push(*id);
        let (length, tail) = leb128(tail);
        rest = tail.get(length..).unwrap();
    }
    assert!(ids.contains(&11), "an export section: {ids:?}");
    assert!(!ids.contains(&10), "no import section: {ids:?}");
}

fn leb128(mut bytes: &[u8]) -> (usize, &[u8]) {
    let (mut value, mut shift) = (0, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    (value, bytes)
}

#[test]
fn every_package_gives_its_reference_bits() {
    for path in packages() {
        let predictor = load(store::read(&path, &Limits::DEFAULT).unwrap()).unwrap();
        let cases = reference::cases(&predictor).unwrap().cases;
        assert!(cases.len() >= 10, "{} has {} cases", path.display(), cases.len());
        let answers = reference::answer(&predictor, &cases).unwrap();
        let differences = reference::differences(&cases, &answers);
        assert_eq!(differences, [], "{}", path.display());
    }
}

#[test]
fn one_wrong_bit_is_a_difference() {
    let files = with_file(fraud(), "reference-cases.json", |content| {
        let mut cases: Value = serde_json::from_slice(content).unwrap();
        cases["cases"][0]["expected"]["score"] = json!("00000000");
        *content = serde_json::to_vec(&cases).unwrap();
    });
    let predictor = load(files).unwrap();
    let cases = reference::cases(&predictor).unwrap().cases;
    let answers = reference::answer(&predictor, &cases).unwrap();
    let differences = reference::differences(&cases, &answers);
    let found: Vec<_> =
        differences.iter().map(|found| (found.what.as_str(), found.expected.as_str())).collect();
    assert_eq!(found, [("score", "00000000")]);
}

/// As a library the core runs tract's kernels for this processor, whose last bits differ from those
/// of WebAssembly. Everything else is the same code.
#[test]
fn the_core_as_a_native_library_agrees_to_a_millionth() {
    let predictor = load(fraud()).unwrap();
    let native = inference_core::Model::load(fraud()).unwrap();
    for case in reference::cases(&predictor).unwrap().cases {
        let text = Value::Object(case.input).to_string();
        let sandboxed =
            predictor.predict(&[Instance::Json(text.clone())]).unwrap().remove(0).unwrap();
        let native =
            native.predict(&[inference_core::Instance::Json(text)]).unwrap().remove(0).unwrap();
        assert_eq!(
            (sandboxed.label, sandboxed.action),
            (native.label, native.action),
            "{}",
            case.name
        );
        let distance = (sandboxed.score.unwrap() - native.score.unwrap()).abs();
        assert!(distance <= 1e-6, "{}: {distance}", case.name);
    }
}

#[test]
fn onnx_runtime_agrees_to_a_millionth() {
    let path = conformance::root().join("models/fraud/evaluation/onnxruntime.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 1000, "{} transactions", lines.len());
    let instances: Vec<_> =
        lines.iter().map(|line| Instance::Json(line["input"].to_string())).collect();
    let outcomes = load(fraud()).unwrap().predict(&instances).unwrap();
    for (line, outcome) in lines.iter().zip(outcomes) {
        let expected = line["fraud_probability"].as_f64().unwrap();
        let found = f64::from(outcome.unwrap().score.unwrap());
        assert!((found - expected).abs() <= 1e-6, "{}: {found} and {expected}", line["input"]);
    }
}

#[test]
fn an_instance_has_the_same_bits_in_every_batch() {
    let predictor = load(fraud()).unwrap();
    let path = conformance::root().join("models/fraud/evaluation/onnxruntime.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let instances: Vec<_> = text
        .lines()
        .take(257)
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            Instance::Json(line["input"].to_string())
        })
        .collect();
    let alone: Vec<_> = instances
        .iter()
        .map(|one| predictor.predict(std::slice::from_ref(one)).unwrap().remove(0).unwrap().json)
        .collect();
    for size in [2, 3, 7, 64, 257] {
        let mut together = Vec::new();
        for batch in instances.chunks(size) {
            let outcomes = predictor.predict(batch).unwrap();
            together.extend(outcomes.into_iter().map(|outcome| outcome.unwrap().json));
        }
        assert!(together == alone, "batches of {size}");
    }
}

#[test]
fn one_bad_instance_spoils_no_other() {
    let predictor = load(fraud()).unwrap();
    let good = transaction(json!({}));
    let expected = predictor.predict(std::slice::from_ref(&good)).unwrap().remove(0).unwrap().json;
    let batch = [
        good.clone(),
        transaction(json!({"amount": "1"})),
        good.clone(),
        Instance::Text("x".into()),
        good,
    ];
    let found: Vec<_> = predictor
        .predict(&batch)
        .unwrap()
        .into_iter()
        .map(|outcome| outcome.map(|p| p.json).map_err(|error| error.class()))
        .collect();
    let (input, kind) = (Err(Class::InvalidInput), Err(Class::UnsupportedInput));
    assert_eq!(found, [Ok(expected.clone()), input, Ok(expected.clone()), kind, Ok(expected)]);
}

/// What an instance is refused for: class, code, and a part of the message.
fn check_refused(predictor: &Predictor, instance: Instance, expected: (Class, &str, &str)) {
    let error = predictor.predict(&[instance]).unwrap().remove(0).unwrap_err();
    let (class, code, part) = expected;
    assert_eq!((error.class(), error.code()), (class, code), "{error}");
    assert!(error.to_string().contains(part), "{error}");
    assert!(error.to_string().len() < 2000, "a message fits a screen");
}

#[test]
fn hostile_instances_are_refused_one_by_one() {
    use Class::{InvalidInput, TooLarge, UnsupportedInput};
    let predictor = load(fraud()).unwrap();
    let p = &predictor;
    let raw = |text: &str| Instance::Json(text.to_owned());
    check_refused(p, raw(""), (InvalidInput, "invalid-json", "EOF"));
    check_refused(p, raw("NaN"), (InvalidInput, "invalid-json", "expected"));
    check_refused(p, raw(r#"{"amount": Infinity}"#), (InvalidInput, "invalid-json", "expected"));
    check_refused(p, raw(r#"{"amount": 1e999}"#), (InvalidInput, "invalid-json", "out of range"));
    check_refused(p, raw(&"[".repeat(100_000)), (InvalidInput, "invalid-json", "recursion"));
    check_refused(
        p,
        raw(&format!("{{\"a\":{}", "[".repeat(500_000))),
        (InvalidInput, "invalid-json", "recursion"),
    );
    check_refused(p, raw(r#"{"amount": 1, "amount": 2}"#), (InvalidInput, "invalid-json", "twice"));
    check_refused(p, raw("[]"), (InvalidInput, "not-an-object", "an array"));
    let long = "x".repeat(100 << 20);
    check_refused(
        p,
        transaction(json!({"customer_id": long})),
        (TooLarge, "instance-too-large", "at most"),
    );
    let long = "x".repeat(65);
    check_refused(
        p,
        transaction(json!({"customer_id": long})),
        (InvalidInput, "too-long", "65 bytes"),
    );
    check_refused(
        p,
        transaction(json!({"amount": "-"})),
        (InvalidInput, "missing-field", "amount"),
    );
    check_refused(
        p,
        transaction(json!({"amount": "1"})),
        (InvalidInput, "wrong-type", "from 0 to"),
    );
    check_refused(p, transaction(json!({"amount": -1})), (InvalidInput, "out-of-range", "-1"));
    check_refused(
        p,
        transaction(json!({"ammount": 1})),
        (InvalidInput, "unknown-field", "did you mean \"amount\""),
    );
    check_refused(
        p,
        transaction(json!({"channel": "fax"})),
        (InvalidInput, "invalid-value", "chip"),
    );
    check_refused(
        p,
        transaction(json!({"timestamp": "now"})),
        (InvalidInput, "invalid-value", "RFC 3339"),
    );
    check_refused(
        p,
        transaction(json!({"account_age_days": 1.5})),
        (InvalidInput, "invalid-value", "whole"),
    );
    check_refused(
        p,
        Instance::Image(vec![0; 10]),
        (UnsupportedInput, "unsupported-input", "JSON object"),
    );
    // And after all of this it still answers.
    p.predict(&[transaction(json!({}))]).unwrap().remove(0).unwrap();
}

#[test]
fn too_many_instances_are_refused_as_a_call() {
    let predictor = load(fraud()).unwrap();
    let batch = vec![Instance::Json("{}".into()); Limits::DEFAULT.instances + 1];
    let error = predictor.predict(&batch).unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::TooLarge, "too-many-instances"));
}

/// What a package is refused for: class, code, the file and the field.
fn check_package(files: Vec<PackageFile>, expected: (Class, &str, Option<&str>, Option<&str>)) {
    let error = load(files).unwrap_err();
    let found = (error.class(), error.code(), error.file(), error.field());
    assert_eq!(found, expected, "{error}");
    assert!(error.to_string().len() < 2000, "a message fits a screen: {error}");
}

#[test]
fn hostile_packages_are_refused() {
    use Class::InvalidModel;
    let manifest = Some(MANIFEST);
    let onnx = "model.onnx";
    let without = |path: &str| fraud().into_iter().filter(|file| file.path != path).collect();
    check_package(Vec::new(), (InvalidModel, "missing-file", manifest, None));
    check_package(without(onnx), (InvalidModel, "missing-file", Some(onnx), None));
    let mut extra = fraud();
    extra.push(PackageFile { path: "extra.bin".into(), content: vec![1] });
    check_package(extra, (InvalidModel, "unlisted-file", Some("extra.bin"), None));
    let mut twice = fraud();
    twice.extend(fraud());
    check_package(twice, (InvalidModel, "duplicate-file", manifest, None));
    let mut outside = fraud();
    outside.push(PackageFile { path: "../evil".into(), content: vec![1] });
    check_package(outside, (InvalidModel, "invalid-path", Some("../evil"), None));
    let mut damaged = fraud();
    for file in damaged.iter_mut().filter(|file| file.path == onnx) {
        *file.content.last_mut().unwrap() ^= 1;
    }
    check_package(damaged, (InvalidModel, "digest-mismatch", Some(onnx), None));

    let changed =
        |key: &str, value: Value| with_manifest(fraud(), |m| *m.pointer_mut(key).unwrap() = value);
    check_package(
        changed("/format", json!("samebits/9")),
        (InvalidModel, "unknown-format", manifest, Some("format")),
    );
    check_package(
        changed("/version", json!(1)),
        (InvalidModel, "invalid-manifest", manifest, Some("version")),
    );
    check_package(
        changed("/files/0/size", json!(1_u64 << 40)),
        (InvalidModel, "file-too-large", Some(onnx), None),
    );
    check_package(
        changed("/files/0/size", json!(12)),
        (InvalidModel, "size-mismatch", Some(onnx), None),
    );
    check_package(
        changed("/graph/inputs/0/name", json!("nothing")),
        (InvalidModel, "graph-mismatch", manifest, Some("graph.inputs[0].name")),
    );
    check_package(
        with_manifest(fraud(), |m| m["surprise"] = json!(1)),
        (InvalidModel, "invalid-manifest", manifest, Some("surprise")),
    );
}

#[test]
fn truncated_graphs_are_refused_wherever_they_end() {
    let length = fraud().iter().find(|file| file.path == "model.onnx").unwrap().content.len();
    for end in [0, 1, 2, 17, 1000, length / 2, length - 1] {
        let files = with_file(fraud(), "model.onnx", |content| content.truncate(end));
        let error = load(files).unwrap_err();
        let class = error.class();
        assert!(matches!(class, Class::InvalidModel | Class::UnsupportedModel), "{end}: {error}");
        assert_eq!(error.file(), Some("model.onnx"), "{end}: {error}");
    }
}

#[test]
fn infer_takes_tensors_as_the_graph_declares_them() {
    let predictor = load(fraud()).unwrap();
    let shape = &predictor.description().inputs.first().unwrap().shape;
    let width: u64 = shape.last().unwrap().parse().unwrap();
    let rows = |shape: Vec<u64>, bytes: usize, element_type| Tensor {
        name: "features".into(),
        element_type,
        shape,
        data: vec![0; bytes],
    };
    let bytes = usize::try_from(width).unwrap() * 4;
    let f32 = ElementType::Float32;
    let outputs = predictor.infer(&[rows(vec![2, width], 2 * bytes, f32)]).unwrap();
    let shapes: Vec<_> = outputs.iter().map(|o| (o.name.as_str(), o.shape.as_slice())).collect();
    assert_eq!(shapes, [("probabilities", &[2, 2][..]), ("label", &[2][..])]);

    let check = |tensors: Vec<Tensor>, code: &str| {
        let error = predictor.infer(&tensors).unwrap_err();
        assert_eq!((error.class(), error.code()), (Class::InvalidInput, code), "{error}");
    };
    let good = || rows(vec![1, width], bytes, f32);
    check(vec![], "missing-tensor");
    check(vec![good(), Tensor { name: "more".into(), ..good() }], "unknown-tensor");
    check(vec![rows(vec![1, width], bytes, ElementType::Int32)], "wrong-type");
    check(vec![rows(vec![1, width + 1], bytes, f32)], "wrong-shape");
    check(vec![rows(vec![1, width], bytes - 1, f32)], "wrong-size");
    check(vec![rows(vec![u64::MAX, width], bytes, f32)], "wrong-size");
}

#[test]
fn a_sandbox_without_enough_memory_is_replaced() {
    let limits = SandboxLimits::DEFAULT.with_memory_bytes(4 << 20);
    let error = Predictor::load(component(), fraud(), limits, Policy::REUSE).unwrap_err();
    assert!(matches!(error, HostError::Memory { .. }), "{error}");
    assert_eq!((error.class(), error.code()), (Class::SandboxFailed, "out-of-memory"));

    let limits = SandboxLimits::DEFAULT.with_memory_bytes(96 << 20);
    let predictor = Predictor::load(component(), fraud(), limits, Policy::REUSE).unwrap();
    let good = transaction(json!({}));
    let before = predictor.predict(std::slice::from_ref(&good)).unwrap().remove(0).unwrap();
    let huge = Instance::Text("x".repeat(100 << 20));
    let error = predictor.predict(&[huge]).unwrap_err();
    assert!(matches!(error, HostError::Memory { .. }), "{error}");
    let after = predictor.predict(&[good]).unwrap().remove(0).unwrap();
    assert_eq!(before, after, "the next call is answered as if nothing had happened");
}
