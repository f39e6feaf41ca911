"""Makes the two packages, in single precision and in 8 bits: graph, the manifest that says how a photo becomes its
input, and reference cases from held-back photos. `host-cli seal` writes what they give.

    cd models && venv/bin/python -m photos.pack --data cifar10-train.npz --out photos/out
"""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path

import numpy as np

from photos import data
from training import packaging

FOLDER = Path(__file__).resolve().parent
EXAMPLES = FOLDER / "examples"
FORMS = {"package": "photos", "package-int8": "photos-int8"}


def manifest(name: str, classes: list[str], measured: dict) -> dict:
    """What a host reads of the model."""
    decimals = [[round(float(value), 4) for value in values] for values in (data.MEAN, data.DEVIATION)]
    return {
        "format": "samebits/1",
        "name": name,
        "version": "1.1.0",
        "task": "image-classification",
        "description": "Says which of the ten things of CIFAR-10 a photo shows.",
        "license": "Apache-2.0",
        "files": [],
        "input": {
            "image": {
                "resize": {"shortest_edge": data.SIDE, "filter": "bilinear"},
                "center_crop": {"width": data.SIDE, "height": data.SIDE},
                "rescale": 1 / 255,
                "normalize": {"mean": decimals[0], "std": decimals[1]},
            }
        },
        "features": [],
        "graph": {"inputs": [{"name": "image", "from": "pixels"}]},
        "output": {"labels": classes, "probabilities": "probabilities", "top": 3},
        "training": {
            "data": "44,000 training photos of CIFAR-10; measured on 5,000 others",
            "metrics": {"accuracy": measured["accuracy"]},
        },
    }


def pictures(path: Path) -> tuple[list[str], list[tuple[str, bytes]]]:
    """The classes, and of each a held-back photo: its name and JPEG."""
    with np.load(data.SOURCE.check(path)) as file:
        jpeg, offset = file["jpeg"], file["offset"]
        label, classes = file["label"].astype(np.int64), [str(name) for name in file["classes"]]
    held_back = data.split(label, len(classes))[0]
    chosen = [int(held_back[label[held_back] == i][0]) for i in range(len(classes))]
    found = [
        (f"a photo of class {name}", jpeg[offset[i] : offset[i + 1]].tobytes())
        for name, i in zip(classes, chosen, strict=True)
    ]
    return classes, found


def main() -> None:
    """Writes packages and examples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    classes, found = pictures(arguments.data)
    measured = json.loads((arguments.out / "metrics.json").read_text(encoding="utf-8"))["models"]
    cases = [{"name": name, "input": {"image": base64.b64encode(jpeg).decode()}} for name, jpeg in found]
    for folder, name in FORMS.items():
        files = {
            "model.onnx": ("graph", (arguments.out / f"{name}.onnx").read_bytes()),
            "reference-cases.json": ("reference-cases", packaging.json_bytes({"cases": cases})),
        }
        packaging.write(FOLDER / folder, manifest(name, classes, measured[name]), files)
    EXAMPLES.mkdir(exist_ok=True)
    for name in ("ship", "cat"):
        (EXAMPLES / f"{name}.jpg").write_bytes(found[classes.index(name)][1])
    (EXAMPLES / "bad.jpg").write_bytes(found[0][1][:100])


if __name__ == "__main__":
    main()
