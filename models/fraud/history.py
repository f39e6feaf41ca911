"""What a bank knows about the past when a payment arrives: reported labels and aggregates.

The model itself keeps no state. These values travel with the transaction, and each one uses only
what came before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulate import DAY, DAYS, Batch

DELAY_DAYS = 7
"""How long a report of fraud takes."""

WINDOW_DAYS = 28
"""The days over which a terminal's frauds are counted."""

UNREPORTED = 0.03
"""Share of frauds that nobody reports."""

FALSE_REPORTS = 0.0002
"""Share of genuine payments that are reported as fraud."""

_NO_HISTORY_MINUTES = 43_200.0


def reported_labels(seed: int, batch: Batch) -> NDArray[np.bool_]:
    """The labels as a bank comes to see them: with a few mistakes both ways."""
    rng = np.random.default_rng([seed, 4])
    fraud = batch.pattern > 0
    chance = rng.random(batch.size)
    return np.where(fraud, chance >= UNREPORTED, chance < FALSE_REPORTS)


def aggregates(batch: Batch, label: NDArray[np.bool_], terminals: int) -> dict[str, NDArray[Any]]:
    """The aggregate fields of the declaration. `batch` is sorted by time."""
    order = np.lexsort((batch.second, batch.customer))
    customer, second = batch.customer[order], batch.second[order]
    rank = np.arange(batch.size)
    key = customer * (4 * DAYS * DAY) + second + 2 * DAYS * DAY

    def since(seconds: int) -> NDArray[np.int64]:
        """The rank of the customer's first transaction in the window before each one."""
        return np.searchsorted(key, key - seconds, side="left")

    paid = np.concatenate([[0.0], np.cumsum(np.round(batch.amount[order] * 100.0))])
    window = since(30 * DAY)
    count = rank - window
    average = (paid[rank] - paid[window]) / 100.0 / np.maximum(count, 1)

    previous = np.append(0, second[:-1])
    is_first = np.append(True, customer[1:] != customer[:-1])
    minutes = np.minimum((second - previous) / 60.0, _NO_HISTORY_MINUTES)
    minutes = np.where(is_first, _NO_HISTORY_MINUTES, minutes)

    back = np.empty_like(order)
    back[order] = rank
    return {
        "customer_tx_count_1h": (rank - since(3600))[back],
        "customer_tx_count_24h": (rank - since(DAY))[back],
        "customer_amount_avg_30d": np.round(average, 2)[back],
        "minutes_since_last_transaction": np.round(minutes, 1)[back],
        "terminal_fraud_rate_28d": _terminal_fraud_rate(batch, label, terminals),
    }


def _terminal_fraud_rate(
    batch: Batch, label: NDArray[np.bool_], terminals: int
) -> NDArray[np.float64]:
    """Frauds reported by now among the terminal's transactions from 35 to 7 days ago."""
    day = batch.second // DAY

    def before(weights: NDArray[Any] | None) -> NDArray[np.float64]:
        """[terminal, day]: the sum over all days before that day."""
        at = batch.terminal * DAYS + day
        daily = np.bincount(at, weights, terminals * DAYS).reshape(terminals, DAYS)
        return np.concatenate([np.zeros((terminals, 1)), np.cumsum(daily, axis=1)], axis=1)

    def in_window(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        end = np.maximum(day - DELAY_DAYS, 0)
        start = np.maximum(day - DELAY_DAYS - WINDOW_DAYS, 0)
        return sums[batch.terminal, end] - sums[batch.terminal, start]

    frauds = in_window(before(label.astype(np.float64)))
    return np.round(frauds / np.maximum(in_window(before(None)), 1.0), 4)
