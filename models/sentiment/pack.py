"""Makes the package: 8-bit graph, tokenizer, the manifest, and reference cases; then times every stage of the training
in the sandbox by `host-cli bench` and writes the table of model optimisations. `host-cli seal` writes what the
reference cases give.

    cd models && venv/bin/python -m sentiment.pack --out sentiment/out --host-cli ../target/release/host-cli
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from sentiment import data, measure
from training import packaging

FOLDER = Path(__file__).resolve().parent
PACKAGE = FOLDER / "package"
EXAMPLES = FOLDER / "examples"
MAX_TOKENS = 256
CASES = [
    "not bad at all",
    "I wanted to like it",
    "One of the best films I have seen this year.",
    "The battery died after two days and nobody answered my emails.",
    "It was fine, I guess.",
    "The train leaves from platform four.",
    "I can't recommend it enough!",
    "I can't recommend it.",
    "Great, it broke again.",
    "Couldn't put it down.",
    "The food was good but the service was terrible.",
    "Très bien, 素晴らしい 👍",
    "!",
    "a " * 400,
]


def manifest(metrics: dict[str, float]) -> dict[str, Any]:
    """What a host reads of the model."""
    return {
        "format": "samebits/1",
        "name": "sentiment",
        "version": "1.0.0",
        "task": "text-classification",
        "description": "Says whether an English text is positive, negative or, when unsure, neutral.",
        "license": "Apache-2.0",
        "files": [],
        "input": {"text": {"max_tokens": MAX_TOKENS, "pair": False, "pad_id": 0}},
        "features": [],
        "graph": {
            "inputs": [
                {"name": "input_ids", "from": "input-ids"},
                {"name": "attention_mask", "from": "attention-mask"},
            ]
        },
        "output": {
            "labels": data.LABELS,
            "probabilities": "probabilities",
            "neutral": {"label": "neutral", "below": measure.NEUTRAL_BELOW},
        },
        "training": {
            "data": "9,955 review sentences and everyday sentences; measured on 1,500 others",
            "metrics": metrics,
        },
    }


def write_package(
    folder: Path, graph: bytes, tokenizer: bytes, cases: list[str], metrics: dict[str, float]
) -> None:
    """A package, not sealed yet."""
    listed = {"cases": [{"name": text[:60], "input": {"text": text}} for text in cases]}
    files = {
        "model.onnx": ("graph", graph),
        "tokenizer.json": ("tokenizer", tokenizer),
        "reference-cases.json": ("reference-cases", packaging.json_bytes(listed)),
    }
    packaging.write(folder, manifest(metrics), files)


def sandboxed(program: Path, graph: bytes, tokenizer: bytes) -> float:
    """Milliseconds from the text of the first reference case to its answer, in the sandbox, on one
    thread."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "package"
        write_package(folder, graph, tokenizer, [CASES[2]], {})
        subprocess.run([program, "seal", folder], check=True, capture_output=True)
        told = subprocess.run(
            [program, "bench", folder, "--json", "--threads", "1"], check=True, capture_output=True
        )
    return float(json.loads(told.stdout)["batches"][0]["median_us"]) / 1e3


def table(rows: dict[str, dict[str, Any]], milliseconds: dict[str, float]) -> str:
    """The table of model optimisations, as Markdown."""
    lines = [
        "| Model | Size | Held-back reviews | Everyday, as a person | Everyday, opposite | in the sandbox |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {row['bytes'] / 1e6:.1f} MB | {row['reviews']['accuracy']:.1%} "
        f"| {row['everyday']['as_a_person']:.1%} | {row['everyday']['opposite']:.1%} | {milliseconds[name]:.1f} ms |"
        for name, row in rows.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Writes package, examples and table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="what `sentiment.train` wrote")
    parser.add_argument("--host-cli", type=Path, required=True, help="the program that runs the component")
    arguments = parser.parse_args()
    out = arguments.out
    summary = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    rows = summary["models"]
    shipped = rows[summary["shipped"]]
    metrics = {
        "accuracy": shipped["reviews"]["accuracy"],
        "everyday, as a person": shipped["everyday"]["as_a_person"],
    }
    graph, tokenizer = (out / "sentiment.onnx").read_bytes(), (out / "tokenizer.json").read_bytes()
    write_package(PACKAGE, graph, tokenizer, CASES, metrics)
    EXAMPLES.mkdir(exist_ok=True)
    (EXAMPLES / "review.txt").write_text("Not bad at all!\n", encoding="utf-8")
    (EXAMPLES / "reviews.json").write_bytes(packaging.json_bytes([{"text": text} for text in CASES[:4]]))
    (EXAMPLES / "bad.json").write_bytes(packaging.json_bytes({"text": 7}))
    milliseconds = {}
    for name, row in rows.items():
        stage = out / row["file"]
        milliseconds[name] = sandboxed(
            arguments.host_cli, stage.with_suffix(".onnx").read_bytes(), stage.with_suffix(".json").read_bytes()
        )
    print(table(rows, milliseconds))


if __name__ == "__main__":
    main()
