"""Single operators of `ai.onnx` on what models seldom meet: NaN and infinities, floats beyond the range
of an integer type, sums that run over, and types that exporters rarely write."""

from __future__ import annotations

from functools import partial

import numpy as np
from onnx import TensorProto

import operators

FLOATS = [
    [np.nan, 1.5, -2.5, 0.5],
    [np.inf, -np.inf, 0.0, -0.0],
    [100.0, -100.0, 3e38, 2.5],
]
KINDS = {np.float32: TensorProto.FLOAT, np.float64: TensorProto.DOUBLE}
WHOLE = {
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
}
BOOL, HALF, INT64 = TensorProto.BOOL, TensorProto.FLOAT16, TensorProto.INT64
UINT32, UINT64 = TensorProto.UINT32, TensorProto.UINT64

operators.KINDS[np.dtype(np.float16)] = HALF
operators.KINDS[np.dtype(np.uint64)] = UINT64
std = partial(operators.case, domain="")


def cases():
    for dtype, kind in KINDS.items():
        rows, name = np.array(FLOATS, dtype), np.dtype(dtype).name
        bound = np.array([[0.25]], dtype)
        yield f"op_nan_relu_{name}", partial(std, "Relu", rows, [kind])
        for operator in ["Max", "Min"]:
            yield f"op_nan_{operator.lower()}_{name}", partial(std, operator, [rows, bound], [kind])
        for operator in ["ArgMax", "ArgMin"]:
            yield f"op_nan_{operator.lower()}_{name}", partial(
                std, operator, rows, [INT64], axis=1, keepdims=0
            )
        nothing = np.full((2, 5), np.nan, dtype)
        for largest in [0, 1]:
            yield f"op_nan_topk_{largest}_{name}", partial(
                std, "TopK", [nothing, np.array([3])], [kind, INT64], largest=largest
            )
        for to, number in WHOLE.items():
            # What is out of its range depends on the processor there.
            if to == "uint32":
                continue
            values = np.array([2.9, -2.9, 300.5, 7e4, 3e9, 1e12, 1e30, np.nan, np.inf, -np.inf], dtype)
            yield f"op_whole_{to}_{name}", partial(std, "Cast", values, [number], to=number)
        for opset in [12, 18]:
            yield f"op_far_log_softmax_{opset}_{name}", partial(
                std, "LogSoftmax", np.array([[0, 200, -300], [1, 2, 3]], dtype), [kind], opset=opset
            )
    yield "op_nan_clip", partial(
        std, "Clip", np.array(FLOATS, np.float32), [TensorProto.FLOAT], opset=6, min=-1.0, max=2.0
    )
    yield "op_far_softplus", partial(std, "Softplus", np.array(FLOATS, np.float32), [TensorProto.FLOAT])

    doubles = np.array([[0.5, 1.5, 2.5, -0.4], [-3.5, -8.0, 8.0, 0.1]])
    for operator in ["Round", "LeakyRelu", "HardSwish"]:
        yield f"op_type_{operator.lower()}", partial(std, operator, doubles, [TensorProto.DOUBLE])
    truths = np.array([[True, False], [True, True]])
    yield "op_type_equal", partial(std, "Equal", [truths, np.array([True, False])], [BOOL])
    yield "op_type_pad", partial(std, "Pad", [truths, np.array([0, 1, 1, 0])], [BOOL])
    for dtype, kind in [(np.int64, INT64), (np.uint32, UINT32), (np.uint64, UINT64)]:
        whole = np.array([[1, 2, 3], [4, 5, 6]], dtype)
        name = np.dtype(dtype).name
        yield f"op_type_product_{name}", partial(std, "MatMul", [whole, whole.T.copy()], [kind])
    texts = operators.words("a\nb\r\tc d", "")
    for name, expression in [("dot", "."), ("dots", ".+")]:
        yield f"op_lines_{name}", partial(
            operators.case,
            "Tokenizer",
            texts,
            [TensorProto.STRING],
            domain="com.microsoft",
            mark=0,
            mincharnum=1,
            pad_value="#",
            tokenexp=expression,
        )
