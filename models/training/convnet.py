"""Writes a chain of convolutions as an ONNX graph of the plainest operators: Conv, Relu, MaxPool,
Flatten, Gemm and Softmax, and a few more where each picture is also seen in a mirror. Batch normalisation is folded into the weights beforehand, so the graph is
the arithmetic and nothing else. A graph is written node by node rather than traced, which keeps it
the same with every version of the training library."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8

Array = NDArray[np.float32]


@dataclass
class Conv:
    """A convolution with stride 1, then Relu."""

    weight: Array
    """Shape [out, in, height, width]."""
    bias: Array
    """Shape [out]."""
    padding: int


@dataclass
class MaxPool:
    """Non-overlapping windows of this many pixels a side; what does not fill one is dropped."""

    size: int


@dataclass
class Classifier:
    """Flattens, then one matrix product. The last layer of a chain."""

    weight: Array
    """Shape [classes, features]."""
    bias: Array
    """Shape [classes]."""


Layer = Conv | MaxPool | Classifier


def fold_batch_norm(
    weight: Array, mean: Array, variance: Array, gain: Array, bias: Array, epsilon: float
) -> tuple[Array, Array]:
    """The weight and bias of a convolution that includes the batch normalisation after it. The gains
    must be positive for a MaxPool between the two to be passed over."""
    scale = gain.astype(np.float64) / np.sqrt(variance.astype(np.float64) + epsilon)
    folded = weight * scale.reshape(-1, 1, 1, 1)
    return folded.astype(np.float32), (bias - mean * scale).astype(np.float32)


def build(
    name: str, layers: list[Layer], channels: int, side: int, classes: int, mirrored: bool = False
) -> bytes:
    """The model: `image` f32 [N, channels, side, side] to `logits` and `probabilities` f32
    [N, classes]. With `mirrored`, the logits are the mean over each picture and its mirror image, in
    one batch of 2 N: twice the time, the same weights."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    last = "image"

    def add(operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(label: str, value: Array) -> str:
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value), label))
        return label

    if mirrored:
        for label, number in {"last": -1, "first": -side - 1, "width": 3, "back": -1}.items():
            weights.append(numpy_helper.from_array(np.array([number], np.int64), label))
        add("Slice", ["image", "last", "first", "width", "back"], "mirrored")
        last = add("Concat", ["image", "mirrored"], "both", axis=0)
    for number, layer in enumerate(layers, start=1):
        match layer:
            case Conv():
                w = constant(f"conv{number}.weight", layer.weight)
                b = constant(f"conv{number}.bias", layer.bias)
                pads = [layer.padding] * 4
                last = add(
                    "Conv", [last, w, b], f"conv{number}",
                    kernel_shape=list(layer.weight.shape[2:]), pads=pads, strides=[1, 1],
                )
                last = add("Relu", [last], f"relu{number}")
            case MaxPool():
                sides = [layer.size, layer.size]
                last = add("MaxPool", [last], f"pool{number}", kernel_shape=sides, strides=sides)
            case Classifier():
                last = add("Flatten", [last], f"flat{number}", axis=1)
                w = constant("classifier.weight", layer.weight)
                b = constant("classifier.bias", layer.bias)
                last = add("Gemm", [last, w, b], "each" if mirrored else "logits", transB=1)
    if mirrored:
        pairs = numpy_helper.from_array(np.array([2, -1, classes], np.int64), "pairs")
        weights.append(pairs)
        add("Reshape", [last, "pairs"], "paired")
        last = add("ReduceMean", ["paired"], "logits", axes=[0], keepdims=0)
    add("Softmax", [last], "probabilities", axis=1)

    def value(label: str, shape: list[str | int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(label, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes, name,
        [value("image", ["N", channels, side, side])],
        [value("logits", ["N", classes]), value("probabilities", ["N", classes])],
        weights,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
