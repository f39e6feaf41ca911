"""One ONNX graph out of two tree ensembles and a stacker.

    features ─┬─ boosted trees (XGBoost) ─ logit ─┐
              │                                   ├─ Gemm ─ Sigmoid ─ probabilities, label
              └─ forest (scikit-learn) ─── logit ─┘

Both ensembles are left exactly as their exporters write them. What is added are standard
operators in binary32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as BoostedInput
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType as ForestInput
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from xgboost import XGBClassifier

Forest: TypeAlias = RandomForestClassifier | ExtraTreesClassifier
"""What the second member may be."""

OPSET = 15
ML_OPSET = 3
IR_VERSION = 8

CLIP = 1e-5
"""Probabilities are kept this far from 0 and 1 before the logarithm. Closer to 1 the difference
1 - p has too few binary32 digits left, and at 0 and 1 themselves the logit is infinite."""


@dataclass(frozen=True)
class Stacker:
    """probability = sigmoid(boosted * logit(boosted) + forest * logit(forest) + intercept)."""

    boosted: float
    forest: float
    intercept: float

    def predict(self, boosted: NDArray[Any], forest: NDArray[Any]) -> NDArray[np.float64]:
        """The fraud probability from those of both members, in binary64."""
        total = self.boosted * logit(boosted) + self.forest * logit(forest) + self.intercept
        return 1.0 / (1.0 + np.exp(-total))


def logit(probability: NDArray[Any]) -> NDArray[np.float64]:
    """ln(p / (1 - p)) of the clipped probability, rounded as the graph does until the logarithm."""
    clipped = np.clip(probability.astype(np.float32), np.float32(CLIP), np.float32(1.0 - CLIP))
    rest = np.float32(1.0) - clipped
    return np.log(clipped.astype(np.float64)) - np.log(rest.astype(np.float64))


def export_boosted(model: XGBClassifier, features: int) -> onnx.ModelProto:
    """The boosted trees by themselves."""
    return convert_xgboost(
        model, initial_types=[("features", BoostedInput([None, features]))], target_opset=OPSET
    )


def export_forest(model: Forest, features: int) -> onnx.ModelProto:
    """The forest by itself."""
    return convert_sklearn(
        model,
        initial_types=[("features", ForestInput([None, features]))],
        options={id(model): {"zipmap": False}},
        target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
    )


def build(
    boosted: onnx.ModelProto, forest: onnx.ModelProto, stacker: Stacker, features: int
) -> onnx.ModelProto:
    """The whole graph: input `features` float [N, features]; outputs `probabilities` float [N, 2]
    (legitimate, fraud) and `label` int64 [N]."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = [
        numpy_helper.from_array(np.array([1], dtype=np.int64), "fraud_column"),
        numpy_helper.from_array(np.array(CLIP, dtype=np.float32), "smallest"),
        numpy_helper.from_array(np.array(1.0 - CLIP, dtype=np.float32), "largest"),
        numpy_helper.from_array(np.array(1.0, dtype=np.float32), "one"),
        numpy_helper.from_array(
            np.array([[stacker.boosted], [stacker.forest]], dtype=np.float32), "stacker_weights"
        ),
        numpy_helper.from_array(
            np.array([stacker.intercept], dtype=np.float32), "stacker_intercept"
        ),
    ]
    for name, member in (("boosted", boosted), ("forest", forest)):
        probabilities = _embed(nodes, constants, member, name)
        nodes += _logit_nodes(name, probabilities)
    nodes += [
        helper.make_node("Concat", ["boosted_logit", "forest_logit"], ["logits"], "logits", axis=1),
        helper.make_node(
            "Gemm", ["logits", "stacker_weights", "stacker_intercept"], ["stacked_logit"], "stack"
        ),
        helper.make_node("Sigmoid", ["stacked_logit"], ["fraud"], "fraud"),
        helper.make_node("Sub", ["one", "fraud"], ["legitimate"], "legitimate"),
        helper.make_node(
            "Concat", ["legitimate", "fraud"], ["probabilities"], "probabilities", axis=1
        ),
        helper.make_node("ArgMax", ["probabilities"], ["label"], "label", axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "fraud",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", features])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
        ],
        constants,
    )
    model = helper.make_model(
        graph,
        producer_name="models/fraud/train.py",
        ir_version=IR_VERSION,
        opset_imports=[
            helper.make_opsetid("", OPSET),
            helper.make_opsetid("ai.onnx.ml", ML_OPSET),
        ],
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _embed(
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    member: onnx.ModelProto,
    name: str,
) -> str:
    """Adds a member's nodes and constants under a prefix; returns its probabilities' name."""
    prefixed = compose.add_prefix(member, f"{name}_").graph
    for node in prefixed.node:
        inputs = ["features" if i == f"{name}_features" else i for i in node.input]
        del node.input[:]
        node.input.extend(inputs)
        nodes.append(node)
    constants.extend(prefixed.initializer)
    return prefixed.output[1].name


def _logit_nodes(name: str, probabilities: str) -> list[onnx.NodeProto]:
    """From a member's probabilities [N, 2] to the logit of fraud [N, 1]."""

    def named(part: str) -> str:
        return f"{name}_{part}"

    return [
        helper.make_node(
            "Gather", [probabilities, "fraud_column"], [named("fraud")], named("gather"), axis=1
        ),
        helper.make_node(
            "Clip", [named("fraud"), "smallest", "largest"], [named("clipped")], named("clip")
        ),
        helper.make_node("Sub", ["one", named("clipped")], [named("rest")], named("one_minus")),
        helper.make_node("Log", [named("clipped")], [named("log")], named("log")),
        helper.make_node("Log", [named("rest")], [named("log_rest")], named("log_rest")),
        helper.make_node(
            "Sub", [named("log"), named("log_rest")], [named("logit")], named("logit")
        ),
    ]
