//! Texts: tokens as the `tokenizers` wheel gives them, and the answers of the text tasks.

use inference_core::{Error, Instance, Model, Prediction};
use serde::Deserialize;
use serde_json::{Value, json};
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::support::onnx::{encode, floats, input, int, integers, model as graph, node, with};
use crate::support::package::{answer, load, output};

#[derive(Deserialize)]
struct Case {
    tokenizer: String,
    text: String,
    pair: Option<String>,
    max_tokens: u32,
    ids: Vec<i64>,
    types: Vec<i64>,
    special: Vec<i64>,
    places: Vec<(u64, u64)>,
    cut: usize,
}

fn tokenizer(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tokenizers");
    std::fs::read(format!("{folder}/{name}.json")).unwrap()
}

/// Gives its inputs back, and for each token the logits (0, 1).
fn echo(length: &str) -> ModelProto {
    let numbers = |name: &str| input(name, DataType::Int64, &["N", length]);
    let cast =
        with(node("Cast", &["input_ids"], &["numbers"]), [int("to", DataType::Float as i64)]);
    graph(
        vec![
            node("Identity", &["input_ids"], &["ids"]),
            node("Identity", &["attention_mask"], &["mask"]),
            node("Identity", &["token_type_ids"], &["types"]),
            cast,
            node("Unsqueeze", &["numbers", "last"], &["columns"]),
            node("Mul", &["columns", "nothing"], &["zeros"]),
            node("Add", &["zeros", "label"], &["logits"]),
        ],
        vec![numbers("input_ids"), numbers("attention_mask"), numbers("token_type_ids")],
        &["logits", "columns", "ids", "mask", "types"],
        vec![
            integers("last", &[1], &[2]),
            floats("nothing", &[1, 1, 2], &[0.0, 0.0]),
            floats("label", &[1, 1, 2], &[0.0, 1.0]),
        ],
    )
}

fn manifest(task: &str, text: Value, output: Value) -> Value {
    json!({
        "format": "samebits/1",
        "name": "example",
        "version": "1.0.0",
        "task": task,
        "license": "Apache-2.0",
        "files": [],
        "input": { "text": text },
        "graph": { "inputs": [
            { "name": "input_ids", "from": "input-ids" },
            { "name": "attention_mask", "from": "attention-mask" },
            { "name": "token_type_ids", "from": "token-type-ids" },
        ]},
        "output": output,
    })
}

fn open(manifest: Value, graph: &ModelProto, name: &str) -> Result<Model, Error> {
    let files =
        [("model.onnx", "graph", encode(graph)), ("tokenizer.json", "tokenizer", tokenizer(name))];
    load(manifest, &files)
}

/// A model that calls each token an entity.
fn tagger(name: &str, text: Value, length: &str) -> Result<Model, Error> {
    let output = json!({
        "labels": ["O", "X"], "probabilities": "logits", "activation": "softmax",
        "aggregation": "none",
    });
    open(manifest("token-classification", text, output), &echo(length), name)
}

fn integers_of(prediction: &Prediction, name: &str) -> Vec<i64> {
    let data = &output(prediction, name).data;
    data.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
}

fn instance(text: &str, pair: Option<&str>) -> Instance {
    match pair {
        Some(pair) => Instance::Json(json!({ "text": text, "text_pair": pair }).to_string()),
        None => Instance::Text(text.into()),
    }
}

