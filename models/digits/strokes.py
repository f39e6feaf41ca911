"""Ways of writing digits that MNIST, collected in the United States, has few of: a one with a flag or a
foot, a crossed seven, an open or a closed four, a nine with a straight or a curved leg, and the plain
shapes that a mouse draws. Each is a few points by hand, joined by a smooth or a straight line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from digits.pen import CANVAS, Field, field_of_strokes

Point = tuple[float, float]
Shape = list[tuple[str, list[Point]]]
"""Strokes: `curve` or `line`, through points of x and y in 0..1, y downwards."""

OVAL: list[Point] = [
    (0.5, 0.0), (0.2, 0.15), (0.1, 0.5), (0.2, 0.85), (0.5, 1.0), (0.8, 0.85), (0.9, 0.5),
    (0.8, 0.15), (0.5, 0.0),
]
ROUND_TOP: list[Point] = [
    (0.8, 0.12), (0.5, 0.0), (0.22, 0.12), (0.18, 0.32), (0.45, 0.5), (0.75, 0.35), (0.8, 0.12),
]

SHAPES: list[tuple[int, Shape]] = [
    (0, [("curve", OVAL)]),
    (0, [("curve", [(x, 0.1 + 0.8 * y) for x, y in OVAL])]),
    (0, [("line", [(0.15, 0), (0.85, 0), (0.85, 1), (0.15, 1), (0.15, 0)])]),
    (1, [("line", [(0.5, 0), (0.5, 1)])]),
    (1, [("line", [(0.6, 0), (0.4, 1)])]),
    (1, [("line", [(0.25, 0.3), (0.6, 0), (0.6, 1)])]),
    (1, [("line", [(0.1, 0.45), (0.65, 0), (0.65, 1)])]),
    (1, [("line", [(0.3, 0.22), (0.55, 0), (0.55, 1)]), ("line", [(0.25, 1), (0.85, 1)])]),
    (2, [("curve", [(0.12, 0.25), (0.3, 0.03), (0.65, 0.02), (0.85, 0.25), (0.65, 0.55), (0.1, 1)]),
         ("line", [(0.1, 1), (0.9, 1)])]),
    (2, [("curve", [(0.15, 0.2), (0.5, 0.0), (0.82, 0.22), (0.6, 0.6), (0.25, 0.95), (0.12, 0.85),
                    (0.3, 0.78), (0.6, 0.95), (0.9, 0.92)])]),
    (2, [("line", [(0.1, 0), (0.85, 0), (0.85, 0.5), (0.1, 0.5), (0.1, 1), (0.85, 1)])]),
    (3, [("curve", [(0.15, 0.12), (0.5, 0.0), (0.82, 0.2), (0.7, 0.42), (0.42, 0.48)]),
         ("curve", [(0.42, 0.48), (0.75, 0.55), (0.88, 0.78), (0.55, 1.0), (0.12, 0.88)])]),
    (3, [("line", [(0.12, 0), (0.85, 0), (0.42, 0.42)]),
         ("curve", [(0.42, 0.42), (0.8, 0.55), (0.85, 0.8), (0.5, 1.0), (0.12, 0.9)])]),
    (3, [("line", [(0.15, 0), (0.85, 0), (0.85, 1), (0.15, 1)]),
         ("line", [(0.3, 0.5), (0.85, 0.5)])]),
    (4, [("line", [(0.15, 0), (0.1, 0.55), (0.9, 0.55)]), ("line", [(0.7, 0), (0.7, 1)])]),
    (4, [("line", [(0.65, 1), (0.65, 0), (0.08, 0.68), (0.95, 0.68)])]),
    (4, [("line", [(0.55, 0), (0.1, 0.6), (0.9, 0.6)]), ("line", [(0.65, 0.35), (0.6, 1)])]),
    (4, [("line", [(0.15, 0), (0.15, 0.5), (0.8, 0.5)]), ("line", [(0.8, 0), (0.8, 1)])]),
    (5, [("line", [(0.85, 0), (0.25, 0), (0.2, 0.45)]),
         ("curve", [(0.2, 0.45), (0.55, 0.38), (0.85, 0.6), (0.75, 0.9), (0.45, 1.0), (0.12, 0.9)])]),
    (5, [("line", [(0.3, 0.05), (0.25, 0.45)]),
         ("curve", [(0.25, 0.45), (0.6, 0.42), (0.8, 0.68), (0.55, 0.98), (0.15, 0.92)]),
         ("line", [(0.3, 0.05), (0.9, 0.0)])]),
    (5, [("line", [(0.85, 0), (0.15, 0), (0.15, 0.5), (0.85, 0.5), (0.85, 1), (0.15, 1)])]),
    (6, [("curve", [(0.75, 0.0), (0.35, 0.25), (0.15, 0.65), (0.3, 0.96), (0.65, 0.98), (0.85, 0.75),
                    (0.65, 0.52), (0.35, 0.55), (0.18, 0.75)])]),
    (6, [("curve", [(0.45, 0.0), (0.22, 0.4), (0.2, 0.8), (0.5, 1.0), (0.8, 0.82), (0.7, 0.58),
                    (0.4, 0.58), (0.22, 0.75)])]),
    (6, [("line", [(0.85, 0), (0.15, 0), (0.15, 1), (0.85, 1), (0.85, 0.5), (0.15, 0.5)])]),
    (7, [("line", [(0.1, 0), (0.9, 0), (0.4, 1)])]),
    (7, [("line", [(0.1, 0), (0.9, 0), (0.4, 1)]), ("line", [(0.32, 0.5), (0.85, 0.5)])]),
    (7, [("line", [(0.12, 0.2), (0.12, 0), (0.88, 0)]), ("curve", [(0.88, 0), (0.6, 0.45), (0.5, 1)])]),
    (7, [("line", [(0.1, 0.05), (0.9, 0)]), ("curve", [(0.9, 0), (0.6, 0.4), (0.45, 1)]),
         ("line", [(0.3, 0.55), (0.8, 0.45)])]),
    (7, [("line", [(0.15, 0), (0.8, 0), (0.8, 1)])]),
    (8, [("curve", [(0.8, 0.15), (0.5, 0.0), (0.22, 0.2), (0.5, 0.47), (0.82, 0.75), (0.5, 1.0),
                    (0.18, 0.75), (0.5, 0.47), (0.8, 0.2), (0.75, 0.1)])]),
    (8, [("curve", [(0.5, 0.0), (0.25, 0.1), (0.25, 0.38), (0.5, 0.47), (0.75, 0.38), (0.75, 0.1),
                    (0.5, 0.0)]),
         ("curve", [(0.5, 0.47), (0.18, 0.6), (0.18, 0.9), (0.5, 1.0), (0.82, 0.9), (0.82, 0.6),
                    (0.5, 0.47)])]),
    (8, [("line", [(0.15, 0), (0.85, 0), (0.85, 1), (0.15, 1), (0.15, 0)]),
         ("line", [(0.15, 0.5), (0.85, 0.5)])]),
    (9, [("curve", ROUND_TOP), ("line", [(0.8, 0.12), (0.75, 1)])]),
    (9, [("curve", ROUND_TOP), ("curve", [(0.8, 0.12), (0.85, 0.6), (0.6, 0.95), (0.2, 0.95)])]),
    (9, [("curve", ROUND_TOP), ("curve", [(0.8, 0.15), (0.7, 0.6), (0.45, 1)])]),
    (9, [("line", [(0.85, 0.5), (0.15, 0.5), (0.15, 0), (0.85, 0), (0.85, 1), (0.15, 1)])]),
]

VARIANTS = 40
"""Of each shape, with its points moved."""
WOBBLE = 0.035
"""Standard deviation of a point's move, in digit heights."""
STEPS = 8
"""Straight pieces between two points of a curve."""


