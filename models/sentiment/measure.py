"""What a graph scores: accuracy on held-back review sentences and on everyday sentences, size, and time. Texts go
one at a time, as they do at serving time, so none is padded."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from sentiment.data import Split
from training import calibration

NEUTRAL_BELOW = 0.65
"""A text is neutral when neither label has this probability."""


class Reader:
    """A graph with its tokenizer, in ONNX Runtime on one thread."""

    def __init__(self, model: bytes, tokenizer: Tokenizer) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(model, options, providers=providers)
        self._tokenizer = tokenizer

    def positive(self, text: str) -> float:
        """How probable it is that a text is positive."""
        encoding = self._tokenizer.encode(text)
        inputs = {
            "input_ids": np.array([encoding.ids], dtype=np.int64),
            "attention_mask": np.array([encoding.attention_mask], dtype=np.int64),
        }
        return float(self._session.run(["probabilities"], inputs)[0][0, 1])


def verdict(positive: float) -> str:
    """`positive`, `negative` or, when unsure, `neutral`."""
    if max(positive, 1 - positive) < NEUTRAL_BELOW:
        return "neutral"
    return "positive" if positive > 0.5 else "negative"


def reviews(reader: Reader, split: Split) -> dict[str, Any]:
    """Accuracy of the more probable label, also by source; how often neutral; calibration; median
    processor time from text to answer."""
    positive = np.empty(len(split.text), dtype=np.float32)
    times = []
    for i, text in enumerate(split.text):
        began = time.process_time()
        positive[i] = reader.positive(text)
        times.append(time.process_time() - began)
    right = (positive > 0.5) == (split.label == 1)
    source = np.array(split.source)
    both = np.stack([1 - positive, positive], axis=1)
    sure: NDArray[np.bool_] = both.max(axis=1) >= NEUTRAL_BELOW
    return {
        "accuracy": float(right.mean()),
        "accuracy_by_source": {s: float(right[source == s].mean()) for s in np.unique(source)},
        "neutral": float(1 - sure.mean()),
        "accuracy_when_not_neutral": float(right[sure].mean()),
        "expected_calibration_error": calibration.expected_error(both, split.label),
        "median_ms": float(np.median(times) * 1e3),
    }


def everyday(reader: Reader, sentences: list[tuple[str, str]]) -> dict[str, Any]:
    """How many verdicts are a person's, of three; how many are the opposite; and all answers."""
    answers = [
        {"text": text, "person": person, "positive": round(p, 4), "verdict": verdict(p)}
        for text, person in sentences
        for p in [reader.positive(text)]
    ]
    opposite = {("positive", "negative"), ("negative", "positive")}
    return {
        "sentences": len(answers),
        "as_a_person": sum(a["verdict"] == a["person"] for a in answers) / len(answers),
        "opposite": sum((a["verdict"], a["person"]) in opposite for a in answers) / len(answers),
        "answers": answers,
    }
