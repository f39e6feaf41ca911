//! Models of pictures: preprocessing as NumPy computes it, and the answers of the image tasks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use inference_core::{Error, Instance, Model, Prediction};
use serde_json::{Value, json};
use tract_onnx::pb::ModelProto;
use tract_onnx::pb::tensor_proto::DataType;

use crate::pillow::picture;
use crate::support::onnx::{encode, floats, input, int, ints, model as graph, node, with};
use crate::support::package::{answer, elements, load, output};

/// A bitmap of 24 bits, drawn pixel by pixel.
fn bitmap(width: usize, height: usize, pixel: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
    let stride = (width * 3).next_multiple_of(4);
    let mut bytes = b"BM".to_vec();
    let header = [54 + stride * height, 0, 54, 40, width, height, 1 | (24 << 16), 0, 0, 0, 0, 0, 0];
    bytes.extend(header.iter().flat_map(|field| (*field as u32).to_le_bytes()));
    for y in (0..height).rev() {
        let row: Vec<u8> = (0..width)
            .flat_map(|x| {
                let [red, green, blue] = pixel(x, y);
                [blue, green, red]
            })
            .collect();
        bytes.extend(&row);
        bytes.resize(bytes.len() + stride - row.len(), 0);
    }
    bytes
}

/// Gives its pixels back, and as logits the mean of each channel.
fn echo(shape: &[&str]) -> ModelProto {
    let mean =
        with(node("ReduceMean", &["x"], &["logits"]), [ints("axes", &[2, 3]), int("keepdims", 0)]);
    graph(
        vec![mean, node("Identity", &["x"], &["pixels"])],
        vec![input("x", DataType::Float, shape)],
        &["logits", "pixels"],
        vec![],
    )
}

fn manifest(task: &str, image: Value, output: Value) -> Value {
    json!({
        "format": "samebits/1",
        "name": "example",
        "version": "1.0.0",
        "task": task,
        "license": "Apache-2.0",
        "files": [],
        "input": { "image": image },
        "graph": { "inputs": [{ "name": "x", "from": "pixels" }] },
        "output": output,
    })
}

fn classifier(image: Value, shape: &[&str]) -> Result<Model, Error> {
    let output = json!({ "labels": ["r", "g", "b"], "probabilities": "logits" });
    let manifest = manifest("image-classification", image, output);
    load(manifest, &[("model.onnx", "graph", encode(&echo(shape)))])
}

/// The tensor that a picture becomes.
fn tensor(image: Value, bytes: Vec<u8>) -> (Vec<usize>, Vec<f32>) {
    let channels = if image["channels"] == "gray" { "1" } else { "3" };
    let shape = if image["layout"] == "nhwc" {
        ["N", "height", "width", channels]
    } else {
        ["N", channels, "height", "width"]
    };
    let identity = node("Identity", &["x"], &["pixels"]);
    let mean =
        with(node("ReduceMean", &["x"], &["mean"]), [ints("axes", &[1, 2, 3]), int("keepdims", 0)]);
    let flat = with(node("Unsqueeze", &["mean", "one"], &["column"]), []);
    let both = with(node("Concat", &["column", "column"], &["logits"]), [int("axis", 1)]);
    let graph = graph(
        vec![identity, mean, flat, both],
        vec![input("x", DataType::Float, &shape)],
        &["logits", "pixels"],
        vec![crate::support::onnx::integers("one", &[1], &[1])],
    );
    let output_spec = json!({ "labels": ["a", "b"], "probabilities": "logits" });
    let manifest = manifest("image-classification", image, output_spec);
    let model = load(manifest, &[("model.onnx", "graph", encode(&graph))]).unwrap();
    let prediction = answer(&model, Instance::Image(bytes)).unwrap();
    let pixels = output(&prediction, "pixels");
    (pixels.shape.clone(), elements(pixels))
}

