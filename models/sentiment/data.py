"""The review sentences and their parts, and the everyday sentences to measure with."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.source import Source

HERE = Path(__file__).resolve().parent

SOURCE = Source(
    name="sentences.tsv",
    sha256="5995c1fd3a4dd3d1af95a4890816b2a1809138f43594d3e18f5e210787199214",
    origin=(
        "11,955 English review sentences, columns `text`, `label` (1 positive, 0 negative), `source`:\n"
        "9,337 of rt-polarity (Pang and Lee 2005, https://www.cs.cornell.edu/people/pabo/movie-review-data/)\n"
        "and 2,618 of the UCI Sentiment Labelled Sentences (Kotzias et al. 2015, CC BY 4.0,\n"
        "https://archive.ics.uci.edu/dataset/331/sentiment+labelled+sentences). Anyone can make such a\n"
        "file from those; another choice of sentences needs another digest in sentiment/data.py, and\n"
        "gives figures that differ a little."
    ),
)

LABELS = ["negative", "positive"]
HELD_BACK = 1_500
"""Measured once, at the end."""
VALIDATION = 500
"""For the calibration of confidence and the bound of neutral, and to watch a training by."""
SPLIT_SEED = 20_260_515


@dataclass
class Split:
    """Some of the sentences."""

    text: list[str]
    label: NDArray[np.int64]
    """Shape [N]: 1 positive, 0 negative."""
    source: list[str]


@dataclass
class Sentences:
    """Three parts without a sentence in common."""

    training: Split
    validation: Split
    held_back: Split


def load(path: Path) -> Sentences:
    """Reads and splits. The same file always gives the same parts; a sentence that occurs twice is
    kept once."""
    with SOURCE.check(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    once = list({row["text"].casefold().strip(): row for row in rows}.values())
    order = np.random.default_rng(SPLIT_SEED).permutation(len(once))
    held_back, validation, training = np.split(order, [HELD_BACK, HELD_BACK + VALIDATION])
    return Sentences(*(_part(once, chosen) for chosen in (training, validation, held_back)))


def everyday_held_back() -> list[tuple[str, str]]:
    """Everyday sentences written by hand to measure with, and `positive`, `negative` or `neutral`."""
    with (HERE / "everyday-held-back.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["text"], row["label"]) for row in rows]


def _part(rows: list[dict[str, str]], chosen: NDArray[np.int64]) -> Split:
    picked = [rows[i] for i in chosen]
    label = np.array([int(row["label"]) for row in picked], dtype=np.int64)
    return Split([row["text"] for row in picked], label, [row["source"] for row in picked])
