"""What is read in one epoch: the review sentences, everyday sentences, several sentences of one kind in a row as
longer reviews have them, and for students also pieces of sentences that only the teacher judges."""

from __future__ import annotations

import re

import numpy as np

from sentiment import everyday
from sentiment.data import Split
from sentiment.learn import Lesson

SURE = 0.97
"""How positive a positive label counts; a negative one as far from 1."""
EVERYDAY = 2_000
LONGER = 600
PIECES = 4_000


def reviews(training: Split, draw: np.random.Generator) -> Lesson:
    """Everything that has a label."""
    lesson = Lesson([], [], [])
    for text, label in zip(training.text, training.label, strict=True):
        _add(lesson, _as_typed(text, draw), SURE if label else 1 - SURE)
    for text, positive in zip(*everyday.drawn(EVERYDAY, draw), strict=True):
        _add(lesson, text, positive)
    for label in (0, 1):
        rows = np.flatnonzero(training.label == label)
        for _ in range(LONGER // 2):
            chosen = draw.choice(rows, size=int(draw.integers(2, 5)), replace=False)
            text = " ".join(_as_typed(training.text[i], draw) for i in chosen)
            _add(lesson, text, SURE if label else 1 - SURE)
    return lesson


def with_pieces(training: Split, draw: np.random.Generator) -> Lesson:
    """The same, and pieces without a label, always the same ones so that the teacher judges them once."""
    lesson = reviews(training, draw)
    draw = np.random.default_rng(PIECES)
    for i in draw.integers(0, len(training.text), size=PIECES):
        lesson.text.append(_piece(training.text[i], draw))
        lesson.positive.append(0.5)
        lesson.labelled.append(False)
    return lesson


def _add(lesson: Lesson, text: str, positive: float) -> None:
    lesson.text.append(text)
    lesson.positive.append(positive)
    lesson.labelled.append(True)


def _as_typed(text: str, draw: np.random.Generator) -> str:
    """rt-polarity's sentences have spaces around punctuation; half of the time as people type."""
    if draw.random() < 0.5:
        return text
    return re.sub(r" ([.,!?;:)])", r"\1", text).replace("( ", "(").replace(" n't", "n't")


def _piece(text: str, draw: np.random.Generator) -> str:
    """A clause, or the sentence without some of its words."""
    clauses = [c.strip() for c in re.split(r"[,;:.]|\bbut\b|\band\b", text) if len(c.split()) >= 3]
    if len(clauses) > 1 and draw.random() < 0.7:
        return str(draw.choice(clauses))
    words = [word for word in text.split() if draw.random() > 0.2]
    return " ".join(words) if words else text