#[test]
fn steps() {
    // Red 0 to 5 across, green 10 times the row, blue 200.
    let bytes = || bitmap(6, 3, |x, y| [x as u8, 10 * y as u8, 200]);
    let check = |image: Value, shape: &[usize], expected: &[f32]| {
        let (found_shape, found) = tensor(image.clone(), bytes());
        assert_eq!(found_shape, shape, "{image}");
        assert_eq!(found, expected, "{image}");
    };
    let crop = json!({ "width": 2, "height": 1 });
    check(json!({ "center_crop": crop }), &[3, 1, 2], &[2.0, 3.0, 10.0, 10.0, 200.0, 200.0]);
    check(
        json!({ "center_crop": crop, "channels": "bgr" }),
        &[3, 1, 2],
        &[200.0, 200.0, 10.0, 10.0, 2.0, 3.0],
    );
    check(
        json!({ "center_crop": crop, "layout": "nhwc" }),
        &[1, 2, 3],
        &[2.0, 10.0, 200.0, 3.0, 10.0, 200.0],
    );
    // (19595 × 2 + 38470 × 10 + 7471 × 200 + 32768) / 65536 = 29.7…
    check(json!({ "center_crop": crop, "channels": "gray" }), &[1, 1, 2], &[29.0, 30.0]);
    // As numpy.float32(value * (1 / 255)), and then (x - mean) / std in float32.
    let scaled = |value: f64| (value * (1.0 / 255.0)) as f32;
    let normal = |value: f64, mean: f32, std: f32| (scaled(value) - mean) / std;
    check(
        json!({
            "center_crop": { "width": 1, "height": 1 }, "rescale": 1.0 / 255.0,
            "normalize": { "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225] },
        }),
        &[3, 1, 1],
        &[normal(2.0, 0.485, 0.229), normal(10.0, 0.456, 0.224), normal(200.0, 0.406, 0.225)],
    );
    // A crop beyond the picture is surrounded by zeros.
    check(
        json!({ "channels": "gray", "center_crop": { "width": 6, "height": 5 }, "resize": { "width": 6, "height": 3, "filter": "nearest" } }),
        &[1, 5, 6],
        &[
            [0.0; 6],
            [23.0, 23.0, 23.0, 24.0, 24.0, 24.0],
            [29.0, 29.0, 29.0, 30.0, 30.0, 30.0],
            [35.0, 35.0, 35.0, 35.0, 36.0, 36.0],
            [0.0; 6],
        ]
        .concat(),
    );
    // An odd pixel of padding goes to the right and below.
    check(
        json!({ "center_crop": { "width": 1, "height": 1 }, "channels": "gray",
                "pad": { "width": 2, "height": 2, "value": 114 } }),
        &[1, 2, 2],
        &[29.0, 114.0, 114.0, 114.0],
    );
}

#[test]
fn sizes() {
    let check = |resize: Value, width: usize, height: usize, expected: [usize; 2]| {
        let image = json!({ "channels": "gray", "resize": resize });
        let (shape, _) = tensor(image.clone(), bitmap(width, height, |_, _| [1, 2, 3]));
        assert_eq!(shape, [1, expected[1], expected[0]], "{image} of {width} by {height}");
    };
    check(json!({ "width": 5, "height": 7 }), 20, 10, [5, 7]);
    check(json!({ "shortest_edge": 8 }), 20, 10, [16, 8]);
    check(json!({ "shortest_edge": 8 }), 10, 21, [8, 16]);
    check(json!({ "shortest_edge": 8 }), 1, 30, [8, 240]);
    check(json!({ "longest_edge": 8 }), 20, 10, [8, 4]);
    check(json!({ "longest_edge": 5 }), 2, 4, [2, 5]);
    check(json!({ "longest_edge": 5 }), 200, 1, [5, 1]);
    check(json!({ "shortest_edge": 8, "longest_edge": 100 }), 20, 10, [16, 8]);
    check(json!({ "shortest_edge": 8, "longest_edge": 12 }), 20, 10, [12, 6]);
    check(json!({ "shortest_edge": 8, "longest_edge": 12 }), 30, 10, [12, 4]);
}

#[test]
fn every_way_in_gives_the_same() {
    let image = json!({ "resize": { "width": 4, "height": 4 } });
    let model = classifier(image, &["N", "3", "4", "4"]).unwrap();
    let bytes = picture("edges-420-baseline-92.jpg");
    let encoded = STANDARD.encode(&bytes);
    let json = |text: String| Instance::Json(json!({ "image": text }).to_string());
    let direct = answer(&model, Instance::Image(bytes)).unwrap();
    assert_eq!(answer(&model, json(encoded.clone())).unwrap(), direct);
    assert_eq!(answer(&model, json(format!("data:image/jpeg;base64,{encoded}"))).unwrap(), direct);
    assert_eq!(direct.label.as_deref().map(|label| "rgb".contains(label)), Some(true));
}

#[test]
fn what_is_no_picture_is_refused() {
    let model = classifier(json!({ "max_pixels": 1000 }), &["N", "3", "h", "w"]).unwrap();
    let check = |instance: Instance, code: &str, message: &str| {
        let error = answer(&model, instance).expect_err(message);
        assert!(error.message.contains(message), "{message:?} is not in: {error}");
        assert_eq!(error.code, code, "{error}");
    };
    let json = |text: &str| Instance::Json(text.into());
    check(
        Instance::Text("cat".into()),
        "unsupported-input",
        "the model example wants an image, found plain text",
    );
    check(Instance::Image(b"cat".into()), "unsupported-image", "found plain text");
    check(json(r#"{"image":"?"}"#), "invalid-value", "image: not base64");
    check(json(r#"{"image":"Y2F0"}"#), "unsupported-image", "found plain text");
    check(json("{}"), "missing-field", "image: missing; expected the base64 of a picture");
    check(
        json(r#"{"image":[]}"#),
        "wrong-type",
        "image: expected the base64 of a picture as a string",
    );
    check(json(r#"{"picture":""}"#), "unknown-field", "the fields are image");
    check(
        Instance::Image(bitmap(101, 10, |_, _| [0; 3])),
        "image-too-large",
        "101 by 10 pixels, at most 1000",
    );
    check(Instance::Image(vec![0; (32 << 20) + 1]), "instance-too-large", "at most 33554432");
    let narrow = classifier(json!({ "resize": { "shortest_edge": 4000 } }), &["N", "3", "h", "w"]);
    let error =
        answer(&narrow.unwrap(), Instance::Image(bitmap(1, 30, |_, _| [0; 3]))).unwrap_err();
    assert!(error.message.contains("would be scaled to 4000 by 120000"), "{error}");
}

#[test]
fn graph_and_manifest_must_agree() {
    let check = |image: Value, shape: &[&str], message: &str| {
        let error = classifier(image, shape).expect_err(message);
        assert!(error.message.contains(message), "{message:?} is not in: {error}");
        assert_eq!(
            (error.code, error.field.as_deref()),
            ("graph-mismatch", Some("graph.inputs[0]"))
        );
    };
    let crop = json!({ "center_crop": { "width": 5, "height": 4 } });
    check(crop.clone(), &["N", "3", "5", "4"], "the manifest fills [1, 3, 4, 5]");
    check(crop.clone(), &["2", "3", "4", "5"], "has the shape [2, 3, 4, 5]");
    check(
        json!({ "resize": { "shortest_edge": 4 } }),
        &["N", "3", "4", "4"],
        "fills [1, 3, any, any]",
    );
    assert!(classifier(crop, &["1", "3", "4", "5"]).is_ok());
}

/// A digit's tensor, from a drawing on this ground with this ink.
fn drawn(ground: u8, ink: u8, dot: impl Fn(usize, usize) -> bool) -> Vec<f32> {
    let pixel = |x, y| if dot(x, y) { [ink; 3] } else { [ground; 3] };
    let image = json!({ "channels": "gray", "ink": { "size": 28, "box": 20 } });
    let (shape, pixels) = tensor(image, bitmap(100, 80, pixel));
    assert_eq!(shape, [1, 28, 28]);
    pixels
}

#[test]
fn drawings_are_centred() {
    let bar = |x: usize, y: usize| (70..80).contains(&x) && (5..45).contains(&y);
    let dark = drawn(255, 0, bar);
    // 10 by 40 becomes 5 by 20, in the middle of 28 by 28, as strong as ink can be.
    let expected: Vec<f32> = (0..28 * 28)
        .map(|place| {
            let (x, y) = (place % 28, place / 28);
            if (12..17).contains(&x) && (4..24).contains(&y) { 255.0 } else { 0.0 }
        })
        .collect();
    assert_eq!(dark, expected);
    // Light ink, a weak pencil and a gray ground make no difference.
    for (ground, ink) in [(0, 255), (200, 150), (60, 90)] {
        assert_eq!(drawn(ground, ink, bar), dark, "{ink} on {ground}");
    }
    // Nor does the place.
    assert_eq!(drawn(255, 0, |x, y| bar(x + 40, y.wrapping_sub(20))), dark);
    // A drawing with its mass on one side stays inside.
    let lopsided = drawn(255, 0, |x, y| {
        (20..60).contains(&x) && (y == 40 || (x < 24 && (20..60).contains(&y)))
    });
    assert!(lopsided.iter().any(|value| *value > 200.0));
    // Without ink there is a warning and an empty square.
    let image = json!({ "channels": "gray", "ink": { "size": 28, "box": 20 } });
    let (_, empty) = tensor(image, bitmap(9, 9, |_, _| [7; 3]));
    assert_eq!(empty, [0.0; 28 * 28]);
}

/// A detector whose outputs are these rows, whatever the picture.
fn detector(
    image: Value,
    labels: Value,
    detection: Value,
    outputs: &[(&str, &[i64], &[f32])],
) -> Model {
    let mut nodes = vec![
        with(node("ReduceMean", &["x"], &["mean"]), [ints("axes", &[1, 2, 3]), int("keepdims", 0)]),
        node("Mul", &["mean", "nothing"], &["zero"]),
        node("Unsqueeze", &["zero", "axes"], &["zeros"]),
    ];
    let mut initializers = vec![
        floats("nothing", &[1], &[0.0]),
        crate::support::onnx::integers("axes", &[2], &[1, 2]),
    ];
    for (name, shape, values) in outputs {
        let constant = format!("{name}_rows");
        initializers.push(floats(&constant, shape, values));
        nodes.push(node("Add", &["zeros", &constant], &[*name]));
    }
    let names: Vec<_> = outputs.iter().map(|(name, _, _)| *name).collect();
    let rows = vec![input("x", DataType::Float, &["N", "3", "h", "w"])];
    let graph = graph(nodes, rows, &names, initializers);
    let output = json!({ "labels": labels, "detection": detection });
    let manifest = manifest("object-detection", image, output);
    load(manifest, &[("model.onnx", "graph", encode(&graph))]).unwrap()
}

fn detections(prediction: &Prediction) -> Value {
    let json: Value = serde_json::from_str(&prediction.json).unwrap();
    json["detections"].clone()
}

#[test]
fn boxes_of_yolo() {
    // Letterbox: 40 by 20 becomes 64 by 32 within 64 by 64, 16 rows below the upper edge.
    let image = json!({
        "resize": { "longest_edge": 64 }, "pad": { "width": 64, "height": 64, "value": 114 },
    });
    let rows = [
        [32.0, 32.0, 32.0, 16.0, 0.9, 0.1],
        [33.0, 32.0, 32.0, 16.0, 0.8, 0.1], // hidden by the first
        [33.0, 32.0, 32.0, 16.0, 0.1, 0.7], // another label
        [8.0, 20.0, 40.0, 40.0, 0.6, 0.0],  // beyond the edges
        [32.0, 32.0, 8.0, 8.0, 0.2, 0.1],   // too weak
    ];
    let expected = json!([
        { "label": "a", "score": 0.9, "box": [10.0, 5.0, 30.0, 15.0] },
        { "label": "b", "score": 0.7, "box": [10.625, 5.0, 30.625, 15.0] },
        { "label": "a", "score": 0.6, "box": [0.0, 0.0, 17.5, 15.0] },
    ]);
    let photo = || Instance::Image(bitmap(40, 20, |_, _| [9; 3]));
    let detection = |form: Value| json!({ "form": form, "threshold": 0.5, "max_overlap": 0.5, "max_objects": 10 });
    let plain = detection(json!({ "kind": "yolo", "output": "o" }));
    let flat = rows.concat();
    let model =
        detector(image.clone(), json!(["a", "b"]), plain.clone(), &[("o", &[1, 5, 6], &flat)]);
    let prediction = answer(&model, photo()).unwrap();
    assert_eq!(detections(&prediction), expected);
    assert_eq!((prediction.label.as_deref(), prediction.score), (Some("a"), Some(0.9)));

    let turned: Vec<f32> =
        (0..6).flat_map(|column| rows.iter().map(move |row| row[column])).collect();
    let transposed = detection(json!({ "kind": "yolo", "output": "o", "transposed": true }));
    let model =
        detector(image.clone(), json!(["a", "b"]), transposed, &[("o", &[1, 6, 5], &turned)]);
    assert_eq!(detections(&answer(&model, photo()).unwrap()), expected);

    let doubted: Vec<f32> =
        rows.iter().flat_map(|[x, y, w, h, a, b]| [*x, *y, *w, *h, 0.5, *a, *b]).collect();
    let mut objectness = detection(json!({ "kind": "yolo", "output": "o", "objectness": true }));
    objectness["threshold"] = json!(0.44);
    let model =
        detector(image.clone(), json!(["a", "b"]), objectness, &[("o", &[1, 5, 7], &doubted)]);
    assert_eq!(
        detections(&answer(&model, photo()).unwrap()),
        json!([{ "label": "a", "score": 0.45, "box": [10.0, 5.0, 30.0, 15.0] }])
    );

    // Nothing there: a score of 0 for rules to decide on.
    let mut strict = plain.clone();
    strict["threshold"] = json!(0.95);
    let model = detector(image.clone(), json!(["a", "b"]), strict, &[("o", &[1, 5, 6], &flat)]);
    assert_eq!(answer(&model, photo()).unwrap().json, r#"{"score":0.0,"detections":[]}"#);

    // Another form than declared.
    let model = detector(image, json!(["a", "b", "c"]), plain, &[("o", &[1, 5, 6], &flat)]);
    let error = answer(&model, photo()).unwrap_err();
    assert_eq!(error.code, "unexpected-output");
    assert!(error.message.contains("o [5, 6]"), "{error}");
}

#[test]
fn boxes_of_detr() {
    let image = json!({ "resize": { "shortest_edge": 8, "longest_edge": 16 } });
    let boxes = [0.5, 0.5, 0.5, 0.5, 0.25, 0.5, 0.5, 1.0, 0.5, 0.5, 1.0, 1.0];
    let logits = [2.0, -2.0, -2.0, 0.0, 3.0, 0.0, 0.0, 0.0, 5.0];
    let form = |activation: &str| {
        json!({
            "form": { "kind": "detr", "logits": "l", "boxes": "b", "activation": activation },
            "threshold": 0.6, "max_objects": 10,
        })
    };
    let photo = || Instance::Image(bitmap(40, 20, |_, _| [9; 3]));
    let outputs: [(&str, &[i64], &[f32]); 2] =
        [("l", &[1, 3, 3], &logits), ("b", &[1, 3, 4], &boxes)];
    // With softmax the third column is no object.
    let model = detector(image.clone(), json!(["x", "y"]), form("softmax"), &outputs);
    let found = detections(&answer(&model, photo()).unwrap());
    let brief = |found: &Value| {
        let list = found.as_array().unwrap();
        list.iter()
            .map(|object| (object["label"].clone(), object["box"].clone()))
            .collect::<Vec<_>>()
    };
    let x = (json!("x"), json!([10.0, 5.0, 30.0, 15.0]));
    let y = (json!("y"), json!([0.0, 0.0, 20.0, 20.0]));
    assert_eq!(brief(&found), [x.clone(), y.clone()]);
    let model = detector(image, json!(["x", "y", "z"]), form("sigmoid"), &outputs);
    let found = detections(&answer(&model, photo()).unwrap());
    let z = (json!("z"), json!([0.0, 0.0, 40.0, 20.0]));
    assert_eq!(brief(&found), [z, y, x]);
}
