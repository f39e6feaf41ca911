"""Trains the digits model and writes `out/`: the graph and what it scores on digits that it never saw. Runs
on the CPU, takes about a quarter of an hour on two cores, and goes on where an interrupted run stopped.
From the folder `models`:

    python -m digits.train --data mnist.npz --checkpoints CHECKPOINTS
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from digits import canvas, data, optimise
from digits.network import CLASSES, Network, layers
from training import calibration, convnet
from training.onnx_session import Session
from training.progress import say

OUT = Path(__file__).resolve().parent / "out"
MEASURED_SEED = 20_260_514
LARGEST = 200_000
"""Bytes."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="train the digits model")
    parser.add_argument("--data", type=Path, required=True, help="mnist.npz")
    parser.add_argument(
        "--checkpoints", type=Path, required=True, help="folder for interrupted trainings"
    )
    return parser.parse_args()


def measure(session: Session, held_back: data.Split) -> dict[str, Any]:
    """Accuracy on held-back digits as they are, and as drawn in several ways."""
    rows = held_back.image[:, None]
    probabilities = session.run("probabilities", rows)
    drawn = {
        condition.name: session.accuracy(
            canvas.drawings(held_back.image, condition, MEASURED_SEED), held_back.label
        )
        for condition in canvas.CONDITIONS
    }
    return {
        "held_back_digits": len(rows),
        "accuracy": session.accuracy(rows, held_back.label),
        "accuracy_drawn_with": drawn,
        "expected_calibration_error": calibration.expected_error(probabilities, held_back.label),
    }


def export(network: Network, validation: data.Split) -> tuple[bytes, float]:
    """The graph, and the temperature in it."""
    answer = optimise.logits(network, validation.image).numpy()
    temperature = calibration.temperature(answer, validation.label)
    model = convnet.build("digits", layers(network, temperature), 1, data.SIDE, CLASSES)
    difference = np.abs(
        Session(model).run("logits", validation.image[:, None]) - answer / temperature
    ).max()
    say(f"{len(model)} bytes, temperature {temperature:.3f}, torch and ONNX differ by {difference:.1e}")
    if difference > 1e-3 or len(model) > LARGEST:
        raise RuntimeError(f"the graph differs by {difference} and has {len(model)} bytes")
    return model, temperature


def main() -> None:
    """Everything, in order."""
    options = arguments()
    digits = data.load(options.data)
    saved = options.checkpoints / "digits.pt"
    network = optimise.train(digits.training, digits.validation, saved)
    model, temperature = export(network, digits.validation)
    OUT.mkdir(exist_ok=True)
    (OUT / "digits.onnx").write_bytes(model)
    metrics = {
        "bytes": len(model),
        "weights": sum(p.numel() for p in network.parameters()),
        "epochs": optimise.EPOCHS,
        "temperature": temperature,
        **measure(Session(model), digits.held_back),
    }
    (OUT / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    say(json.dumps(metrics))


if __name__ == "__main__":
    main()
