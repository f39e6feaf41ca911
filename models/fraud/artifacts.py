"""Writes the package and what goes with it: manifest, reference cases, examples, and the answers
of ONNX Runtime that other runtimes are compared with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

import cases
from evaluation import THRESHOLD, blocked
from features import Declaration

LIBRARIES = {
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxmltools": "onnxmltools",
    "onnxruntime": "onnxruntime",
    "scikit-learn": "scikit-learn",
    "skl2onnx": "skl2onnx",
    "xgboost": "xgboost-cpu",
}
"""Name in the manifest to the distribution that provides it."""

Instance = dict[str, Any]


class OnnxRuntime:
    """ONNX Runtime on one thread, so that sums run in one order."""

    def __init__(self, model: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The fraud probability of each row of features."""
        output = "probabilities"
        parts = [
            self._session.run([output], {"features": rows[i : i + 4096]})[0][:, 1]
            for i in range(0, len(rows), 4096)
        ]
        return np.concatenate(parts)


def instance(
    declaration: Declaration, columns: Mapping[str, NDArray[Any]], index: np.intp
) -> Instance:
    """One transaction of the columns as a JSON instance."""
    result: Instance = {}
    for field in declaration.fields:
        value = columns[field["name"]][index]
        match field["type"]:
            case "number":
                result[field["name"]] = float(value)
            case "integer":
                result[field["name"]] = int(value)
            case "boolean":
                result[field["name"]] = bool(value)
            case "timestamp":
                result[field["name"]] = f"{value.astype('datetime64[s]')}Z"
            case _:
                result[field["name"]] = str(value)
    return result


def training_ranges(
    declaration: Declaration, columns: Mapping[str, NDArray[Any]], rows: NDArray[np.bool_]
) -> dict[str, list[float]]:
    """Per numeric field the quantiles at 0.1 % and 99.9 % of the training window."""
    ranges = {}
    for field in declaration.fields:
        if field["type"] in ("number", "integer"):
            values = columns[field["name"]][rows]
            low, high = np.quantile(values, [0.001, 0.999], method="closest_observation")
            ranges[field["name"]] = [float(low), float(high)]
    return ranges


def score_deciles(probability: NDArray[np.float32]) -> list[float]:
    """The nine scores that cut those of the test window into tenths."""
    cuts = np.quantile(probability, np.arange(1, 10) / 10, method="inverted_cdf")
    return [round(float(cut), 8) for cut in cuts]


