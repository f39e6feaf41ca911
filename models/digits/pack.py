"""Makes the package: the trained graph, the manifest that says how a picture becomes its input, and reference
cases from held-back digits, drawn anew. `host-cli seal models/digits/package` writes what they give.

    cd models && venv/bin/python -m digits.pack --data mnist.npz --graph digits.onnx
"""

from __future__ import annotations

import argparse
import base64
import io
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits import data
from digits.canvas import CONDITIONS, on_canvas
from training import packaging

FOLDER = Path(__file__).resolve().parent
PACKAGE = FOLDER / "package"
EXAMPLES = FOLDER / "examples"
SEED = 20_261_125
CASES_OF_EACH = 3


def manifest(metrics: dict[str, float]) -> dict:
    """What a host reads of the model."""
    return {
        "format": "samebits/1",
        "name": "digits",
        "version": "1.0.0",
        "task": "image-classification",
        "description": "Reads one handwritten digit, drawn on a canvas or photographed from paper.",
        "license": "Apache-2.0",
        "files": [],
        "input": {
            "image": {
                "transparency": "white",
                "channels": "gray",
                # The darkest tenth of the ink makes the box, as in `prepare.py`.
                "ink": {"size": data.SIDE, "box": 20, "threshold": 26},
                "rescale": 1 / 255,
            }
        },
        "features": [],
        "graph": {"inputs": [{"name": "image", "from": "pixels"}]},
        "output": {
            "labels": [str(digit) for digit in range(10)],
            "probabilities": "probabilities",
            "top": 3,
        },
        "training": {
            "data": "6,500 digits of MNIST's test file, varied anew in each epoch; measured on 1,000 others",
            "metrics": metrics,
        },
    }


def png(ink: NDArray[np.float32]) -> bytes:
    """A drawing f32 [H, W], 0 (paper) to 1 (ink), as dark ink on white paper."""
    out = io.BytesIO()
    Image.fromarray(np.rint(255 * (1 - ink)).astype(np.uint8)).save(out, "PNG", optimize=True)
    return out.getvalue()


def drawings(digits: data.Split) -> list[tuple[str, bytes]]:
    """Some digits as they are, and others on each kind of canvas: name and PNG."""
    draw = np.random.default_rng(SEED)
    order = iter(draw.permutation(digits.label.size))
    found = []
    for place in (next(order) for _ in range(CASES_OF_EACH)):
        found.append((f"a {digits.label[place]} of MNIST", png(digits.image[place])))
    for condition in CONDITIONS:
        for place in (next(order) for _ in range(CASES_OF_EACH)):
            canvas = on_canvas(digits.image[place], condition, draw)
            found.append((f"a {digits.label[place]}, {condition.name}", png(canvas)))
    return found


def main() -> None:
    """Writes package and examples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--graph", type=Path, required=True)
    parser.add_argument("--metrics", type=Path, required=True)
    arguments = parser.parse_args()
    EXAMPLES.mkdir(exist_ok=True)
    found = drawings(data.load(arguments.data).held_back)
    cases = [
        {"name": name, "input": {"image": base64.b64encode(picture).decode()}} for name, picture in found
    ]
    measured = json.loads(arguments.metrics.read_text(encoding="utf-8"))
    metrics = {"accuracy": measured["accuracy"]}
    metrics |= {f"accuracy, {name}": value for name, value in measured["accuracy_drawn_with"].items()}
    files = {
        "model.onnx": ("graph", arguments.graph.read_bytes()),
        "reference-cases.json": ("reference-cases", packaging.json_bytes({"cases": cases})),
    }
    packaging.write(PACKAGE, manifest(metrics), files)
    for name, place in (("drawn", CASES_OF_EACH), ("thin", 2 * CASES_OF_EACH), ("small", -1)):
        (EXAMPLES / f"{name}.png").write_bytes(found[place][1])
    (EXAMPLES / "bad.png").write_bytes(found[0][1][:60])


if __name__ == "__main__":
    main()
