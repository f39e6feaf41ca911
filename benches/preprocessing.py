"""Preparing pictures and texts: the component beside Pillow, NumPy and the tokenizers wheel, alternating, one
thread. Writes its table into `docs/performance.md`.

    target/tools/bench/bin/python benches/preprocessing.py      (set up as for benches/run.py)

The graphs behind the preparation only take a mean, so what is measured is the preparation, with the way
into the sandbox (JSON, pictures in base64) and back.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper
from PIL import Image, ImageOps
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer

from measure import Figures, answer, circumstances, number, repeated, table, write_report

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / "target" / "release" / "host-cli"
NATIVE = ROOT / "target" / "release" / "examples" / "native"
TOKENIZER = ROOT / "models" / "sentiment" / "package" / "tokenizer.json"
WORK = ROOT / "target" / "bench" / "preprocessing"
ROUNDS = 5
SECONDS = 1
SIDE, EDGE = 224, 256
MEAN = [0.485, 0.456, 0.406]
STD = [0.229, 0.224, 0.225]


def photo(width: int, height: int, seed: int = 3) -> Image.Image:
    """Noise of all scales, as photos have: it costs a decoder about what a photo does."""
    random = np.random.default_rng(seed)
    sum_of_scales = np.zeros((height, width, 3), dtype=np.float32)
    for power in range(1, 9):
        small = random.normal(size=(-(-height // 2**power), -(-width // 2**power), 3)).astype(np.float32)
        layer = [Image.fromarray(small[:, :, c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(3)]
        sum_of_scales += np.stack(layer, axis=2) * power
    return Image.fromarray(np.clip(sum_of_scales * 9 + 128, 0, 255).astype(np.uint8))


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def package(name: str, graph: onnx.GraphProto, rest: dict, files: dict[str, tuple[str, bytes]]) -> Path:
    """A package of a graph and what its manifest says besides."""
    folder = WORK / name
    folder.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    files = {"model.onnx": ("graph", model.SerializeToString()), **files}
    for path, (_, content) in files.items():
        (folder / path).write_bytes(content)
    manifest = {
        "format": "samebits/1", "name": name, "version": "1.0.0", "license": "Apache-2.0",
        "files": [
            {"path": path, "role": role, "size": len(content), "sha256": f"sha256:{hashlib.sha256(content).hexdigest()}"}
            for path, (role, content) in files.items()
        ],
        **rest,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def pictures_package() -> Path:
    """As most classifiers of ImageNet want their pictures."""
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["image"], ["mean"]), helper.make_node("Flatten", ["mean"], ["probabilities"])],
        "mean",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
    )
    image = {
        "resize": {"shortest_edge": EDGE, "filter": "bilinear"},
        "center_crop": {"width": SIDE, "height": SIDE},
        "rescale": 1 / 255,
        "normalize": {"mean": MEAN, "std": STD},
    }
    return package("pictures", graph, {
        "task": "image-classification",
        "input": {"image": image},
        "graph": {"inputs": [{"name": "image", "from": "pixels"}]},
        "output": {"labels": ["red", "green", "blue"], "probabilities": "probabilities"},
    }, {})


def texts_package() -> Path:
    """The tokenizer of `models/sentiment`."""
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["ids"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["ids"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Concat", ["mean", "mean"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "mean",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["N", "T"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])],
    )
    return package("texts", graph, {
        "task": "text-classification",
        "input": {"text": {"max_tokens": 512}},
        "graph": {"inputs": [{"name": "input_ids", "from": "input-ids"}]},
        "output": {"labels": ["a", "b"], "probabilities": "probabilities"},
    }, {"tokenizer.json": ("tokenizer", TOKENIZER.read_bytes())})


def pillow(content: bytes) -> np.ndarray:
    """The same with Pillow and NumPy."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    width, height = picture.size
    scale = EDGE / min(width, height)
    size = (EDGE, int(height * scale)) if width < height else (int(width * scale), EDGE)
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    picture = picture.crop((left, top, left + SIDE, top + SIDE))
    pixels = np.asarray(picture, dtype=np.float32) / 255
    return np.ascontiguousarray(((pixels - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1))


def ours(model: Path, instances: Path) -> float:
    """In a sandbox that is used again, JSON to JSON."""
    options = ["--instances", str(instances), "--seconds", str(SECONDS), "--sandbox", "reuse", "--threads", "1"]
    found = answer([str(CLI), "bench", str(model), *options, "--batch", "1", "--json"])["batches"]
    return found[0]["median_us"] * 1e-6


def compare(cases: dict[str, tuple], model: Path, peer) -> list[list[str]]:
    """A row for each case, as its instance and what the peer gets."""
    figures: dict[str, dict[str, Figures]] = defaultdict(lambda: defaultdict(Figures))
    for number_, (name, (instance, content)) in enumerate(cases.items()):
        path = WORK / f"{model.name}-{number_}.json"
        path.write_text(json.dumps([instance]), encoding="utf-8")
        for _ in range(ROUNDS):
            figures[name]["sandbox"].add(ours(model, path))
            figures[name]["peer"].add(repeated(lambda: peer(content), SECONDS))
    return [
        [name, found["sandbox"].text(1e3), found["peer"].text(1e3), number(found["sandbox"].median / found["peer"].median)]
        for name, found in figures.items()
    ]


def main() -> None:
    """Runs everything and writes the report."""
    pictures = {
        "JPEG, 12 megapixels": encoded(photo(4000, 3000), "JPEG", quality=85),
        "JPEG, 12 megapixels, progressive": encoded(photo(4000, 3000), "JPEG", quality=85, progressive=True),
        "JPEG, 640 × 480": encoded(photo(640, 480), "JPEG", quality=85),
        "PNG, 1024 × 768": encoded(photo(1024, 768), "PNG"),
        "WebP, 1024 × 768": encoded(photo(1024, 768), "WEBP", quality=85),
    }
    pictures = {
        f"{name} ({number(len(content) / 1e6)} MB)": ({"image": base64.b64encode(content).decode()}, content)
        for name, content in pictures.items()
    }
    words = "I wanted to like this film, and the first half hour is not bad at all, but then it falls apart. "
    texts = {f"a text of {len(text):,} characters": ({"text": text}, text) for text in (words, words * 20)}
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)
    with threadpool_limits(1):
        rows = compare(pictures, pictures_package(), pillow)
        rows += compare(texts, texts_package(), lambda text: np.array([tokenizer.encode(text).ids], dtype=np.int64))
    head = ["prepared, ms", "sandbox, JSON to JSON", "Pillow and NumPy, or tokenizers", "times"]
    text = f"{circumstances()}: medians of {ROUNDS} runs.\n\n{table(head, rows)}"
    write_report(ROOT / "docs" / "performance.md", "benches/preprocessing.py", text)
    print(text)


if __name__ == "__main__":
    main()