def write_json(path: Path, document: Any) -> None:
    """Indented JSON with a newline at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_package(
    folder: Path,
    model: bytes,
    declaration: Declaration,
    borderline: Mapping[str, Instance],
    *,
    ranges: Mapping[str, list[float]],
    period: str,
    metrics: Mapping[str, float],
    probability: NDArray[np.float32],
) -> None:
    """The graph, the reference cases without answers (the sealing tool adds what the component
    gives), and the manifest with the digests of both."""
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    chosen = {**cases.CASES, **borderline}
    entries = [{"name": name, "input": given} for name, given in chosen.items()]
    write_json(folder / "reference-cases.json", {"cases": entries})
    fields = [
        {**field, "training_range": ranges[field["name"]]} if field["name"] in ranges else field
        for field in declaration.fields
    ]
    write_json(folder / "manifest.json", {
        "format": "samebits/1",
        "name": "fraud",
        "version": "1.0.0",
        "task": "tabular-classification",
        "description": (
            "Estimates the probability that a card transaction is fraudulent, from the transaction "
            "and aggregates of the customer's and the terminal's past. Trained on simulated data."
        ),
        "license": "Apache-2.0",
        "files": [
            _file_entry(folder, "model.onnx", "graph"),
            _file_entry(folder, "reference-cases.json", "reference-cases"),
        ],
        "input": {"fields": fields},
        "features": declaration.features,
        "graph": {"inputs": [{"name": "features", "from": "features"}]},
        "output": {
            "labels": ["legitimate", "fraud"],
            "probabilities": "probabilities",
            "score": {"name": "fraud_score", "label": "fraud"},
        },
        "decision": {"rules": [{"above": THRESHOLD, "action": "block"}], "otherwise": "allow"},
        "training": {
            "data": (
                "Simulated card transactions (models/fraud/simulate.py); no data of real people, "
                "cards or merchants. Not for production use without training on real data."
            ),
            "period": period,
            "metrics": {name: round(value, 5) for name, value in metrics.items()},
            "score_deciles": score_deciles(probability),
            "libraries": {name: version(source) for name, source in LIBRARIES.items()},
        },
    })


def _file_entry(package: Path, name: str, role: str) -> dict[str, Any]:
    content = (package / name).read_bytes()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"path": name, "role": role, "size": len(content), "sha256": digest}


def write_examples(folder: Path, declaration: Declaration, runtime: OnnxRuntime) -> None:
    """Inputs for a first try, checked to give what the documentation says of them."""
    answers = runtime.probabilities(declaration.evaluate(declaration.columns(cases.EXAMPLE_BATCH)))
    ordinary, suspicious, *rest = answers
    if ordinary > 0.05 or suspicious < 0.9 or blocked(np.array(rest)).all():
        raise RuntimeError(f"the examples give {answers}")
    write_json(folder / "ordinary.json", cases.ORDINARY)
    write_json(folder / "suspicious.json", cases.SUSPICIOUS)
    write_json(folder / "batch.json", cases.EXAMPLE_BATCH)
    write_json(folder / "bad.json", cases.EXAMPLE_BAD)


def borderline_cases(
    declaration: Declaration,
    columns: Mapping[str, NDArray[Any]],
    probability: NDArray[Any],
) -> dict[str, Instance]:
    """Those transactions of the columns whose probability is just below or above a mark."""
    result = {}
    for mark, tag in ((THRESHOLD, "the-threshold"), (0.5, "one-half")):
        for side, name in ((probability <= mark, "just-below"), (probability > mark, "just-above")):
            nearest = np.argmin(np.where(side, np.abs(probability - mark), np.inf))
            result[f"{name}-{tag}"] = instance(declaration, columns, nearest)
    return result


def write_evaluation(
    path: Path, declaration: Declaration, instances: list[Instance], runtime: OnnxRuntime
) -> None:
    """One line each: the instance, the bits of its features, and ONNX Runtime's answer."""
    rows = declaration.evaluate(declaration.columns(instances))
    answers = runtime.probabilities(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for given, row, answer in zip(instances, rows, answers, strict=True):
            line = {
                "input": given,
                "features_bits": _bits(row),
                "fraud_probability_bits": _bits(answer),
                "fraud_probability": float(answer),
            }
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def _bits(values: Any) -> str:
    return np.asarray(values, dtype=">f4").tobytes().hex()


def evaluation_sample(
    seed: int,
    pattern: NDArray[np.int64],
    channel: NDArray[np.str_],
    probability: NDArray[Any],
    size: int,
) -> NDArray[np.int64]:
    """Indices into the test window: 15 % frauds, the patterns in equal parts; the genuine ones
    from all channels, a sixth of them those that the model finds most suspicious."""
    rng = np.random.default_rng([seed, 6])
    frauds = int(0.15 * size)
    kinds = range(1, int(pattern.max()) + 1)
    chosen: list[NDArray[np.int64]] = [
        rng.choice(np.flatnonzero(pattern == kind), frauds // len(kinds), replace=False)
        for kind in kinds
    ]
    genuine = pattern == 0
    suspicious = np.flatnonzero(genuine & (probability > 0.05))
    count = min(size // 6, suspicious.size)
    chosen.append(rng.choice(suspicious, count, replace=False))
    genuine[suspicious] = False
    missing = size - sum(part.size for part in chosen)
    ways = np.unique(channel)
    for index, way in enumerate(ways):
        count = missing // len(ways) + (index < missing % len(ways))
        candidates = np.flatnonzero(genuine & (channel == way))
        chosen.append(rng.choice(candidates, count, replace=False))
    return np.sort(np.concatenate(chosen))
