"""Makes small models with random weights in folders as Hugging Face's Optimum lays them out, and records
what ONNX Runtime makes of them behind the `tokenizers` wheel, or Pillow and NumPy.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python generate.py

Each folder is what `host-cli package` takes; its `expected.json` has inputs with answers. The steps
before and behind the graph are written out here as `transformers` documents them for its pipelines.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageOps
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent.parent / "core" / "tests"
RANDOM = np.random.default_rng(20260202)
LENGTH = 48
WIDTH = 8
TEXTS = [
    "The quick brown fox",
    "It is not bad at all; I wanted to like it.",
    "Größere Städte haben 1234 Straßen!",
    "word " * 100,
]


def weights(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(RANDOM.normal(0, 1, shape).astype(np.float32), name)


def constant(name: str, values: list[int]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def save(folder: Path, nodes: list, inputs: dict, outputs: dict, initializers: list) -> onnxruntime.InferenceSession:
    info = lambda kind, named: [helper.make_tensor_value_info(name, kind, shape) for name, shape in named.items()]
    kind = TensorProto.FLOAT if "pixel_values" in inputs else TensorProto.INT64
    graph = helper.make_graph(nodes, "main", info(kind, inputs), info(TensorProto.FLOAT, outputs), initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    folder.mkdir()
    onnx.save(model, folder / "model.onnx")
    return onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def text_folder(folder: Path, tail: list, outputs: dict, initializers: list, **config) -> tuple:
    """Embeddings of tokens and segments, each mixed with the mean of all, and then `tail`."""
    tokenizer = Tokenizer.from_file(str(TESTS / "tokenizers" / "bert.json"))
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["by_word"]),
        helper.make_node("Gather", ["segments", "token_type_ids"], ["by_segment"]),
        helper.make_node("Add", ["by_word", "by_segment"], ["embedded"]),
        helper.make_node("Cast", ["attention_mask"], ["used"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["used", "last"], ["weight"]),
        helper.make_node("Mul", ["embedded", "weight"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "middle"], ["sum"]),
        helper.make_node("ReduceSum", ["weight", "middle"], ["count"]),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Add", ["embedded", "mean"], ["mixed"]),
        helper.make_node("MatMul", ["mixed", "hidden"], ["raw"]),
        helper.make_node("Tanh", ["raw"], ["last_hidden_state"]),
        *tail,
    ]
    size = ["batch_size", "sequence_length"]
    inputs = {name: size for name in ["input_ids", "attention_mask", "token_type_ids"]}
    initializers = [
        weights("words", tokenizer.get_vocab_size(), WIDTH), weights("segments", 2, WIDTH),
        weights("hidden", WIDTH, WIDTH), constant("last", [2]), constant("middle", [1]), *initializers,
    ]
    session = save(folder, nodes, inputs, outputs, initializers)
    write(folder, "config.json", {"model_type": "bert", "max_position_embeddings": LENGTH, "pad_token_id": 0, **config})
    write(folder, "tokenizer_config.json", {"model_max_length": LENGTH, "tokenizer_class": "BertTokenizerFast"})
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    tokenizer.enable_truncation(LENGTH)

    def run(text: str) -> tuple:
        tokens = tokenizer.encode(text)
        lists = {"input_ids": tokens.ids, "attention_mask": tokens.attention_mask, "token_type_ids": tokens.type_ids}
        feeds = {name: np.array([values], np.int64) for name, values in lists.items()}
        return tokens, session.run(None, feeds)[0][0]

    return run


def text_classification(folder: Path) -> None:
    labels = ["negative", "neutral", "positive"]
    tail = [helper.make_node("ReduceMean", ["last_hidden_state"], ["pooled"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["pooled", "head"], ["logits"])]
    run = text_folder(
        folder, tail, {"logits": ["batch_size", 3]}, [weights("head", WIDTH, 3)],
        architectures=["BertForSequenceClassification"], id2label=dict(enumerate(labels)),
    )
    write(folder, "expected.json", [
        {"text": text, "probabilities": dict(zip(labels, softmax(run(text)[1]).tolist()))} for text in TEXTS
    ])


def token_classification(folder: Path) -> None:
    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    tail = [helper.make_node("MatMul", ["last_hidden_state", "head"], ["logits"])]
    run = text_folder(
        folder, tail, {"logits": ["batch_size", "sequence_length", 5]}, [weights("head", WIDTH, 5)],
        architectures=["BertForTokenClassification"], id2label=dict(enumerate(labels)),
    )
    cases = []
    for text in TEXTS[:3]:
        tokens, logits = run(text)
        groups: list[list] = []
        for scores, special, (start, end) in zip(softmax(logits), tokens.special_tokens_mask, tokens.offsets):
            if special:
                continue
            label, score = labels[scores.argmax()], scores.max()
            begins, kind = label.startswith("B-"), label.removeprefix("B-").removeprefix("I-")
            if groups and groups[-1][-1][0] == kind and not begins:
                groups[-1].append((kind, score, start, end))
            else:
                groups.append([(kind, score, start, end)])
        entities = [
            {"label": group[0][0], "score": float(np.mean([one[1] for one in group])), "start": group[0][2], "end": group[-1][3]}
            for group in groups if group[0][0] != "O"
        ]
        cases.append({"text": text, "entities": entities})
    write(folder, "expected.json", cases)


def text_embedding(folder: Path) -> None:
    size = {"last_hidden_state": ["batch_size", "sequence_length", WIDTH]}
    run = text_folder(folder, [], size, [], architectures=["BertModel"])
    write(folder, "modules.json", [{"type": "sentence_transformers.models.Normalize"}])
    cases = []
    for text in TEXTS:
        vector = run(text)[1].astype(np.float64).mean(0)
        cases.append({"text": text, "embedding": (vector / np.linalg.norm(vector)).tolist()})
    write(folder, "expected.json", cases)


def image_classification(folder: Path) -> None:
    labels = ["cat", "dog", "fox", "owl"]
    nodes = [
        helper.make_node("Conv", ["pixel_values", "filters"], ["maps"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Relu", ["maps"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "head"], ["logits"]),
    ]
    initializers = [weights("filters", 8, 3, 4, 4), weights("head", 8, 4)]
    inputs, outputs = {"pixel_values": ["batch_size", 3, 24, 24]}, {"logits": ["batch_size", 4]}
    session = save(folder, nodes, inputs, outputs, initializers)
    write(folder, "config.json", {"architectures": ["ViTForImageClassification"], "id2label": dict(enumerate(labels))})
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    write(folder, "preprocessor_config.json", {
        "image_processor_type": "ViTImageProcessor", "do_resize": True, "size": {"shortest_edge": 28}, "resample": 3,
        "do_center_crop": True, "crop_size": {"height": 24, "width": 24}, "do_rescale": True,
        "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": mean, "image_std": std,
    })
    cases = []
    for name in ["smooth-420-baseline-92.jpg", "edges-422-progressive-60.jpg", "rgba.png", "orientation-6.jpg"]:
        picture = ImageOps.exif_transpose(Image.open(TESTS / "pillow" / "pictures" / name)).convert("RGB")
        short, long = min(picture.size), max(picture.size)
        size = (28, int(28 * long / short))
        size = size if picture.width <= picture.height else size[::-1]
        pixels = np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
        left, top = (size[0] - 24) // 2, (size[1] - 24) // 2
        pixels = (pixels[top : top + 24, left : left + 24].astype(np.float64) * (1 / 255)).astype(np.float32)
        pixels = (pixels - np.array(mean, np.float32)) / np.array(std, np.float32)
        logits = session.run(None, {"pixel_values": pixels.transpose(2, 0, 1)[None]})[0][0]
        cases.append({"picture": name, "probabilities": dict(zip(labels, softmax(logits).tolist()))})
    write(folder, "expected.json", cases)


def main() -> None:
    for make in [text_classification, token_classification, text_embedding, image_classification]:
        folder = HERE / make.__name__.replace("_", "-")
        shutil.rmtree(folder, ignore_errors=True)
        make(folder)
        print(folder.name, sum(path.stat().st_size for path in folder.iterdir()), "bytes")


if __name__ == "__main__":
    main()
