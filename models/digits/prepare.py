"""From a drawing to what the network reads, step by step as MNIST was made: the box of the ink, its longer side
to 20 pixels, the darkest ink to 1, then the centre of mass to the middle of 28 by 28. The package does the same
at serving time; this is the reference in Python."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits.data import SIDE

BOX = 20
INK = 0.1
"""What is darker than this share of the darkest ink belongs to the box."""


def prepare(drawing: NDArray[np.float32]) -> NDArray[np.float32]:
    """A drawing f32 [H, W], 0 (paper) to 1 (ink), as f32 [28, 28]. Without ink it is all zero."""
    result = np.zeros((SIDE, SIDE), dtype=np.float32)
    seen = drawing > INK * drawing.max(initial=0.0)
    if not seen.any():
        return result
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    box = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    factor = BOX / max(box.shape)
    height, width = (max(1, round(side * factor)) for side in box.shape)
    image = Image.fromarray(np.ascontiguousarray(box))
    small = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    top, left = _corner(small.sum(axis=1)), _corner(small.sum(axis=0))
    result[top : top + height, left : left + width] = small / small.max()
    return result


def _corner(mass: NDArray[np.float32]) -> int:
    """Where a box starts, so that its centre of mass comes to pixel 14, and all of it stays inside."""
    middle = float(mass @ np.arange(len(mass)) / mass.sum())
    return min(max(int(np.floor(SIDE / 2 - middle + 0.5)), 0), SIDE - len(mass))
