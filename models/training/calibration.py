"""Makes a network's confidence mean what it says: one temperature, fitted on rows that the network
did not learn from, by which all logits are divided (Guo et al. 2017, arXiv:1706.04599)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CANDIDATES = np.geomspace(0.1, 5.0, 400)


def temperature(logits: NDArray[np.float32], label: NDArray[np.int64]) -> float:
    """The temperature with the least mean negative log likelihood. Logits are f32 [N, classes],
    labels int64 [N]."""
    losses = [_loss(logits / t, label) for t in CANDIDATES]
    return float(CANDIDATES[int(np.argmin(losses))])


def expected_error(probabilities: NDArray[np.float32], label: NDArray[np.int64]) -> float:
    """Expected calibration error: the mean distance of confidence and accuracy over ten equal
    intervals of confidence, weighted by the rows in each."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == label
    interval = np.minimum((confidence * 10).astype(int), 9)
    gaps = [
        (interval == i).mean() * abs(confidence[interval == i].mean() - right[interval == i].mean())
        for i in np.unique(interval)
    ]
    return float(np.sum(gaps))


def _loss(logits: NDArray[np.float32], label: NDArray[np.int64]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    normaliser = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(normaliser - shifted[np.arange(len(label)), label]))
