//! The rules of the manifest for pictures and texts: one broken rule, one row.

use serde_json::{Value, json};

use crate::example::{GRAPH, entry};
use crate::manifest::{parse, refused, set};

fn base(task: &str, input: Value, graph: Value, output: Value) -> Value {
    json!({
        "format": "samebits/1",
        "name": "example",
        "version": "1.0.0",
        "task": task,
        "license": "Apache-2.0",
        "files": [entry("model.onnx", "graph", GRAPH)],
        "input": input,
        "graph": { "inputs": graph },
        "output": output,
    })
}

fn picture() -> Value {
    let input = json!({ "image": {
        "max_pixels": 1_000_000,
        "transparency": "white",
        "channels": "bgr",
        "resize": { "shortest_edge": 256, "filter": "bicubic" },
        "center_crop": { "width": 224, "height": 224 },
        "pad": { "width": 256, "height": 256, "value": 114, "position": "top-left" },
        "rescale": 0.00392156862745098,
        "normalize": { "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25] },
        "layout": "nhwc",
    }});
    let output = json!({
        "labels": ["a", "b", "c"], "probabilities": "logits", "activation": "sigmoid", "top": 2,
        "each_above": 0.5, "neutral": { "label": "unsure", "below": 0.4 },
    });
    let graph = json!([{ "name": "x", "from": "pixels" }, { "name": "m", "from": "pixel-mask" }]);
    base("image-classification", input, graph, output)
}

fn drawing() -> Value {
    let input = json!({ "image": {
        "channels": "gray",
        "ink": { "size": 28, "box": 20 },
        "normalize": { "mean": [0.1], "std": [0.3] },
    }});
    let output = json!({ "labels": ["a", "b"], "probabilities": "p" });
    base("image-classification", input, json!([{ "name": "x", "from": "pixels" }]), output)
}

fn detector() -> Value {
    let input = json!({ "image": { "resize": { "width": 64, "height": 64 } } });
    let output = json!({ "labels": ["a"], "detection": {
        "form": { "kind": "yolo", "output": "o", "objectness": true, "transposed": true },
        "threshold": 0.25, "max_overlap": 0.5, "max_objects": 100,
    }});
    base("object-detection", input, json!([{ "name": "x", "from": "pixels" }]), output)
}

fn text(task: &str, output: Value) -> Value {
    let graph = json!([
        { "name": "a", "from": "input-ids" },
        { "name": "b", "from": "attention-mask" },
        { "name": "c", "from": "token-type-ids" },
    ]);
    let input = json!({ "text": { "max_tokens": 128, "pair": true, "pad_id": 1 } });
    let mut manifest = base(task, input, graph, output);
    set(&mut manifest, "/files/1", entry("tokenizer.json", "tokenizer", b"{}"));
    manifest
}

fn classifier() -> Value {
    let output =
        json!({ "labels": ["a", "b"], "probabilities": "logits", "activation": "softmax" });
    text("text-classification", output)
}

fn embedding() -> Value {
    let embedding = json!({ "output": "hidden", "pooling": "mean", "normalize": true });
    text("text-embedding", json!({ "embedding": embedding }))
}

fn tagger() -> Value {
    let output = json!({
        "labels": ["O", "B-X"], "probabilities": "logits", "activation": "softmax",
        "aggregation": "simple",
    });
    text("token-classification", output)
}

#[test]
fn the_manifests_to_break_are_sound() {
    for manifest in [picture(), drawing(), detector(), classifier(), embedding(), tagger()] {
        let parsed = parse(&manifest).unwrap();
        let written = serde_json::to_value(&parsed).unwrap();
        assert_eq!(parse(&written).unwrap(), parsed);
    }
}

/// One change to a sound manifest, and the key and message that refuse it.
#[track_caller]
fn check(mut manifest: Value, path: &str, value: Value, field: &str, message: &str) {
    set(&mut manifest, path, value);
    refused(&manifest, "invalid-manifest", Some(field), message);
}

#[test]
fn pictures() {
    let image = |path: &str, value: Value, field: &str, message: &str| {
        check(
            picture(),
            &format!("/input/image{path}"),
            value,
            &format!("input.image{field}"),
            message,
        );
    };
    check(picture(), "/input/image", Value::Null, "input.image", "missing; a image-classification");
    image("/max_pixels", json!(0), ".max_pixels", "expected 1 to 50000000");
    image("/max_pixels", json!(50_000_001), ".max_pixels", "expected 1 to 50000000");
    image("/channels", json!("cmyk"), ".channels", "unknown variant");
    image("/sharpen", json!(1), ".sharpen", "unknown field");
    image("/resize", json!({}), ".resize", "expected width and height, or shortest_edge");
    image("/resize", json!({ "width": 8 }), ".resize", "expected width and height");
    image("/resize", json!({ "width": 8, "height": 8, "longest_edge": 9 }), ".resize", "expected");
    image("/resize", json!({ "width": 0, "height": 8 }), ".resize", "edges of 1 to 16384");
    image("/resize", json!({ "longest_edge": 20_000 }), ".resize", "edges of 1 to 16384");
    let crossed = json!({ "shortest_edge": 9, "longest_edge": 8 });
    image("/resize", crossed, ".resize", "longest_edge is below shortest_edge");
    image(
        "/center_crop",
        json!({ "width": 16_000, "height": 16_000 }),
        ".center_crop",
        "more than",
    );
    image("/pad/height", json!(0), ".pad", "edges of 1 to 16384");
    image("/rescale", json!(0), ".rescale", "expected more than 0, found 0");
    image("/normalize/mean", json!([0.5]), ".normalize.mean", "expected 3, one for each channel");
    image("/normalize/std", json!([1, 1, 0]), ".normalize.std", "expected numbers above 0");
    image("/normalize/std", json!([1, 1, 1e-60]), ".normalize.std", "expected numbers above 0");
    image("/normalize/mean", json!([1, 1, 1e60]), ".normalize.mean", "expected finite numbers");
    let ink = json!({ "size": 28, "box": 20 });
    image("/ink", ink, ".ink", "stands in the place of resize, center_crop and pad");
}

#[test]
fn drawings() {
    let image = |path: &str, value: Value, field: &str, message: &str| {
        check(
            drawing(),
            &format!("/input/image{path}"),
            value,
            &format!("input.image{field}"),
            message,
        );
    };
    image("/channels", Value::Null, ".channels", "ink is found in gray pictures");
    image("/ink/size", json!(0), ".ink", "edges of 1 to 16384");
    image("/ink/box", json!(29), ".ink.box", "expected 1 to size, 28, found 29");
    image("/ink/threshold", json!(0), ".ink.threshold", "expected 1 to 255");
}

#[test]
fn inputs() {
    let second = json!({ "name": "y", "from": "pixels" });
    check(picture(), "/graph/inputs/2", second, "graph.inputs[2].from", "a second input filled");
    let foreign = json!({ "name": "y", "from": "input-ids" });
    check(picture(), "/graph/inputs/2", foreign, "graph.inputs[2].from", "from pixels, pixel-mask");
    check(picture(), "/graph/inputs", json!([]), "graph.inputs", "no input is filled from pixels");
    let feature = json!([{ "name": "f", "op": "value", "of": "a" }]);
    check(picture(), "/features", feature, "features[0].of", "neither an input field");
    let field = json!([{ "name": "a", "type": "number" }]);
    check(picture(), "/input/fields", field, "input.fields", "has none");
    check(picture(), "/input/text", json!({ "max_tokens": 8 }), "input.text", "has none");
    let tokenizer = entry("tokenizer.json", "tokenizer", b"{}");
    check(picture(), "/files/1", tokenizer, "files", "has 0 files of role tokenizer, found 1");
    check(classifier(), "/files/1/role", json!("reference-cases"), "files", "has 1 files of role");
    check(classifier(), "/input/text", Value::Null, "input.text", "missing");
    check(classifier(), "/input/text/max_tokens", json!(0), "input.text.max_tokens", "1 to 8192");
    check(
        classifier(),
        "/input/text/max_tokens",
        json!(9000),
        "input.text.max_tokens",
        "1 to 8192",
    );
    check(
        classifier(),
        "/graph/inputs/0/from",
        json!("features"),
        "graph.inputs[0].from",
        "found features",
    );
}

#[test]
fn classifications() {
    let output = |path: &str, value: Value, field: &str, message: &str| {
        check(picture(), &format!("/output{path}"), value, &format!("output{field}"), message);
    };
    output("/labels", json!(["a"]), ".labels", "at least two labels");
    output("/probabilities", Value::Null, ".probabilities", "names its output here");
    output("/top", json!(0), ".top", "expected 1 to 3 labels, found 0");
    output("/top", json!(4), ".top", "expected 1 to 3 labels, found 4");
    output("/activation", json!("softmax"), ".each_above", "with softmax one label holds");
    output("/each_above", json!(1.5), ".each_above", "expected a number from 0 to 1");
    output("/neutral/below", json!(-1), ".neutral.below", "expected a number from 0 to 1");
    output("/neutral/label", json!("a"), ".neutral.label", "not one of the labels");
    output("/neutral/label", json!(""), ".neutral.label", "expected 1 to 256 bytes");
    output("/aggregation", json!("simple"), ".aggregation", "has no aggregation");
    output("/value", json!("v"), ".value", "a classification has no value");
    output("/score", json!({ "name": "labels", "label": "a" }), ".score.name", "every prediction");
    output("/score", json!({ "name": "s" }), ".score.label", "missing");
}

#[test]
fn other_outputs() {
    check(detector(), "/output/labels", json!([]), "output.labels", "at least one label");
    check(detector(), "/output/detection", Value::Null, "output.detection", "where its boxes are");
    let field = "output.detection.threshold";
    check(detector(), "/output/detection/threshold", json!(2), field, "from 0 to 1");
    let field = "output.detection.max_overlap";
    check(detector(), "/output/detection/max_overlap", json!(-1), field, "from 0 to 1");
    let field = "output.detection.max_objects";
    check(detector(), "/output/detection/max_objects", json!(0), field, "expected 1 to 1000");
    let field = "output.detection.form";
    check(detector(), "/output/detection/form/output", json!(""), field, "names of outputs");
    let score = json!({ "name": "s", "label": "a" });
    check(detector(), "/output/score", score, "output.score.label", "is of no one label");
    check(embedding(), "/output/embedding", Value::Null, "output.embedding", "names its output");
    check(embedding(), "/output/labels", json!(["a"]), "output.labels", "has no labels");
    check(embedding(), "/output/score", json!({ "name": "s" }), "output.score", "has no score");
    check(tagger(), "/output/aggregation", Value::Null, "output.aggregation", "missing");
    check(tagger(), "/output/top", json!(1), "output.top", "has no top");
    let decision = json!({ "rules": [{ "above": 0.5, "action": "x" }], "otherwise": "y" });
    check(tagger(), "/decision", decision, "decision", "no score to decide on");
}
