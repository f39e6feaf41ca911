"""The generated parts of the model card: Markdown tables, and where they go in `README.md`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data import Data, Window
from evaluation import THRESHOLD, Scores, blocked
from fraud_patterns import PATTERNS

CARD = Path(__file__).with_name("README.md")


def update_model_card(name: str, text: str) -> None:
    """Replaces the part of the model card between the marks of this name."""
    card = CARD.read_text(encoding="utf-8")
    pattern = rf"(<!-- {name}: written by \w+\.py -->\n).*?(<!-- end of {name} -->)"
    card, found = re.subn(pattern, lambda m: f"{m[1]}\n{text}\n\n{m[2]}", card, flags=re.DOTALL)
    if found != 1:
        raise RuntimeError(f"README.md has no place for {name}")
    CARD.write_text(card, encoding="utf-8")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = "|---" * len(heads) + "|"
    head, *body = (f"| {' | '.join(cells)} |" for cells in (heads, *rows))
    return "\n".join([head, rule, *body])


def window_table(data: Data, windows: Mapping[str, Window]) -> str:
    """The windows of time and what lies in them."""
    rows = []
    for name, window in windows.items():
        inside = data.within(window)
        count, frauds = np.sum(inside), np.sum(data.label[inside])
        rows.append([name, f"{window[0]} to {window[1] - 1}", f"{count}", f"{frauds}"])
    return _table(["Window", "Days", "Transactions", "Reported frauds"], rows)


def choice_table(worlds: Sequence[Mapping[str, tuple[float, float]]], chosen: str) -> str:
    """Per candidate AUC-PR in each world, and the means of AUC-PR and log loss."""
    rows = []
    for name in worlds[0]:
        auc_pr, log_loss = np.array([world[name] for world in worlds]).T
        shown = f"**{name}**" if name == chosen else name
        rows.append([
            shown, *(f"{a:.4f}" for a in auc_pr), f"{auc_pr.mean():.4f}", f"{log_loss.mean():.5f}",
        ])
    heads = [f"World {index}" for index in range(1, len(worlds) + 1)]
    return _table(["Second member", *heads, "Mean AUC-PR", "Mean log loss"], rows)


def comparison_table(results: Mapping[str, Scores]) -> str:
    """One row per model."""
    rows = [
        [name, *(f"{value:.3f}" for value in s[:-1]), f"{s.brier:.5f}"]
        for name, s in results.items()
    ]
    return _table(["Model", "AUC-PR", "AUC-ROC", "Precision", "Recall", "F1", "Brier score"], rows)


def pattern_table(pattern: NDArray[np.int64], probability: NDArray[Any]) -> str:
    """What share of each fraud pattern's transactions is blocked or stands out."""
    block = blocked(probability)
    rows = []
    for index, name in enumerate(PATTERNS[1:], start=1):
        those = pattern == index
        rows.append([
            name.replace("_", " "),
            f"{np.sum(those)}",
            f"{np.mean(block[those]):.3f}",
            f"{np.mean(probability[those] > 0.5):.3f}",
        ])
    return _table(["Pattern", "Transactions", f"Recall at {THRESHOLD}", "Recall at 0.5"], rows)


def calibration_table(label: NDArray[np.bool_], probability: NDArray[Any]) -> str:
    """Predicted against observed share of frauds, by ranges of the predicted probability."""
    rows = []
    for low, high in pairwise([0.0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0]):
        inside = (probability > low) & (probability <= high)
        if inside.any():
            rows.append([
                f"{low} to {high}",
                f"{np.sum(inside)}",
                f"{np.mean(probability[inside]):.4f}",
                f"{np.mean(label[inside]):.4f}",
            ])
    return _table(["Predicted", "Transactions", "Mean predicted", "Observed"], rows)


def agreement_table(rows: Sequence[Sequence[str]]) -> str:
    """How far ONNX Runtime is from the libraries that trained the model."""
    return _table(["Compared over the test window", "Largest difference"], rows)


def gain_table(gain: float, interval: tuple[float, float]) -> str:
    """What the second member adds to the first."""
    low, high = interval
    row = ["the package over XGBoost alone", f"{gain:+.4f}", f"{low:+.4f} to {high:+.4f}"]
    return _table(["AUC-PR", "Gain", "95 % interval (days drawn anew 300 times)"], [row])


def group_table(
    columns: Mapping[str, NDArray[Any]], label: NDArray[np.bool_], probability: NDArray[Any]
) -> str:
    """Whom the model blocks wrongly how often, and what it finds, by kinds of transactions."""
    abroad = columns["merchant_country"] != columns["customer_country"]
    groups = {
        "all": np.ones(label.size, dtype=bool),
        "at a merchant abroad": abroad,
        "online": columns["channel"] == "online",
        "in a shop": columns["channel"] != "online",
        "account younger than 90 days": columns["account_age_days"] < 90,
    }
    for country in np.unique(columns["customer_country"]):
        groups[f"customer's home: {country}"] = columns["customer_country"] == country
    block = blocked(probability)
    rows = []
    for name, inside in groups.items():
        wrongly = np.mean(block[inside & ~label]) * 10_000
        found = np.mean(block[inside & label])
        rows.append([
            name,
            f"{np.sum(inside)}",
            f"{np.sum(inside & label)}",
            f"{wrongly:.1f}",
            f"{found:.3f}",
        ])
    blocked_wrongly, recall = "Blocked of 10,000 others", f"Recall at {THRESHOLD}"
    return _table(["Group", "Transactions", "Reported frauds", blocked_wrongly, recall], rows)
