"""Writes an encoder as an ONNX graph, node by node: Gather, LayerNormalization, MatMul, Softmax and Erf at their
core. Inputs are `input_ids` and `attention_mask` int64 [N, S], as Hugging Face exports name them; outputs
`logits` and `probabilities` f32 [N, 2]. Weights are in single precision or in 8 bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from sentiment.encoder import EPSILON, HEADS, LABELS, WIDTH, Encoder

OPSET = 17
IR_VERSION = 8
MASKED = -1e4
"""Added to the attention that falls on padding."""
HEAD = WIDTH // HEADS

Array = NDArray[np.generic]
Pick = Callable[[str, str], str]
"""Adds a node that takes rows of a table; the names of the table and of the node to the latter."""


@dataclass
class _Graph:
    """Nodes and weights so far."""

    int8: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        """A node with one output; gives the output's name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: Array) -> str:
        """A weight; gives its name."""
        self.weights.append(numpy_helper.from_array(value.copy(order="C"), name))
        return name

    def table(self, name: str, module: nn.Embedding, pick: Pick) -> str:
        """Rows of embeddings, [..., 384]. In 8 bits each row has its own scale."""
        rows = _array(module.weight)
        if not self.int8:
            return pick(self.constant(f"{name}.weight", rows), name)
        whole, scale = to_int8(rows, axis=1)
        picked = pick(self.constant(f"{name}.int8", whole), f"{name}.row")
        number = self.add("Cast", [picked], f"{name}.number", to=TensorProto.FLOAT)
        by = pick(self.constant(f"{name}.scale", scale), f"{name}.by")
        return self.add("Mul", [number, by], name)

    def linear(self, name: str, module: nn.Linear, x: str) -> str:
        """A matrix product and a bias. In 8 bits each output has its own scale."""
        matrix = _array(module.weight).T
        if self.int8:
            whole, scale = to_int8(matrix, axis=0)
            inputs = [
                self.constant(f"{name}.int8", whole),
                self.constant(f"{name}.scale", scale[0]),
                self.constant(f"{name}.zero", np.zeros(matrix.shape[1], dtype=np.int8)),
            ]
            weight = self.add("DequantizeLinear", inputs, f"{name}.weight", axis=1)
        else:
            weight = self.constant(f"{name}.weight", matrix)
        product = self.add("MatMul", [x, weight], f"{name}.product")
        return self.add("Add", [product, self.constant(f"{name}.bias", _array(module.bias))], name)

    def norm(self, name: str, module: nn.LayerNorm, x: str) -> str:
        """Layer normalisation over the last axis."""
        gain = self.constant(f"{name}.gain", _array(module.weight))
        bias = self.constant(f"{name}.bias", _array(module.bias))
        return self.add("LayerNormalization", [x, gain, bias], name, axis=-1, epsilon=EPSILON)


