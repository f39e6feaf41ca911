"""Makes the 8-bit graph beside the one in single precision: convolutions with whole numbers of 8 bits, weights
with one scale for each output channel, activations with scales measured over training photos (post-training
static quantisation of `onnxruntime.quantization`). The classifier's last product stays in single precision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import CalibrationDataReader

MEASURED = 1_000
"""Training photos, from all over the file, over which the activations' ranges are measured."""
BATCH = 100


class _Photos(CalibrationDataReader):
    """Hands out batches of normalised photos."""

    def __init__(self, image: NDArray[np.float32]) -> None:
        self._batches: Iterator[NDArray[np.float32]] = iter(
            image[i : i + BATCH] for i in range(0, len(image), BATCH)
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next batch by the name of the input."""
        batch = next(self._batches, None)
        return None if batch is None else {"image": batch}


def quantise(
    model: bytes, image: NDArray[np.float32], form: QuantFormat, target: Path
) -> bytes:
    """The 8-bit graph, also written to `target`: as QLinearConv (`QuantFormat.QOperator`), or as Conv
    between QuantizeLinear and DequantizeLinear (`QuantFormat.QDQ`)."""
    quantize_static(
        onnx.load_from_string(model),
        target,
        _Photos(image[:: len(image) // MEASURED]),
        quant_format=form,
        op_types_to_quantize=["Conv", "Relu", "MaxPool"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    return target.read_bytes()
