"""Single operators on what models seldom meet: NaN and infinities, floats beyond the range of an
integer type, sums that run over or cancel, and types and operators that exporters rarely write."""

from __future__ import annotations

from functools import partial

import numpy as np
import onnxruntime
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
operators.KINDS[np.dtype(np.int8)] = TensorProto.INT8
operators.KINDS[np.dtype(np.uint8)] = TensorProto.UINT8
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

    yield from signals()
    yield from fused()
    for kind in ["LINEAR", "POLY", "RBF", "SIGMOID"]:
        yield f"op_cancel_svr_{kind.lower()}", partial(cancelling, "SVMRegressor", kind)
        yield f"op_cancel_svc_{kind.lower()}", partial(cancelling, "SVMClassifier", kind)
    for signed in [False, True]:
        for direction in ["forward", "reverse", "bidirectional"]:
            name = f"op_lstm_{'int8' if signed else 'uint8'}_{direction}"
            yield name, partial(quantised_lstm, signed, direction)
    for opset in [12, 18]:
        yield f"op_hardmax_{opset}", partial(
            std, "Hardmax", np.array(FLOATS[1:], np.float32), [TensorProto.FLOAT], axis=0, opset=opset
        )


def signals():
    random = np.random.default_rng(8)
    for points in [1, 12, 16, 17]:
        for onesided in [0, 1]:
            spectrum = random.normal(size=(2, points, 2)).astype(np.float32)
            yield f"op_dft_{points}_{onesided}", partial(
                std, "DFT", spectrum[..., :1].copy(), [TensorProto.FLOAT], axis=1, onesided=onesided
            )
        yield f"op_dft_{points}_inverse", partial(
            std, "DFT", spectrum, [TensorProto.FLOAT], axis=1, inverse=1
        )
    signal = random.normal(size=(2, 50, 1)).astype(np.float32)
    window = np.hanning(12).astype(np.float32)
    for name, rest in [("window", [window]), ("length", [window, np.array(12)])]:
        for onesided in [0, 1]:
            yield f"op_stft_{name}_{onesided}", partial(
                std, "STFT", [signal, np.array(5), *rest], [TensorProto.FLOAT], onesided=onesided
            )


def fused():
    """What ONNX Runtime's optimisers put in the place of several operators, and an old Upsample."""
    random = np.random.default_rng(6)

    def normal(*shape):
        return random.normal(size=shape).astype(np.float32)

    def own(operator, inputs, **attributes):
        results = [TensorProto.FLOAT]
        return partial(
            operators.case, operator, inputs, results, domain="com.microsoft", **attributes
        )

    a, b, row = normal(2, 3, 4), normal(2, 4, 5), normal(4)
    yield "op_fused_gelu", own("Gelu", [a])
    yield "op_fused_bias_gelu", own("BiasGelu", [a, row])
    yield "op_fused_fast_gelu", own("FastGelu", [a])
    yield "op_fused_fast_gelu_bias", own("FastGelu", [a, row])
    yield "op_fused_quick_gelu", own("QuickGelu", [a], alpha=1.5)
    yield "op_fused_product", own("FusedMatMul", [a, b], alpha=0.5)
    turned = [a.transpose(0, 2, 1).copy(), b.transpose(0, 2, 1).copy()]
    yield "op_fused_product_turned", own("FusedMatMul", turned, transA=1, transB=1)
    yield "op_fused_product_half", own("FusedMatMul", [turned[0], b], transA=1, alpha=2.0)
    matrices = [normal(3, 4), normal(5, 4), normal(5)]
    for activation in ["Relu", "Tanh", "LeakyRelu"]:
        yield f"op_fused_gemm_{activation.lower()}", own(
            "FusedGemm", matrices, activation=activation, activation_alpha=0.2, transB=1, alpha=0.5
        )
    pictures = [normal(2, 3, 6, 6), normal(4, 3, 3, 3), normal(4)]
    for activation, parameters in [
        ("Relu", None),
        ("Sigmoid", None),
        ("LeakyRelu", [0.3]),
        ("Clip", [-0.5, 1.0]),
        ("HardSigmoid", [0.3, 0.4]),
    ]:
        yield f"op_fused_conv_{activation.lower()}", own(
            "FusedConv", pictures, activation=activation, activation_params=parameters, strides=[2, 2]
        )
    added = [*pictures, normal(2, 4, 4, 4)]
    yield "op_fused_conv_sum", own("FusedConv", added, activation="Relu")
    norm = [a, normal(2, 3, 4), normal(4), normal(4), row]
    yield "op_fused_norm", own("SkipLayerNormalization", norm[:4], epsilon=1e-5)
    yield "op_fused_norm_bias", own("SkipLayerNormalization", norm)
    yield "op_fused_norm_simple", own("SkipSimplifiedLayerNormalization", norm[:3], epsilon=1e-5)
    weights = random.integers(-128, 128, (4, 5)).astype(np.int8)
    scale = np.array([0.02], np.float32)
    yield "op_fused_dynamic", own("DynamicQuantizeMatMul", [a, weights, scale])
    for scales in [[1, 1, 2.0, 3.0], [1, 1, 1.5, 2.5]]:
        yield f"op_upsample_{scales[3]}", partial(
            std,
            "Upsample",
            [normal(2, 2, 3, 4), np.array(scales, np.float32)],
            [TensorProto.FLOAT],
            opset=9,
            mode="linear",
        )


def cancelling(operator, kernel):
    """A machine whose terms are thousands and whose answers are next to nothing."""
    random = np.random.default_rng(12)
    vectors = random.normal(size=(90, 3)).astype(np.float32)
    coefficients = random.normal(size=90).astype(np.float32)
    rows = vectors[:20] + np.float32(0.25)
    common = dict(
        coefficients=(coefficients * 3000).tolist(),
        support_vectors=vectors.ravel().tolist(),
        kernel_type=kernel,
        kernel_params=[0.01, 0.0, 3.0],
    )
    machine = partial(operators.case, operator, rows)

    def with_intercept(rho):
        if operator == "SVMRegressor":
            return machine([TensorProto.FLOAT], rho=[rho], n_supports=90, **common)
        return machine(
            [INT64, TensorProto.FLOAT],
            rho=[rho],
            vectors_per_class=[40, 50],
            classlabels_ints=[0, 1],
            **common,
        )

    model, inputs = with_intercept(0.0)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    middle = float(np.median(session.run(None, inputs)[-1][:, -1]))
    return with_intercept(-middle)


def quantised_lstm(signed, direction):
    random = np.random.default_rng(4)
    directions = 2 if direction == "bidirectional" else 1
    (length, batch, width, hidden), floats = (5, 3, 4, 2), np.float32
    low, high, dtype = (-128, 128, np.int8) if signed else (0, 256, np.uint8)

    def weights(rows):
        return random.integers(low, high, (directions, rows, 4 * hidden)).astype(dtype)

    def normal(*shape):
        return random.normal(size=shape).astype(floats)

    zero = np.full(directions, 0 if signed else 120, dtype)
    scale = np.full(directions, 0.01, floats)
    inputs = [
        normal(length, batch, width),
        weights(width),
        weights(hidden),
        normal(directions, 8 * hidden),
        np.array([5, 2, 4], np.int32),
        normal(directions, batch, hidden),
        normal(directions, batch, hidden),
        normal(directions, 3 * hidden),
        *[scale, zero, scale * 2, zero],
    ]
    outputs = [TensorProto.FLOAT] * 3
    return operators.case(
        "DynamicQuantizeLSTM",
        inputs,
        outputs,
        domain="com.microsoft",
        hidden_size=hidden,
        direction=direction,
    )
