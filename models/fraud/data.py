"""The data that the models see: the simulated transactions, their features, and the windows of
time that separate what is learned from what is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import simulate
from features import Declaration
from fraud_patterns import add_frauds
from history import aggregates, reported_labels

SEED = 20_260_314
CUSTOMERS = 4_200

Window = tuple[int, int]
"""Days since the simulation's start, the end not included."""

# Before the training window lie the days that the longest aggregate looks back on; between two
# windows lie the days that reports of fraud take.
TRAINING: Window = (35, 126)
STACKING: Window = (133, 154)
TEST: Window = (161, simulate.DAYS)


@dataclass
class Data:
    """The simulated transactions, sorted by time."""

    columns: dict[str, NDArray[Any]]
    rows: NDArray[np.float32]
    label: NDArray[np.bool_]
    pattern: NDArray[np.int64]
    day: NDArray[np.int64]

    def within(self, window: Window) -> NDArray[np.bool_]:
        """The transactions of a window of days."""
        return (self.day >= window[0]) & (self.day < window[1])


def make_data(declaration: Declaration, seed: int, customers: int) -> Data:
    """Simulates, and computes features from the declaration."""
    world = simulate.make_world(seed, customers, shops=customers // 2, merchants=customers // 10)
    batch = add_frauds(seed, world, simulate.genuine(seed, world))
    label = reported_labels(seed, batch)
    past = aggregates(batch, label, world.terminals.country.size)
    columns = simulate.columns(world, batch, past)
    return Data(
        columns=columns,
        rows=declaration.evaluate(columns),
        label=label,
        pattern=batch.pattern,
        day=batch.second // simulate.DAY,
    )
