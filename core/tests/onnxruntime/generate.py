"""Writes `cases.jsonl`: graphs, inputs, and the outputs that ONNX Runtime gives for them.

Usage: python generate.py (see README.md). The same versions write the same file.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import onnxruntime
from onnx import ModelProto, TensorProto, helper

import ensembles
from ensembles import (
    CLASSIC_MODES,
    FEATURES,
    GRID,
    INDEXED_MODES,
    Branch,
    Leaf,
    classic_attributes,
    forest,
    indexed_attributes,
)
from exports import exports

Case = tuple[str, ModelProto, np.ndarray]

TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]
AGGREGATES = ["AVERAGE", "SUM", "MIN", "MAX"]
INT_LABELS = {"classlabels_int64s": [0, 1]}
STRING_LABELS = {"classlabels_strings": ["genuine", "fraud"]}


def rows(seed: int, count: int = 6, missing: bool = False, dtype: Any = np.float32) -> np.ndarray:
    """Rows from the grid of thresholds; with `missing`, also NaN and infinities."""
    rng = np.random.default_rng(1000 + seed)
    values = GRID if not missing else np.concatenate([GRID, [np.nan] * 5, [np.inf, -np.inf]])
    return rng.choice(values, size=(count, FEATURES)).astype(dtype)


def regressor(
    trees: list[Branch | Leaf], targets: int = 1, double: bool = False, **attributes: Any
) -> ModelProto:
    options = {
        key: attributes.pop(key) for key in ["element", "shape", "version"] if key in attributes
    }
    attributes = classic_attributes(trees, "target", double) | attributes | {"n_targets": targets}
    return ensembles.model(
        "TreeEnsembleRegressor", attributes, [("Y", TensorProto.FLOAT, ["N", targets])], **options
    )


def classifier(trees: list[Branch | Leaf], double: bool = False, **attributes: Any) -> ModelProto:
    options = {
        key: attributes.pop(key) for key in ["element", "shape", "version"] if key in attributes
    }
    attributes = classic_attributes(trees, "class", double) | attributes
    strings = "classlabels_strings" in attributes
    classes = len(attributes["classlabels_strings" if strings else "classlabels_int64s"])
    outputs = [
        ("Y", TensorProto.STRING if strings else TensorProto.INT64, ["N"]),
        ("Z", TensorProto.FLOAT, ["N", classes]),
    ]
    return ensembles.model("TreeEnsembleClassifier", attributes, outputs, **options)


def indexed(
    trees: list[Branch | Leaf],
    targets: int = 1,
    element: int = TensorProto.FLOAT,
    **attributes: Any,
) -> ModelProto:
    attributes = indexed_attributes(trees, element) | attributes | {"n_targets": targets}
    return ensembles.model(
        "TreeEnsemble", attributes, [("Y", element, ["N", targets])], element=element, version=5
    )


def regressors() -> Iterator[Case]:
    rng = np.random.default_rng(1)
    for mode in CLASSIC_MODES:
        yield f"regressor_{mode.lower()}", regressor(forest(rng, 3, modes=[mode])), rows(
            1, 10, missing=True
        )
    yield "regressor_mixed_modes", regressor(forest(rng, 5, modes=CLASSIC_MODES)), rows(
        2, 10, missing=True
    )
    untracked = regressor(forest(rng, 3, modes=CLASSIC_MODES))
    node = untracked.graph.node[0]
    kept = [
        attribute
        for attribute in node.attribute
        if attribute.name != "nodes_missing_value_tracks_true"
    ]
    del node.attribute[:]
    node.attribute.extend(kept)
    yield "regressor_without_missing_tracks", untracked, rows(3, 10, missing=True)
    for aggregate in AGGREGATES:
        for targets in [1, 3]:
            trees = forest(rng, 2, targets=range(targets))
            for base in [0, targets]:
                # The third target may have no vote, which is when base values are left out.
                attributes: dict[str, Any] = (
                    {"base_values": [0.25, -3.5, 7.125][:targets]} if base else {}
                )
                model = regressor(trees, targets, aggregate_function=aggregate, **attributes)
                yield f"regressor_{aggregate.lower()}_{targets}_targets_{base}_base_values", model, rows(
                    4
                )
    for transform in TRANSFORMS:
        for targets in [1, 3]:
            low = 0.01 if transform == "PROBIT" else -1.0
            trees = forest(rng, 2, targets=range(targets), votes=None, low=low)
            model = regressor(
                trees, targets, aggregate_function="AVERAGE", post_transform=transform
            )
            yield f"regressor_{transform.lower()}_{targets}_targets", model, rows(5)
    sparse = forest(rng, 2, targets=range(3))
    yield "regressor_softmax_some_votes", regressor(sparse, 3, post_transform="SOFTMAX"), rows(6)
    yield "regressor_softmax_zero_some_votes", regressor(
        sparse, 3, post_transform="SOFTMAX_ZERO"
    ), rows(6)
    yield "regressor_all_targets_in_a_leaf", regressor(
        forest(rng, 3, targets=range(3), votes=None), 3
    ), rows(7)
    yield "regressor_two_targets_in_a_leaf", regressor(
        forest(rng, 3, targets=range(3), votes=2), 3
    ), rows(7)
    yield "regressor_two_targets", regressor(
        forest(rng, 3, targets=range(2)), 2, base_values=[0.5, 1.5]
    ), rows(7)

    trees = forest(rng, 2)
    yield "regressor_float64", regressor(trees, element=TensorProto.DOUBLE), rows(
        8, dtype=np.float64
    )
    for aggregate in AGGREGATES:
        fine = [
            Branch(0, "BRANCH_LEQ", 0.1, False, Leaf([(0, 0.1)]), Leaf([(0, 1 / 3)])),
            *forest(rng, 1),
        ]
        model = regressor(
            fine, double=True, element=TensorProto.DOUBLE, aggregate_function=aggregate
        )
        near = rows(9, dtype=np.float64)
        near[:, 0] = [0.1, np.nextafter(0.1, 1), np.float32(0.1), 0.0, np.nan, np.inf]
        yield f"regressor_doubles_{aggregate.lower()}", model, near
    base = helper.make_tensor("base", TensorProto.DOUBLE, [1], [1 / 3])
    model = regressor(fine, double=True, element=TensorProto.DOUBLE, base_values_as_tensor=base)
    yield "regressor_doubles_base_values", model, near

    yield "regressor_version_1", regressor(trees, version=1), rows(10)
    yield "regressor_no_rows", regressor(trees), rows(10)[:0]
    yield "regressor_bare_leaf", regressor([Leaf([(0, 0.75)]), *trees[:1]]), rows(10)
    yield "regressor_leaf_without_weight", regressor(
        [Branch(0, "BRANCH_LEQ", 0.0, False, Leaf([]), Leaf([(0, 1.0)]))]
    ), rows(10)
    yield "regressor_many_trees", regressor(forest(rng, 50, depth=1)), rows(11)
    yield "regressor_many_rows", regressor(forest(rng, 3)), rows(12, 70, missing=True)
    chain: Branch | Leaf = Leaf([(0, 0.0)])
    for level in range(24):
        chain = Branch(
            level % FEATURES, "BRANCH_LT", level / 6 - 2, True, Leaf([(0, level + 0.5)]), chain
        )
    yield "regressor_deep_tree", regressor([chain]), rows(13, 10)
    shared = Leaf([(0, 4.0)])
    rule: Branch | Leaf = Leaf([(0, -4.0)])
    for value in [1.0, -0.5, 2.0]:
        rule = Branch(1, "BRANCH_EQ", value, False, shared, rule)
    yield "regressor_chain_of_equalities", regressor([rule]), rows(14, 12, missing=True)


def binary_classifiers() -> Iterator[Case]:
    rng = np.random.default_rng(2)
    seed = 0
    for signed in [False, True]:
        low = -1.0 if signed else 0.05
        for voted in [[0], [1], [0, 1]]:
            for base in [[], [0.3], [0.4, -0.2]]:
                for transform in TRANSFORMS:
                    seed += 1
                    labels = INT_LABELS if seed % 2 else STRING_LABELS
                    attributes: dict[str, Any] = {"base_values": base} if base else {}
                    trees = [
                        ensembles.tree(rng, depth, ensembles.ORDER_MODES, voted, low)
                        for depth in [1, 1]
                    ]
                    model = classifier(trees, post_transform=transform, **labels, **attributes)
                    sign = "signed" if signed else "positive"
                    voters = "".join(str(target) for target in voted)
                    yield f"binary_{sign}_votes_{voters}_{len(base)}_base_values_{transform.lower()}", model, rows(
                        seed
                    )


def classifiers() -> Iterator[Case]:
    rng = np.random.default_rng(3)
    three = {"classlabels_int64s": [10, -20, 30]}
    named = {"classlabels_strings": ["low", "mittel", "höher"]}
    for base in [[], [0.1, -0.2, 0.3]]:
        for index, transform in enumerate(TRANSFORMS):
            attributes: dict[str, Any] = {"base_values": base} if base else {}
            labels = three if index % 2 else named
            trees = forest(rng, 2, targets=range(3), low=0.0)
            model = classifier(trees, post_transform=transform, **labels, **attributes)
            yield f"three_classes_{len(base)}_base_values_{transform.lower()}", model, rows(index)
    full = forest(rng, 2, targets=range(3), votes=None, low=0.0)
    yield "three_classes_full_votes", classifier(full, **three), rows(20)
    yield "three_classes_signed", classifier(forest(rng, 3, targets=range(3)), **named), rows(21)
    equal = [
        Branch(0, "BRANCH_LEQ", 0.0, False, Leaf([(2, 0.5), (1, 0.5)]), Leaf([(1, 0.5), (0, 0.5)]))
    ]
    yield "three_classes_tie", classifier(equal, **three), rows(22)
    large = np.array([[2**24 + 1, 2**53 + 1, -(2**24) - 1, 3], [2**24, 0, 0, 0]], np.int64)
    cut = Branch(0, "BRANCH_GT", 2.0**24, False, Leaf([(0, 1.0)]), Leaf([(1, 2.0)]))
    yield "three_classes_int64_beyond_float32", classifier(
        [cut], element=TensorProto.INT64, **three
    ), large
    yield "three_classes_missing", classifier(full, **named), rows(23, 10, missing=True)
    # With a single label that is a string, ONNX Runtime reads a second one and crashes.
    for base in [[], [-0.5]]:
        attributes = {"base_values": base} if base else {}
        for transform in TRANSFORMS:
            model = classifier(
                forest(rng, 2), post_transform=transform, classlabels_int64s=[7], **attributes
            )
            yield f"one_class_{len(base)}_base_values_{transform.lower()}", model, rows(24)
    two = forest(rng, 2, targets=[0, 1], votes=None, low=0.05)
    yield "two_classes_full_votes", classifier(two, **INT_LABELS), rows(25)
    yield "two_classes_other_labels", classifier(two, classlabels_int64s=[5, 9]), rows(25)
    yield "two_classes_other_labels_one_class", classifier(
        forest(rng, 2), classlabels_int64s=[5, 9]
    ), rows(25)
    for element, dtype in [
        (TensorProto.DOUBLE, np.float64),
        (TensorProto.INT64, np.int64),
        (TensorProto.INT32, np.int32),
    ]:
        name = np.dtype(dtype).name
        yield f"classifier_{name}", classifier(full, element=element, **three), rows(
            26, dtype=dtype
        )
        yield f"classifier_{name}_binary", classifier(
            forest(rng, 3), element=element, **STRING_LABELS
        ), rows(26, dtype=dtype)
    for transform in TRANSFORMS[:4]:
        model = classifier(
            full, double=True, element=TensorProto.DOUBLE, post_transform=transform, **three
        )
        yield f"classifier_doubles_{transform.lower()}", model, rows(27, dtype=np.float64)
    yield "classifier_version_1", classifier(full, version=1, **named), rows(28)
    yield "classifier_no_rows", classifier(full, **named), rows(28)[:0]
    yield "classifier_many_rows", classifier(two, **INT_LABELS), rows(29, 70, missing=True)


def indexed_ensembles() -> Iterator[Case]:
    rng = np.random.default_rng(4)
    for mode in CLASSIC_MODES:
        yield f"indexed_{mode.lower()}", indexed(forest(rng, 3, modes=[mode])), rows(
            30, 10, missing=True
        )
    # Whether a fraction is a member depends on the set's other members in ONNX Runtime 1.32.
    whole = np.trunc(rows(31, 12, missing=True))
    yield "indexed_branch_member", indexed(forest(rng, 3, modes=["BRANCH_MEMBER"])), whole
    yield "indexed_mixed_modes", indexed(forest(rng, 5, modes=INDEXED_MODES)), whole
    member = Branch(
        0,
        "BRANCH_MEMBER",
        0.0,
        True,
        Leaf([(0, 1.0)]),
        Leaf([(0, 2.0)]),
        [1.0, 3.0, 32.0, 33.0, 1e9, -5.0, 0.0],
    )
    probes = np.zeros((10, FEATURES), np.float32)
    probes[:, 0] = [1, 2, 3, 32, 33, 1e9, -5, 0, np.nan, np.inf]
    yield "indexed_large_set", indexed([member]), probes
    small = Branch(
        0, "BRANCH_MEMBER", 0.0, False, Leaf([(0, 1.0)]), Leaf([(0, 2.0)]), [1.0, 3.0, 32.0]
    )
    yield "indexed_small_set", indexed([small]), probes
    for number, aggregate in enumerate(AGGREGATES):
        for targets in [1, 3]:
            model = indexed(
                forest(rng, 4, targets=range(targets)), targets, aggregate_function=number
            )
            yield f"indexed_{aggregate.lower()}_{targets}_targets", model, rows(32)
    for number in range(len(TRANSFORMS)):
        for targets in [1, 3]:
            trees = forest(rng, 2, targets=range(targets), low=0.01)
            model = indexed(trees, targets, aggregate_function=0, post_transform=number)
            yield f"indexed_transform_{number}_{targets}_targets", model, rows(33)
    for targets in [1, 3]:
        trees = forest(rng, 4, modes=INDEXED_MODES, targets=range(targets))
        model = indexed(trees, targets, TensorProto.DOUBLE)
        yield f"indexed_doubles_{targets}_targets", model, whole.astype(np.float64)
    yield "indexed_no_rows", indexed(forest(rng, 2)), rows(35)[:0]


def cases() -> Iterator[Case]:
    yield from regressors()
    yield from binary_classifiers()
    yield from classifiers()
    yield from indexed_ensembles()
    yield from exports()


def encoded(name: str, array: np.ndarray) -> dict[str, Any]:
    """A tensor the way that the core takes and gives it."""
    if array.dtype == object:
        texts = [text.encode() for text in array.reshape(-1)]
        kind, data = "string", b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    else:
        kind, data = array.dtype.name, np.ascontiguousarray(array).tobytes()
    return {
        "name": name,
        "type": kind,
        "shape": list(array.shape),
        "data": base64.b64encode(data).decode(),
    }


def run(model: ModelProto, values: np.ndarray) -> list[dict[str, Any]]:
    """ONNX Runtime's answer. With one thread, trees are summed in order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # Converters declare some shapes too narrowly, which is only worth a warning.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    answers = session.run(names, {session.get_inputs()[0].name: values})
    # Some scores of two classes are never written. Run again on memory of zeros, they read as 0.
    binding = session.io_binding()
    binding.bind_cpu_input(session.get_inputs()[0].name, values)
    for place, (name, answer) in enumerate(zip(names, answers)):
        if answer.dtype != np.float32 or answer.size == 0:
            binding.bind_output(name)
            continue
        answers[place] = np.zeros_like(answer)
        shape, address = answer.shape, answers[place].ctypes.data
        binding.bind_output(name, "cpu", 0, np.float32, shape, address)
    session.run_with_iobinding(binding)
    return [encoded(name, answer) for name, answer in zip(names, answers)]


def only_adds(model: ModelProto) -> bool:
    """Whether the outputs are sums and comparisons alone, which have the same bits everywhere."""
    if any(not node.op_type.startswith("TreeEnsemble") for node in model.graph.node):
        return False
    attributes = [attribute for node in model.graph.node for attribute in node.attribute]
    transforms = [helper.get_attribute_value(a) for a in attributes if a.name == "post_transform"]
    return all(transform in [b"NONE", 0] for transform in transforms)


def main() -> None:
    with (Path(__file__).parent / "cases.jsonl").open("w") as file:
        for name, model, values in cases():
            # Some converters name the graph and order the imports at random.
            model.graph.name = "ensemble"
            imports = sorted(model.opset_import, key=lambda opset: opset.domain)
            del model.opset_import[:]
            model.opset_import.extend(imports)
            model.doc_string = model.graph.doc_string = ""
            record = {
                "name": name,
                "exact": only_adds(model),
                "model": base64.b64encode(model.SerializeToString(deterministic=True)).decode(),
                "input": encoded(model.graph.input[0].name, values),
                "outputs": run(model, values),
            }
            file.write(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
