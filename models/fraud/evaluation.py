"""Figures on the later window, and the tables of the model card."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from fraud_patterns import PATTERNS

THRESHOLD = 0.8
"""A fraud probability above this blocks the payment."""


class Scores(NamedTuple):
    """How good one model is."""

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


def comparison_table(results: dict[str, Scores]) -> str:
    """A Markdown table with a row per model."""
    lines = [
        "| Model | AUC-PR | AUC-ROC | Precision | Recall | F1 | Brier score |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, s in results.items():
        lines.append(
            f"| {name} | {s.auc_pr:.3f} | {s.auc_roc:.3f} | {s.precision:.3f} | {s.recall:.3f} "
            f"| {s.f1:.3f} | {s.brier:.5f} |"
        )
    return "\n".join(lines)


def pattern_table(pattern: NDArray[Any], probability: NDArray[Any]) -> str:
    """Recall per fraud pattern: what share of its transactions is blocked or stands out."""
    block = blocked(probability)
    lines = [
        f"| Pattern | Transactions | Recall at {THRESHOLD} | Recall at 0.5 |",
        "|---|---|---|---|",
    ]
    for index, name in enumerate(PATTERNS):
        if index == 0:
            continue
        those = pattern == index
        lines.append(
            f"| {name.replace('_', ' ')} | {np.sum(those)} | {np.mean(block[those]):.3f} "
            f"| {np.mean(probability[those] > 0.5):.3f} |"
        )
    return "\n".join(lines)


def calibration_table(label: NDArray[np.bool_], probability: NDArray[Any]) -> str:
    """Predicted against observed share of frauds, by ranges of the predicted probability."""
    edges = [0.0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0]
    lines = [
        "| Predicted | Transactions | Mean predicted | Observed |",
        "|---|---|---|---|",
    ]
    for low, high in zip(edges, edges[1:], strict=False):
        inside = (probability > low) & (probability <= high)
        if not inside.any():
            continue
        lines.append(
            f"| {low} to {high} | {np.sum(inside)} | {np.mean(probability[inside]):.4f} "
            f"| {np.mean(label[inside]):.4f} |"
        )
    return "\n".join(lines)
