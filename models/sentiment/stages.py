"""The models in the order in which one is made of the other: teacher, student with fewer layers, student with
fewer word pieces. Each is the same network in another size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentiment import lessons, vocabulary
from sentiment.data import Sentences, Split
from sentiment.encoder import Encoder, pretrained, with_layers, with_words
from sentiment.everyday import drawn
from sentiment.learn import Course, Teacher, answers, learn

SEED = 20_260_516
TEACHER = Course(epochs=2, rate=8e-5, batch=64, seed=SEED)
STUDENT = Course(epochs=3, rate=2.5e-4, batch=64, seed=SEED + 1)
PRUNED = Course(epochs=2, rate=1.5e-4, batch=64, seed=SEED + 2)
STUDENT_LAYERS = [0, 1, 2, 3]
FOLLOWED = 0.7
"""Weight of the teacher beside the labels."""


@dataclass
class Stage:
    """A model and the tokenizer that it reads with."""

    name: str
    encoder: Encoder
    tokenizer: dict[str, Any]

    def logits(self, text: list[str]) -> np.ndarray:
        """f32 [N, 2]."""
        return answers(self.encoder, vocabulary.ready(self.tokenizer), text)


def teacher(sentences: Sentences, encoder: Path, saved: Path) -> Stage:
    """The whole encoder, fine-tuned. `encoder` is the folder of the published model."""
    tokenizer = vocabulary.published(encoder / "tokenizer.json")
    model = pretrained(encoder / "model.safetensors")
    ready = vocabulary.ready(tokenizer)
    learn(
        model, ready, TEACHER, lambda draw: lessons.reviews(sentences.training, draw),
        saved / "sentiment-teacher.pt", None,
        lambda m: _watch(Stage("", m, tokenizer), sentences.validation),
    )
    return Stage("teacher", model, tokenizer)


def student(of: Stage, sentences: Sentences, saved: Path) -> Stage:
    """The first layers, which learn to answer as the whole."""
    model = with_layers(of.encoder, STUDENT_LAYERS)
    return _follow("student", model, of.tokenizer, of, STUDENT, sentences, saved)


def pruned(of: Stage, following: Stage, sentences: Sentences, saved: Path) -> Stage:
    """The student with a smaller vocabulary, to which it gets used."""
    everyday, _ = drawn(3_000, np.random.default_rng(SEED))
    tokenizer, kept = vocabulary.pruned(of.tokenizer, [*sentences.training.text, *everyday])
    model = with_words(of.encoder, kept)
    return _follow("pruned", model, tokenizer, following, PRUNED, sentences, saved)


def _follow(
    name: str, model: Encoder, tokenizer: dict[str, Any], teacher_stage: Stage, course: Course,
    sentences: Sentences, saved: Path,
) -> Stage:
    guide = Teacher(teacher_stage.encoder, vocabulary.ready(teacher_stage.tokenizer), FOLLOWED)
    learn(
        model, vocabulary.ready(tokenizer), course,
        lambda draw: lessons.with_pieces(sentences.training, draw),
        saved / f"sentiment-{name}.pt", guide,
        lambda m: _watch(Stage("", m, tokenizer), sentences.validation),
    )
    return Stage(name, model, tokenizer)


def _watch(stage: Stage, validation: Split) -> str:
    right = stage.logits(validation.text).argmax(axis=1) == validation.label
    return f"validation {right.mean():.2%}"
