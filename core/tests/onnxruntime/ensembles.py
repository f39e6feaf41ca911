"""Random tree ensembles, in both encodings of `ai.onnx.ml`.

Thresholds and features come from one small grid, so that equality is met as often as order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Sequence

import numpy as np
from onnx import ModelProto, TensorProto, helper

FEATURES = 4
GRID = np.arange(-2.0, 3.0, 0.5)
ORDER_MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"]
CLASSIC_MODES = [*ORDER_MODES, "BRANCH_EQ", "BRANCH_NEQ"]
INDEXED_MODES = [*CLASSIC_MODES, "BRANCH_MEMBER"]


@dataclass
class Leaf:
    """Votes, as (target, weight)."""

    votes: list[tuple[int, float]]


@dataclass
class Branch:
    """A test and where it leads."""

    feature: int
    mode: str
    value: float
    missing_is_true: bool
    on_true: Branch | Leaf
    on_false: Branch | Leaf
    members: list[float] = field(default_factory=list)


def tree(
    rng: np.random.Generator,
    depth: int,
    modes: Sequence[str],
    targets: Sequence[int],
    low: float = -1.0,
    votes: int | None = 1,
) -> Branch | Leaf:
    """A random tree. Each leaf votes for `votes` of the targets, or for all where it is None."""
    if depth == 0 or (depth < 2 and rng.random() < 0.25):
        chosen = targets if votes is None else rng.choice(targets, size=votes, replace=False)
        return Leaf([(int(target), float(np.float32(rng.uniform(low, 1.0)))) for target in chosen])
    mode = str(rng.choice(modes))
    value = 0.0 if mode == "BRANCH_MEMBER" else float(rng.choice(GRID))
    # ONNX Runtime takes sets of whole numbers only.
    members = rng.choice(np.arange(-2.0, 3.0), size=int(rng.integers(1, 5)), replace=False).tolist()
    children = [tree(rng, depth - 1, modes, targets, low, votes) for _ in range(2)]
    return Branch(
        feature=int(rng.integers(FEATURES)),
        mode=mode,
        value=value,
        missing_is_true=bool(rng.random() < 0.5),
        on_true=children[0],
        on_false=children[1],
        members=members if mode == "BRANCH_MEMBER" else [],
    )


def forest(rng: np.random.Generator, trees: int, **arguments: Any) -> list[Branch | Leaf]:
    """Several random trees, none of them a bare leaf."""
    arguments = {"depth": 2, "modes": ORDER_MODES, "targets": [0]} | arguments
    return [tree(rng, **arguments) for _ in range(trees)]


def reals(name: str, values: Sequence[float], double: bool) -> dict[str, Any]:
    """Floats as a list, or doubles as the tensor that stands in its place."""
    if double:
        return {
            f"{name}_as_tensor": helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)
        }
    return {name: list(values)}


def classic_attributes(
    trees: list[Branch | Leaf], weights: str, double: bool = False
) -> dict[str, Any]:
    """Attributes of the classifier (`weights` is "class") and the regressor ("target")."""
    columns = [
        "treeids",
        "nodeids",
        "featureids",
        "modes",
        "truenodeids",
        "falsenodeids",
        "missing_value_tracks_true",
    ]
    nodes: dict[str, list[Any]] = {column: [] for column in columns}
    values: list[float] = []
    votes: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": []}
    vote_weights: list[float] = []

    def add(tree_id: int, node: Branch | Leaf) -> int:
        node_id = nodes["treeids"].count(tree_id)
        place = len(values)
        branch = isinstance(node, Branch)
        row = {
            "treeids": tree_id,
            "nodeids": node_id,
            "featureids": node.feature if branch else 0,
            "modes": node.mode if branch else "LEAF",
            "truenodeids": 0,
            "falsenodeids": 0,
            "missing_value_tracks_true": int(branch and node.missing_is_true),
        }
        for column, value in row.items():
            nodes[column].append(value)
        values.append(node.value if branch else 0.0)
        if branch:
            nodes["truenodeids"][place] = add(tree_id, node.on_true)
            nodes["falsenodeids"][place] = add(tree_id, node.on_false)
        else:
            for target, weight in node.votes:
                votes["treeids"].append(tree_id)
                votes["nodeids"].append(node_id)
                votes["ids"].append(target)
                vote_weights.append(weight)
        return node_id

    for tree_id, root in enumerate(trees):
        add(tree_id, root)
    attributes = {f"nodes_{name}": column for name, column in nodes.items()}
    attributes |= {f"{weights}_{name}": column for name, column in votes.items()}
    return (
        attributes
        | reals("nodes_values", values, double)
        | reals(f"{weights}_weights", vote_weights, double)
    )


def indexed_attributes(
    trees: list[Branch | Leaf], element: int = TensorProto.FLOAT
) -> dict[str, Any]:
    """Attributes of version 5. Roots must be branches, and a leaf has one vote."""
    lists: dict[str, list[Any]] = {
        name: []
        for name in [
            "tree_roots",
            "nodes_featureids",
            "nodes_truenodeids",
            "nodes_trueleafs",
            "nodes_falsenodeids",
            "nodes_falseleafs",
            "nodes_missing_value_tracks_true",
            "leaf_targetids",
        ]
    }
    modes: list[int] = []
    splits: list[float] = []
    members: list[float] = []
    weights: list[float] = []

    def add(node: Branch | Leaf) -> tuple[int, int]:
        """The node's position and whether it is a leaf."""
        if isinstance(node, Leaf):
            [(target, weight)] = node.votes
            lists["leaf_targetids"].append(target)
            weights.append(weight)
            return len(weights) - 1, 1
        place = len(modes)
        modes.append(INDEXED_MODES.index(node.mode))
        splits.append(node.value)
        members.extend([*node.members, float("nan")] if node.mode == "BRANCH_MEMBER" else [])
        lists["nodes_featureids"].append(node.feature)
        lists["nodes_missing_value_tracks_true"].append(int(node.missing_is_true))
        for side, child in [("true", node.on_true), ("false", node.on_false)]:
            for name in [f"nodes_{side}nodeids", f"nodes_{side}leafs"]:
                lists[name].append(0)
        for side, child in [("true", node.on_true), ("false", node.on_false)]:
            lists[f"nodes_{side}nodeids"][place], lists[f"nodes_{side}leafs"][place] = add(child)
        return place, 0

    for root in trees:
        lists["tree_roots"].append(add(root)[0])
    tensors = {
        "nodes_modes": helper.make_tensor("nodes_modes", TensorProto.UINT8, [len(modes)], modes),
        "nodes_splits": helper.make_tensor("nodes_splits", element, [len(splits)], splits),
        "leaf_weights": helper.make_tensor("leaf_weights", element, [len(weights)], weights),
    }
    if members:
        tensors["membership_values"] = helper.make_tensor(
            "membership_values", element, [len(members)], members
        )
    return lists | tensors


def model(
    operator: str,
    attributes: dict[str, Any],
    outputs: list[tuple[str, int, list[Any]]],
    element: int = TensorProto.FLOAT,
    shape: Sequence[Any] = ("N", FEATURES),
    version: int = 3,
) -> ModelProto:
    """A graph of one tree ensemble, from the input `X` to the given outputs."""
    node = helper.make_node(
        operator, ["X"], [name for name, _, _ in outputs], domain="ai.onnx.ml", **attributes
    )
    graph = helper.make_graph(
        [node],
        "ensemble",
        [helper.make_tensor_value_info("X", element, list(shape))],
        [helper.make_tensor_value_info(*output) for output in outputs],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", version)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)