#[test]
fn tokens_are_those_of_the_wheel() {
    let cases = include_bytes!("tokenizers/cases.json");
    let cases: Vec<Case> = serde_json::from_slice(cases).unwrap();
    assert!(cases.len() > 100);
    let mut models = std::collections::BTreeMap::new();
    for case in cases {
        let Case { tokenizer, text, pair, max_tokens, .. } = &case;
        let key = (tokenizer.clone(), *max_tokens, pair.is_some());
        let spec = json!({ "max_tokens": max_tokens, "pair": pair.is_some() });
        let model = models.entry(key).or_insert_with(|| tagger(tokenizer, spec, "tokens").unwrap());
        let what = format!("{tokenizer}: {text:?} {pair:?} in {max_tokens}");
        let answer = answer(model, instance(text, pair.as_deref()));
        if case.ids.is_empty() {
            assert_eq!(answer.unwrap_err().code, "empty-text", "{what}");
            continue;
        }
        let answer = answer.unwrap();
        assert_eq!(integers_of(&answer, "ids"), case.ids, "{what}");
        assert_eq!(integers_of(&answer, "types"), case.types, "{what}");
        assert_eq!(integers_of(&answer, "mask"), vec![1; case.ids.len()], "{what}");
        let json: Value = serde_json::from_str(&answer.json).unwrap();
        let entities = json["entities"].as_array().unwrap();
        let place =
            |entity: &Value| (entity["start"].as_u64().unwrap(), entity["end"].as_u64().unwrap());
        let places: Vec<_> = entities.iter().map(place).collect();
        let plain = case.places.iter().zip(&case.special).filter(|(_, special)| **special == 0);
        assert_eq!(places, plain.map(|(place, _)| *place).collect::<Vec<_>>(), "{what}");
        assert_eq!(answer.warnings.len(), usize::from(case.cut > 0), "{what}");
        if let Some(warning) = answer.warnings.first() {
            assert!(warning.contains(&format!("{} at its end were not", case.cut)), "{warning}");
        }
    }
}

#[test]
fn a_graph_of_one_length_is_filled_up() {
    let model = tagger("bert", json!({ "max_tokens": 64, "pad_id": 7 }), "6").unwrap();
    let prediction = answer(&model, instance("the fox", None)).unwrap();
    let (ids, mask) = (integers_of(&prediction, "ids"), integers_of(&prediction, "mask"));
    let used = mask.iter().filter(|used| **used == 1).count();
    assert_eq!((ids.len(), mask.len()), (6, 6));
    assert!(ids[used..].iter().all(|id| *id == 7), "{ids:?}");
    // What fills up is no entity, and what does not fit is cut with a warning.
    let json: Value = serde_json::from_str(&prediction.json).unwrap();
    assert_eq!(json["entities"].as_array().unwrap().len(), used - 2);
    let prediction = answer(&model, instance(&"the fox ".repeat(9), None)).unwrap();
    assert_eq!(integers_of(&prediction, "ids").len(), 6);
    assert!(prediction.warnings[0].starts_with("the text is too long: the first 4 tokens"));
}

#[test]
fn an_answer_does_not_depend_on_its_batch() {
    let model = tagger("bert", json!({ "max_tokens": 64 }), "tokens").unwrap();
    let texts = ["the fox", "", "it is not bad at all", "a"].map(|text| instance(text, None));
    let together: Vec<_> = model.predict(&texts).unwrap().into_iter().map(Result::unwrap).collect();
    for (text, together) in texts.into_iter().zip(together) {
        assert_eq!(answer(&model, text).unwrap(), together);
    }
}

