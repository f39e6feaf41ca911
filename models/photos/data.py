"""The CIFAR-10 training photos, decoded and split. Out come normalised images f32 [N, 3, 32, 32]
(RGB) and labels int64 [N]; what a photo goes through here is what the package does to it at serving
time, after resizing and cropping to 32 by 32."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.source import Source

SOURCE = Source(
    name="cifar10-train.npz",
    sha256="9434901cfb98d0572d02115cce064f67116d5e37088136e5300ac41a1424b02b",
    origin=(
        "The 50,000 training photos of CIFAR-10 (Krizhevsky 2009; free for research and education,\n"
        "https://www.cs.toronto.edu/~kriz/cifar.html), kept as JPEG: `jpeg` uint8 [bytes], `offset`\n"
        "int64 [50001] (photo i is jpeg[offset[i]:offset[i+1]]), `label` uint8 [50000], `classes`.\n"
        "Anyone can make such a file from the published batches with Pillow; other bytes need\n"
        "another digest in photos/data.py, and give figures that differ a little."
    ),
)

SIDE = 32
MEAN = np.array([0.4914, 0.4822, 0.4465], dtype=np.float32)
"""Per channel, over the CIFAR-10 training set, of values 0..1."""
DEVIATION = np.array([0.2470, 0.2435, 0.2616], dtype=np.float32)

HELD_BACK = 5_000
"""Measured once, at the end."""
VALIDATION = 1_000
"""For the calibration of confidence, and to watch a training by."""
SPLIT_SEED = 20_260_510


@dataclass
class Split:
    """Some of the photos."""

    image: NDArray[np.float32]
    """Shape [N, 3, 32, 32], normalised."""
    label: NDArray[np.int64]
    """Shape [N], 0..9."""


@dataclass
class Photos:
    """Three parts without a photo in common, each with equally many photos of each class."""

    classes: list[str]
    training: Split
    validation: Split
    held_back: Split


def normalise(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 [N, 32, 32, 3] to normalised f32 [N, 3, 32, 32]."""
    scaled = (pixels.astype(np.float32) / 255 - MEAN) / DEVIATION
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def load(path: Path) -> Photos:
    """Reads, decodes and splits. The same file always gives the same parts."""
    with np.load(SOURCE.check(path)) as file:
        jpeg, offset = file["jpeg"], file["offset"]
        label, classes = file["label"].astype(np.int64), [str(name) for name in file["classes"]]
    pixels = np.empty((label.size, SIDE, SIDE, 3), dtype=np.uint8)
    for i in range(label.size):
        encoded = jpeg[offset[i] : offset[i + 1]].tobytes()
        pixels[i] = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
    image = normalise(pixels)
    held_back, validation, training = split(label, len(classes))
    return Photos(
        classes,
        training=Split(image[training], label[training]),
        validation=Split(image[validation], label[validation]),
        held_back=Split(image[held_back], label[held_back]),
    )


def split(label: NDArray[np.int64], classes: int) -> list[NDArray[np.int64]]:
    """Indices of the held-back, validation and training photos."""
    draw = np.random.default_rng(SPLIT_SEED)
    first, second = HELD_BACK // classes, (HELD_BACK + VALIDATION) // classes
    parts: list[list[NDArray[np.int64]]] = [[], [], []]
    for c in range(classes):
        shuffled = draw.permutation(np.flatnonzero(label == c))
        for part, chosen in zip(parts, np.split(shuffled, [first, second]), strict=True):
            part.append(chosen)
    return [np.sort(np.concatenate(part)) for part in parts]
