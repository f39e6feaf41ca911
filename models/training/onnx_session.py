"""Runs a model with ONNX Runtime on one thread, so that sums run in one order."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray

BATCH = 250


class Session:
    """A loaded model with one input."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(model, options, providers=providers)
        self._input = self._session.get_inputs()[0].name

    def run(self, output: str, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """One output for each row, computed in small batches."""
        parts = [
            self._session.run([output], {self._input: rows[i : i + BATCH]})[0]
            for i in range(0, len(rows), BATCH)
        ]
        return np.concatenate(parts)

    def accuracy(self, rows: NDArray[np.float32], label: NDArray[np.int64]) -> float:
        """The part of the rows whose most likely class is the right one."""
        return float(np.mean(self.run("logits", rows).argmax(axis=1) == label))