#[test]
fn embeddings() {
    let embed = |output: &str, pooling: &str, normalize: bool, length: &str| {
        let embedding = json!({ "output": output, "pooling": pooling, "normalize": normalize });
        let spec = json!({ "max_tokens": 64, "pad_id": 9 });
        let manifest = manifest("text-embedding", spec, json!({ "embedding": embedding }));
        let model = open(manifest, &echo(length), "words").unwrap();
        let prediction = answer(&model, instance("fox dog", None)).unwrap();
        assert_eq!((prediction.label, prediction.score), (None, None));
        prediction.json
    };
    let model = tagger("words", json!({ "max_tokens": 8 }), "tokens").unwrap();
    let ids = integers_of(&answer(&model, instance("fox dog", None)).unwrap(), "ids");
    let [fox, dog] = [ids[0] as f64, ids[1] as f64];
    assert_eq!(
        embed("columns", "mean", false, "tokens"),
        format!(r#"{{"embedding":[{:?}]}}"#, (fox + dog) / 2.0)
    );
    // What fills up does not count.
    assert_eq!(embed("columns", "mean", false, "5"), embed("columns", "mean", false, "tokens"));
    assert_eq!(embed("columns", "cls", false, "tokens"), format!(r#"{{"embedding":[{fox:?}]}}"#));
    assert_eq!(embed("columns", "cls", true, "tokens"), r#"{"embedding":[1.0]}"#);
    let length = (fox * fox + dog * dog).sqrt();
    let [x, y] = [(fox / length) as f32, (dog / length) as f32];
    let expected = format!(r#"{{"embedding":[{x:?},{y:?}]}}"#);
    assert_eq!(embed("columns", "none", true, "tokens"), expected);
}

/// The logits of a text are the numbers of its first two tokens.
fn classifier(output: Value) -> Model {
    let cast =
        with(node("Cast", &["input_ids"], &["numbers"]), [int("to", DataType::Float as i64)]);
    let numbers = |name: &str| input(name, DataType::Int64, &["N", "tokens"]);
    let graph = graph(
        vec![
            cast,
            node("Gather", &["numbers", "places"], &["all"]),
            node("Mul", &["all", "scale"], &["logits"]),
        ]
        .into_iter()
        .map(|node| if node.op_type == "Gather" { with(node, [int("axis", 1)]) } else { node })
        .collect(),
        vec![numbers("input_ids")],
        &["logits"],
        vec![integers("places", &[2], &[0, 1]), floats("scale", &[1], &[0.0625])],
    );
    let mut manifest = manifest("text-classification", json!({ "max_tokens": 64 }), output);
    manifest["graph"]["inputs"].as_array_mut().unwrap().truncate(1);
    open(manifest, &graph, "words").unwrap()
}

#[test]
fn classifications() {
    let plain = classifier(json!({ "labels": ["a", "b"], "probabilities": "logits" }));
    let json: Value =
        serde_json::from_str(&answer(&plain, instance("fox dog", None)).unwrap().json).unwrap();
    let [x, y] = ["a", "b"].map(|label| json["probabilities"][label].as_f64().unwrap());
    let check = |mut extra: Value, expected: Value| {
        extra["labels"] = json!(["a", "b"]);
        extra["probabilities"] = json!("logits");
        let prediction = answer(&classifier(extra), instance("fox dog", None)).unwrap();
        let found: Value = serde_json::from_str(&prediction.json).unwrap();
        assert_eq!(found, expected);
    };
    // As JSON shows a binary32.
    let shown = |value: f64| json!((value as f32).to_string().parse::<f64>().unwrap());
    let (high, low) = (x.max(y), x.min(y));
    let (winner, loser) = if x >= y { ("a", "b") } else { ("b", "a") };
    let softmax = 1.0 / (1.0 + (low - high).exp());
    check(
        json!({ "activation": "softmax", "top": 1 }),
        json!({ "score": shown(softmax), "label": winner, "probabilities": { winner: shown(softmax) } }),
    );
    let neutral = json!({ "label": "unsure", "below": 1.0 });
    check(
        json!({ "activation": "softmax", "top": 1, "neutral": neutral }),
        json!({ "score": shown(softmax), "label": "unsure", "probabilities": { winner: shown(softmax) } }),
    );
    let sigmoid = |value: f64| 1.0 / (1.0 + (-value).exp());
    check(
        json!({ "activation": "sigmoid", "each_above": (sigmoid(high) + sigmoid(low)) / 2.0 }),
        json!({
            "score": shown(sigmoid(high)), "label": winner, "labels": [winner],
            "probabilities": { winner: shown(sigmoid(high)), loser: shown(sigmoid(low)) },
        }),
    );
}

#[test]
fn what_is_no_text_is_refused() {
    let model = tagger("bert", json!({ "max_tokens": 64 }), "tokens").unwrap();
    let check = |instance: Instance, code: &str, message: &str| {
        let error = answer(&model, instance).expect_err(message);
        assert!(error.message.contains(message), "{message:?} is not in: {error}");
        assert_eq!(error.code, code, "{error}");
    };
    let json = |text: &str| Instance::Json(text.into());
    check(
        Instance::Image(vec![1]),
        "unsupported-input",
        "the model example wants text, found an image",
    );
    check(json("{"), "invalid-json", "not valid JSON");
    check(json("[]"), "not-an-object", "found an array of 0");
    check(json("{}"), "missing-field", "text: missing; expected a text");
    check(json(r#"{"text":null}"#), "missing-field", "text: missing");
    check(
        json(r#"{"text":1}"#),
        "wrong-type",
        "text: expected a text as a string, found the number 1",
    );
    check(json(r#"{"text":"a","txet":"b"}"#), "unknown-field", r#""txet" is not a field"#);
    check(json(r#"{"text":"a","text_pair":"b"}"#), "unknown-field", "the fields are text");
    let long = "a".repeat((1 << 20) + 1);
    check(Instance::Text(long), "instance-too-large", "1048577 bytes, at most 1048576");
    let pairs = tagger("bert", json!({ "max_tokens": 64, "pair": true }), "tokens").unwrap();
    let error = answer(&pairs, Instance::Text("a".into())).unwrap_err();
    assert!(error.message.contains("a JSON object with text and text_pair"), "{error}");
}

#[test]
fn what_is_no_text_model_is_refused() {
    let check = |model: Result<Model, Error>, code: &str, file: &str, message: &str| {
        let error = model.expect_err(message);
        assert!(error.message.contains(message), "{message:?} is not in: {error}");
        assert_eq!((error.code, error.file.as_deref()), (code, Some(file)), "{error}");
    };
    let small = tagger("bert", json!({ "max_tokens": 2 }), "tokens");
    check(small, "invalid-manifest", "manifest.json", "adds 2 tokens to every text");
    let spec = json!({ "max_tokens": 8 });
    let output = json!({ "embedding": { "output": "nothing", "pooling": "cls" } });
    let other = open(manifest("text-embedding", spec.clone(), output.clone()), &echo("t"), "bert");
    check(other, "graph-mismatch", "manifest.json", r#"the graph has no output "nothing""#);
    let output = json!({ "embedding": { "output": "ids", "pooling": "cls" } });
    let mut integers = manifest("text-embedding", spec, output);
    check(
        open(integers.clone(), &echo("t"), "bert"),
        "graph-mismatch",
        "manifest.json",
        r#"the output "ids" is int64, expected float32"#,
    );
    integers["output"]["embedding"]["output"] = json!("columns");
    integers["graph"]["inputs"][2]["name"] = json!("other");
    let unknown = open(integers.clone(), &echo("t"), "bert");
    check(unknown, "graph-mismatch", "manifest.json", r#"the graph has no input "other""#);
    integers["graph"]["inputs"].as_array_mut().unwrap().pop();
    let unfilled = open(integers.clone(), &echo("t"), "bert");
    check(
        unfilled,
        "graph-mismatch",
        "manifest.json",
        r#"nothing fills the graph's input "token_type_ids""#,
    );
    let broken = |content: &str| {
        let files = [
            ("model.onnx", "graph", encode(&echo("t"))),
            ("tokenizer.json", "tokenizer", content.as_bytes().to_vec()),
        ];
        load(integers.clone(), &files)
    };
    check(broken("{}"), "invalid-tokenizer", "tokenizer.json", "not a tokenizer");
    let lots = String::from_utf8(tokenizer("roberta")).unwrap();
    let lots = lots.replace(r#""dropout":null"#, r#""dropout":0.1"#);
    check(broken(&lots), "invalid-tokenizer", "tokenizer.json", "model.dropout: expected null");
}

/// Long texts of whatever characters come to an end, and so does the longest that is accepted.
#[test]
fn long_texts() {
    let check = |model: &Model, part: &str, bytes: usize| {
        let text = part.repeat(bytes / part.len());
        match answer(model, Instance::Text(text)) {
            Ok(prediction) => assert!(integers_of(&prediction, "ids").len() <= 32, "{part:?}"),
            Err(error) => assert_eq!(error.code, "empty-text", "{part:?}"),
        }
    };
    for name in ["bert", "roberta", "split", "unigram", "mapped", "words"] {
        let model = tagger(name, json!({ "max_tokens": 32 }), "tokens").unwrap();
        check(&model, "ab ", 1 << 20);
        for part in ["日", "e\u{301}", "''", "\n", "1", "🙂", "<s>", "[CLS]"] {
            check(&model, part, 1 << 14);
        }
    }
}