def written(seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Distance fields f32 [N, 72, 72] of varied shapes, and the digits int64 [N] that they are."""
    draw = np.random.default_rng(seed)
    fields, labels = [], []
    for digit, shape in SHAPES:
        for _ in range(VARIANTS):
            fields.append(_field(shape, draw))
            labels.append(digit)
    return np.stack(fields), np.array(labels, dtype=np.int64)


def _field(shape: Shape, draw: np.random.Generator) -> Field:
    """One variant; points that strokes share move together, so that they stay joined."""
    moved: dict[Point, NDArray[np.float64]] = {}
    height, width = 40.0, draw.uniform(20.0, 36.0)
    corner = np.array([(CANVAS - width) / 2, (CANVAS - height) / 2])
    lines = []
    for kind, points in shape:
        for point in points:
            if point not in moved:
                wobbly = np.array(point) + draw.normal(0, WOBBLE, size=2)
                moved[point] = corner + wobbly * (width, height)
        path = np.stack([moved[point] for point in points])
        lines.append(_smooth(path) if kind == "curve" else path)
    return field_of_strokes(lines)


def _smooth(path: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Catmull-Rom curve through the points."""
    padded = np.concatenate([2 * path[:1] - path[1:2], path, 2 * path[-1:] - path[-2:-1]])
    t = np.linspace(0, 1, STEPS, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:]):
        bend = (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
        pieces.append(b + 0.5 * ((c - a) * t + bend))
    return np.concatenate([*pieces, path[-1:]])
