"""Drawings as people make them on a canvas, to measure with: each held-back digit is drawn with a pen of one
width, somewhere on a canvas of 280 by 280, at some size, and goes through the serving preprocessing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits.pen import field_of_image
from digits.prepare import prepare

SIDE = 280
TURN = 10.0
"""Degrees, at most, to either side."""


@dataclass(frozen=True)
class Condition:
    """How the digits of one row of the table are drawn."""

    name: str
    size: tuple[int, int]
    """Pixels that the digit's canvas of 72 by 72 is scaled to; the digit fills about half of it."""
    radius: tuple[float, float]
    """Of the pen, in pixels of the large canvas."""


CONDITIONS = [
    Condition("a usual pen", (360, 480), (7.0, 12.0)),
    Condition("a thin pen", (360, 480), (1.5, 4.0)),
    Condition("a thick pen", (360, 480), (14.0, 20.0)),
    Condition("small, anywhere", (110, 170), (2.0, 4.0)),
]


def drawings(
    image: NDArray[np.float32], condition: Condition, seed: int
) -> NDArray[np.float32]:
    """Digits f32 [N, 28, 28] drawn anew: f32 [N, 1, 28, 28] as the network reads them."""
    draw = np.random.default_rng(seed)
    return np.stack([prepare(on_canvas(digit, condition, draw)) for digit in image])[:, None]


def on_canvas(
    digit: NDArray[np.float32], condition: Condition, draw: np.random.Generator
) -> NDArray[np.float32]:
    side = int(draw.integers(condition.size[0], condition.size[1] + 1))
    field = field_of_image(digit)
    path = Image.fromarray(field).resize((side, side), Image.Resampling.BICUBIC)
    path = path.rotate(
        draw.uniform(-TURN, TURN), Image.Resampling.BILINEAR, fillcolor=float(field.max())
    )
    distance = np.asarray(path) * (side / len(field))
    ink = np.clip(draw.uniform(*condition.radius) - distance + 0.5, 0, 1)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    canvas = np.zeros((SIDE, SIDE), dtype=np.float32)
    height, width = (min(length, SIDE) for length in ink.shape)
    top = int(draw.integers(0, SIDE - height + 1))
    left = int(draw.integers(0, SIDE - width + 1))
    canvas[top : top + height, left : left + width] = ink[:height, :width]
    return canvas
