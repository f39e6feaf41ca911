"""Digits as the path of a pen rather than as ink. A path is kept as its distance field: for every point
of a canvas of 72 by 72, how far the path is. With it a stroke of any width is drawn by one comparison,
also after the field has been bent, which is how thick, thin and shaky drawings are made for training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize

CANVAS = 72
"""Side of the canvas. A digit fills about 40 of it, twice its size in MNIST."""
ENLARGED = 56
MARGIN = (CANVAS - ENLARGED) // 2

Field = NDArray[np.float32]


def enlarge(image: Field) -> Field:
    """One digit f32 [28, 28] in the middle of a canvas, at twice its size."""
    large = Image.fromarray(image).resize((ENLARGED, ENLARGED), Image.Resampling.BICUBIC)
    return np.pad(np.clip(np.asarray(large), 0, 1), MARGIN)


def field_of_image(image: Field) -> Field:
    """The distance field of the middle line of a digit's ink."""
    path = skeletonize(enlarge(image) > 0.5)
    if not path.any():
        raise ValueError("a digit without ink has no path")
    return distance_transform_edt(~path).astype(np.float32)


def field_of_strokes(strokes: list[NDArray[np.float64]]) -> Field:
    """The distance field of polylines, each [points, 2] of x and y on the canvas."""
    start = np.concatenate([line[:-1] for line in strokes])
    end = np.concatenate([line[1:] for line in strokes])
    place = np.arange(CANVAS) + 0.5
    x, y = np.meshgrid(place, place)
    point = np.stack([x, y], axis=-1)[:, :, None, :]
    along = end - start
    length = np.maximum((along**2).sum(axis=-1), 1e-12)
    share = np.clip(((point - start) * along).sum(axis=-1) / length, 0, 1)
    nearest = start + share[..., None] * along
    return np.sqrt(((point - nearest) ** 2).sum(axis=-1)).min(axis=-1).astype(np.float32)
