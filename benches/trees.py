"""Ensembles of trees in the sandbox beside ONNX Runtime: the same rows, one thread, tensors in and out.

Rows are drawn anew, so that a call does not take the way of the call before.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections import defaultdict
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import skl2onnx
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from threadpoolctl import threadpool_limits

from measure import Figures, answer, number, table

COLUMNS = 30
BATCHES = [1, 32, 1000]
ROUNDS = 5
SECONDS = 1.0


def ensembles(seed: int = 7):
    """Name and graph of each. Whatever is learned, the trees have the usual shape."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(5_000, COLUMNS)).astype(np.float32)
    signal = rows[:, 0] * rows[:, 1] + np.sin(3 * rows[:, 2]) + rng.normal(scale=0.5, size=len(rows))
    two = (signal > 0).astype(int)
    three = np.digitize(signal, [-0.7, 0.7])
    types = [("X", FloatTensorType([None, COLUMNS]))]

    boosted = xgboost.XGBClassifier(n_estimators=100, max_depth=6, n_jobs=1).fit(rows, two)
    yield "XGBoost, 100 trees of depth 6", onnxmltools.convert_xgboost(boosted, initial_types=types)
    forest = RandomForestClassifier(100, random_state=seed, n_jobs=1).fit(rows, three)
    yield "scikit-learn's random forest, 100 deep trees, 3 classes", skl2onnx.to_onnx(
        forest, rows[:1], options={"zipmap": False}
    )
    light = lightgbm.LGBMRegressor(n_estimators=500, num_leaves=31, n_jobs=1, verbose=-1).fit(rows, signal)
    yield "LightGBM, 500 trees of 31 leaves", onnxmltools.convert_lightgbm(light, initial_types=types)
    shape = {"max_iter": 100, "max_leaf_nodes": 31, "early_stopping": False, "random_state": seed}
    onnx.helper.make_attribute = whole
    histograms = HistGradientBoostingClassifier(**shape).fit(rows, two)
    yield "scikit-learn's HistGradientBoostingClassifier, 100 trees of 31 leaves", skl2onnx.to_onnx(
        histograms, rows[:1], options={"zipmap": False}
    )
    histograms = HistGradientBoostingRegressor(**shape).fit(rows, signal)
    yield "scikit-learn's HistGradientBoostingRegressor, 100 trees of 31 leaves", skl2onnx.to_onnx(
        histograms, rows[:1]
    )


def whole(key, value, *rest, make=onnx.helper.make_attribute, **named):
    """An attribute, its bools as integers: scikit-learn's histograms have them, protobuf none."""
    if isinstance(value, (list, tuple)):
        value = [int(v) if isinstance(v, (bool, np.bool_)) else v for v in value]
    return make(key, value, *rest, **named)


def package(graph, folder: Path) -> None:
    """A package around a graph. Only its tensors are used, so any answer that it has will do."""
    folder.mkdir(parents=True, exist_ok=True)
    content = graph.SerializeToString()
    names = [f"f{column}" for column in range(COLUMNS)]
    output = graph.graph.output[-1]
    # The exporters leave the width of some outputs open; two classes have two columns.
    labels = 1 if len(graph.graph.output) == 1 else classes(graph)
    found = {"value": output.name}
    if labels > 1:
        found = {"probabilities": output.name, "labels": [f"class {label}" for label in range(labels)]}
    manifest = {
        "format": "samebits/1",
        "name": "trees",
        "version": "1.0.0",
        "task": "tabular-regression" if labels == 1 else "tabular-classification",
        "license": "Apache-2.0",
        "files": [{
            "path": "model.onnx",
            "role": "graph",
            "size": len(content),
            "sha256": f"sha256:{hashlib.sha256(content).hexdigest()}",
        }],
        "input": {"fields": [{"name": name, "type": "number"} for name in names]},
        "features": [{"name": name, "op": "value", "of": name} for name in names],
        "graph": {"inputs": [{"name": graph.graph.input[0].name, "from": "features"}]},
        "output": found,
    }
    (folder / "model.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def classes(graph) -> int:
    """How many classes a classifier has."""
    for node in graph.graph.node:
        for attribute in node.attribute:
            if attribute.name in ("classlabels_int64s", "classlabels_strings"):
                return len(attribute.ints) or len(attribute.strings)
    raise ValueError("the graph names no classes")


def peer(path: Path, rows: np.ndarray) -> dict[int, float]:
    """Seconds of a `run` of ONNX Runtime by batch."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    outputs = [output.name for output in session.get_outputs()]
    figures = {}
    for batch in BATCHES:
        times = []
        end = time.perf_counter() + SECONDS
        for start in itertools.cycle(range(0, len(rows) - batch + 1, batch)):
            given = {name: rows[start : start + batch]}
            began = time.perf_counter()
            if began >= end:
                break
            session.run(outputs, given)
            times.append(time.perf_counter() - began)
        figures[batch] = float(np.median(times))
    return figures


def trees(program: Path, component: Path, work: Path) -> str:
    """The table; `program` is the example `rows` of the host."""
    rows = np.random.default_rng(1).normal(size=(20_000, COLUMNS)).astype(np.float32)
    path = work / "tree-rows.f32"
    rows.tofile(path)
    folders = {}
    with threadpool_limits(1):
        for index, (name, graph) in enumerate(ensembles()):
            folders[name] = work / f"trees-{index}"
            package(graph, folders[name])
    ours: dict[str, dict[int, Figures]] = defaultdict(lambda: defaultdict(Figures))
    theirs: dict[str, dict[int, Figures]] = defaultdict(lambda: defaultdict(Figures))
    for _ in range(ROUNDS):
        for name, folder in folders.items():
            command = [program, component, work / "code", folder, path, COLUMNS, SECONDS]
            for batch, seconds in answer([str(part) for part in command]).items():
                ours[name][int(batch)].add(seconds)
            for batch, seconds in peer(folder / "model.onnx", rows).items():
                theirs[name][batch].add(seconds)
    lines = []
    for name in folders:
        cells = []
        for batch in BATCHES:
            mine, other = ours[name][batch], theirs[name][batch]
            ratio = number(mine.median / other.median)
            cells.append(f"{mine.text(1e6)}, ONNX Runtime {number(other.median * 1e6)}: {ratio}")
        lines.append([name, *cells])
    head = ["trees, one thread, tensors in and out; µs in a reused sandbox, and times ONNX Runtime"]
    return table([*head, *[f"batch {batch:,}" for batch in BATCHES]], lines)
