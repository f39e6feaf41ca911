"""How good a model is on transactions that it has not seen."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

THRESHOLD = 0.8
"""A fraud probability above this blocks the payment."""


class Scores(NamedTuple):
    """The figures of one model. Precision, recall and F1 are those at the threshold."""

    auc_pr: float
    auc_roc: float
    precision: float
    recall: float
    f1: float
    brier: float


def blocked(probability: NDArray[Any]) -> NDArray[np.bool_]:
    """Compared as a host does: the binary32 score, widened, with the binary64 threshold."""
    return probability.astype(np.float32).astype(np.float64) > THRESHOLD


def scores(label: NDArray[np.bool_], probability: NDArray[Any]) -> Scores:
    """Ranking quality, and precision and recall at the threshold."""
    block = blocked(probability)
    hits = float(np.sum(block & label))
    precision = hits / max(float(np.sum(block)), 1.0)
    recall = hits / max(float(np.sum(label)), 1.0)
    return Scores(
        auc_pr=float(average_precision_score(label, probability)),
        auc_roc=float(roc_auc_score(label, probability)),
        precision=precision,
        recall=recall,
        f1=2.0 * precision * recall / max(precision + recall, 1e-12),
        brier=float(brier_score_loss(label, probability)),
    )


def gain_interval(
    seed: int,
    day: NDArray[np.int64],
    label: NDArray[np.bool_],
    better: NDArray[Any],
    worse: NDArray[Any],
    draws: int = 300,
) -> tuple[float, float]:
    """The 95 % bootstrap interval of how much AUC-PR `better` has over `worse`. Whole days are
    drawn, because the transactions of an episode of fraud belong together."""
    rng = np.random.default_rng([seed, 7])
    index = day - day.min()
    gains = []
    for _ in range(draws):
        drawn = rng.integers(0, index.max() + 1, index.max() + 1)
        weight = np.bincount(drawn, minlength=index.max() + 1)[index].astype(np.float64)
        ours, theirs = (
            average_precision_score(label, probability, sample_weight=weight)
            for probability in (better, worse)
        )
        gains.append(ours - theirs)
    low, high = np.quantile(gains, [0.025, 0.975])
    return float(low), float(high)
