"""Trains the photos model and writes `out/`: the graph in single precision, the 8-bit ones, and what they score on
photos that none of them saw. Runs on the CPU, takes less than 90 minutes on two cores (with the instructions for
bfloat16, as servers have), and goes on where an interrupted run stopped. From the folder `models`:

    python -m photos.train --data cifar10-train.npz --checkpoints CHECKPOINTS
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import QuantFormat

from photos import data, optimise
from photos.network import Network, layers
from photos.quantise import quantise
from training import calibration, convnet
from training.onnx_session import Session
from training.progress import say

OUT = Path(__file__).resolve().parent / "out"
LARGEST = {"photos": 8_000_000, "photos-int8": 2_500_000, "photos-int8-qdq": 2_500_000}
"""Bytes."""
TIMED = 200
"""Photos, one at a time."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="train the photos model")
    parser.add_argument("--data", type=Path, required=True, help="cifar10-train.npz")
    parser.add_argument(
        "--checkpoints", type=Path, required=True, help="folder for interrupted trainings"
    )
    return parser.parse_args()


def measure(name: str, model: bytes, held_back: data.Split, classes: list[str]) -> dict[str, Any]:
    """Size, accuracy on held-back photos, and milliseconds of processor time for one photo in ONNX
    Runtime."""
    if len(model) > LARGEST[name]:
        raise RuntimeError(f"{name} has {len(model)} bytes, allowed are {LARGEST[name]}")
    session = Session(model)
    probabilities = session.run("probabilities", held_back.image)
    right = probabilities.argmax(axis=1) == held_back.label
    times = []
    for i in range(TIMED):
        began = time.process_time()
        session.run("probabilities", held_back.image[i : i + 1])
        times.append(time.process_time() - began)
    return {
        "bytes": len(model),
        "accuracy": float(right.mean()),
        "accuracy_by_class": {
            name: float(right[held_back.label == i].mean()) for i, name in enumerate(classes)
        },
        "expected_calibration_error": calibration.expected_error(probabilities, held_back.label),
        "median_ms": float(np.median(times) * 1e3),
    }


def export(network: Network, validation: data.Split, classes: int) -> tuple[bytes, float]:
    """The graph in single precision, and the temperature in it."""
    answer = optimise.logits(network, validation.image).numpy()
    temperature = calibration.temperature(answer, validation.label)
    model = convnet.build("photos", layers(network, temperature), 3, data.SIDE, classes, mirrored=True)
    there = Session(model).run("logits", validation.image)
    difference = float(np.abs(there - answer / temperature).max())
    say(f"{len(model)} bytes, temperature {temperature:.3f}, torch and ONNX differ by {difference:.1e}")
    if difference > 1e-2:
        raise RuntimeError(f"the graph differs from the network by {difference}")
    return model, temperature


def main() -> None:
    """Everything, in order."""
    options = arguments()
    photos = data.load(options.data)
    say("photos decoded")
    classes = len(photos.classes)
    saved = options.checkpoints / "photos.pt"
    network = optimise.train(photos.training, photos.validation, classes, saved)
    model, temperature = export(network, photos.validation, classes)
    OUT.mkdir(exist_ok=True)
    (OUT / "photos.onnx").write_bytes(model)
    models = {"photos": model}
    forms = {"photos-int8": QuantFormat.QOperator, "photos-int8-qdq": QuantFormat.QDQ}
    for name, form in forms.items():
        models[name] = quantise(model, photos.training.image, form, OUT / f"{name}.onnx")
    metrics = {
        "held_back_photos": len(photos.held_back.label),
        "epochs": optimise.EPOCHS,
        "temperature": temperature,
        "models": {
            name: measure(name, graph, photos.held_back, photos.classes)
            for name, graph in models.items()
        },
    }
    (OUT / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    say(json.dumps(metrics))


if __name__ == "__main__":
    main()
