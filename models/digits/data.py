"""The handwritten digits and their parts. Images are f32 [N, 28, 28], 0 (paper) to 1 (ink), each in a
box of 20 pixels with its centre of mass in the middle, as MNIST has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.source import Source

SOURCE = Source(
    name="mnist.npz",
    sha256="b62ae40fb5134384410aa1c71e3252f8ffda55417f043039c37edb6f20081901",
    origin=(
        "8,000 of the 10,000 digits of MNIST's test file (LeCun, Cortes and Burges; CC BY-SA 3.0,\n"
        "http://yann.lecun.com/exdb/mnist/): `image` uint8 [8000, 28, 28], `label` uint8 [8000].\n"
        "Anyone can make such a file from t10k-images-idx3-ubyte; another choice of digits needs\n"
        "another digest in digits/data.py, and gives figures that differ a little."
    ),
)

SIDE = 28
HELD_BACK = 1_000
"""Measured once, at the end."""
VALIDATION = 500
"""For the calibration of confidence, and to watch a training by."""
SPLIT_SEED = 20_260_512


@dataclass
class Split:
    """Some of the digits."""

    image: NDArray[np.float32]
    label: NDArray[np.int64]


@dataclass
class Digits:
    """Three parts without a digit in common."""

    training: Split
    validation: Split
    held_back: Split


def load(path: Path) -> Digits:
    """Reads and splits. The same file always gives the same parts."""
    with np.load(SOURCE.check(path)) as file:
        image = file["image"].astype(np.float32) / 255
        label = file["label"].astype(np.int64)
    order = np.random.default_rng(SPLIT_SEED).permutation(label.size)
    held_back, validation, training = np.split(order, [HELD_BACK, HELD_BACK + VALIDATION])
    parts = (Split(image[part], label[part]) for part in (training, validation, held_back))
    return Digits(*parts)