def build(encoder: Encoder, temperature: float, int8: bool) -> bytes:
    """The model; its logits are divided by the temperature."""
    g = _Graph(int8)
    ids, mask = "input_ids", "attention_mask"
    g.constant("minus_one", np.array([-1], dtype=np.int64))
    x = _embedded(g, encoder, ids)
    seen = g.add("Cast", [mask], "seen", to=TensorProto.FLOAT)
    hidden = _hidden(g, seen)
    for number, layer in enumerate(encoder.layers):
        x = _layer(g, f"layer{number}", layer, x, hidden)
    pooled = _mean(g, x, seen)
    classifier = nn.Linear(WIDTH, LABELS)
    classifier.weight.data = encoder.classifier.weight.data / temperature
    classifier.bias.data = encoder.classifier.bias.data / temperature
    _Graph.linear(_Graph(False, g.nodes, g.weights), "logits", classifier, pooled)
    g.add("Softmax", ["logits"], "probabilities", axis=1)

    def value(name: str, kind: int, shape: list[str | int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    graph = helper.make_graph(
        g.nodes, "sentiment",
        [value(name, TensorProto.INT64, ["N", "S"]) for name in (ids, mask)],
        [value(name, TensorProto.FLOAT, ["N", LABELS]) for name in ("logits", "probabilities")],
        g.weights,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def to_int8(weight: NDArray[np.float32], axis: int) -> tuple[Array, NDArray[np.float32]]:
    """Whole numbers -127..127 and the scales that give the weights back, one for all that lie along
    the axis; the scales keep that axis with length 1."""
    scale = np.abs(weight).max(axis=axis, keepdims=True) / 127
    scale = np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


def _embedded(g: _Graph, encoder: Encoder, ids: str) -> str:
    """Words and the first S positions, [N, S, 384]."""
    words = g.table("words", encoder.words, lambda rows, out: g.add("Gather", [rows, ids], out))
    first = g.constant("first", np.array([0], dtype=np.int64))
    second = g.constant("second", np.array([1], dtype=np.int64))
    length = g.add("Gather", [g.add("Shape", [ids], "shape"), second], "length")
    positions = g.table(
        "positions", encoder.positions,
        lambda rows, out: g.add("Slice", [rows, first, length, first], out),
    )
    return g.norm("embedded", encoder.norm, g.add("Add", [words, positions], "summed"))


def _hidden(g: _Graph, seen: str) -> str:
    """What is added to attention: 0 on tokens, far below 0 on padding, [N, 1, 1, S]."""
    axes = g.constant("axes_of_heads", np.array([1, 2], dtype=np.int64))
    wide = g.add("Unsqueeze", [seen, axes], "seen_by_heads")
    one = g.constant("one_f32", np.array(1, dtype=np.float32))
    unseen = g.add("Sub", [one, wide], "unseen")
    return g.add("Mul", [unseen, g.constant("masked", np.array(MASKED, dtype=np.float32))], "hidden")


def _layer(g: _Graph, name: str, layer: nn.Module, x: str, hidden: str) -> str:
    split = _once(g, "split_heads", np.array([0, 0, HEADS, HEAD], dtype=np.int64))
    joined = _once(g, "join_heads", np.array([0, 0, WIDTH], dtype=np.int64))

    def heads(part: str, module: nn.Linear, order: list[int]) -> str:
        parts = g.add("Reshape", [g.linear(f"{name}.{part}", module, x), split], f"{name}.{part}.split")
        return g.add("Transpose", [parts], f"{name}.{part}.heads", perm=order)

    query = heads("query", layer.query, [0, 2, 1, 3])
    key = heads("key", layer.key, [0, 2, 3, 1])
    value = heads("value", layer.value, [0, 2, 1, 3])
    score = g.add("MatMul", [query, key], f"{name}.score")
    root = _once(g, "root", np.array(1 / math.sqrt(HEAD), dtype=np.float32))
    scaled = g.add("Mul", [score, root], f"{name}.scaled")
    masked = g.add("Add", [scaled, hidden], f"{name}.masked")
    share = g.add("Softmax", [masked], f"{name}.share", axis=-1)
    mixed = g.add("MatMul", [share, value], f"{name}.mixed.heads")
    mixed = g.add("Transpose", [mixed], f"{name}.mixed.split", perm=[0, 2, 1, 3])
    mixed = g.add("Reshape", [mixed, joined], f"{name}.mixed.joined")
    mixed = g.linear(f"{name}.mixed", layer.mixed, mixed)
    x = g.norm(f"{name}.mixed_norm", layer.mixed_norm, g.add("Add", [x, mixed], f"{name}.with_mixed"))
    inner = _gelu(g, f"{name}.gelu", g.linear(f"{name}.inner", layer.inner, x))
    outer = g.linear(f"{name}.outer", layer.outer, inner)
    return g.norm(f"{name}.outer_norm", layer.outer_norm, g.add("Add", [x, outer], f"{name}.with_outer"))


def _gelu(g: _Graph, name: str, x: str) -> str:
    """Half of x times 1 + erf(x / sqrt 2)."""
    root = _once(g, "root_two", np.array(math.sqrt(2), dtype=np.float32))
    one = _once(g, "one_f32", np.array(1, dtype=np.float32))
    half = _once(g, "half", np.array(0.5, dtype=np.float32))
    erf = g.add("Erf", [g.add("Div", [x, root], f"{name}.scaled")], f"{name}.erf")
    gate = g.add("Mul", [x, g.add("Add", [erf, one], f"{name}.raised")], f"{name}.gate")
    return g.add("Mul", [gate, half], name)


def _mean(g: _Graph, x: str, seen: str) -> str:
    """The mean over the tokens that are no padding, [N, 384]."""
    share = g.add("Unsqueeze", [seen, "minus_one"], "share")
    axis = g.constant("axis_of_tokens", np.array([1], dtype=np.int64))
    kept = g.add("Mul", [x, share], "kept")
    total = g.add("ReduceSum", [kept, axis], "total", keepdims=0)
    return g.add("Div", [total, g.add("ReduceSum", [share, axis], "tokens", keepdims=0)], "pooled")


def _once(g: _Graph, name: str, value: Array) -> str:
    """A constant that several layers use."""
    if all(weight.name != name for weight in g.weights):
        g.constant(name, value)
    return name


def _array(tensor: nn.Parameter) -> NDArray[np.float32]:
    return tensor.detach().float().contiguous().numpy()
