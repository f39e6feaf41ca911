"""The features that the manifest declares, evaluated over columns of transactions with numpy.

Training and the checks against ONNX Runtime both come through here, and the declaration they read
(`declaration.json`) is copied into the manifest as it stands. A server that evaluates the manifest
therefore computes what the model was trained on. Arithmetic is binary64; each feature that enters
the graph is rounded to binary32 once, at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]
"""Field name to values: numbers and booleans as float64, texts as str, timestamps as UTC
`datetime64[us]`."""

DECLARATION = Path(__file__).with_name("declaration.json")

_NUMERIC = ("number", "integer", "boolean")
_MICROSECONDS_PER_DAY = 86_400_000_000


class Declaration:
    """The input fields and features of the model."""

    def __init__(self, fields: list[dict[str, Any]], features: list[dict[str, Any]]) -> None:
        self.fields = fields
        self.features = features
        self._field_of = {field["name"]: field for field in fields}

    @classmethod
    def load(cls, path: Path = DECLARATION) -> Declaration:
        """Reads the declaration from its file."""
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(document["fields"], document["features"])

    @property
    def graph_features(self) -> list[str]:
        """The features that enter the graph, in order."""
        return [f["name"] for f in self.features if not f.get("internal", False)]

    def evaluate(self, columns: Columns) -> NDArray[np.float32]:
        """One row of graph features for each transaction, float32 of shape [N, features]."""
        computed: dict[str, NDArray[np.float64]] = {}

        def number(name: str) -> NDArray[np.float64]:
            if name in computed:
                return computed[name]
            if self._field_of[name]["type"] not in _NUMERIC:
                raise ValueError(f"{name} is not a number")
            return columns[name].astype(np.float64)

        for feature in self.features:
            operation = _OPERATIONS[feature["op"]]
            computed[feature["name"]] = operation(self, feature, columns, number)
        return np.column_stack([computed[name] for name in self.graph_features]).astype(np.float32)

    def values_of(self, category: str) -> list[str]:
        """The declared values of a category field."""
        return self._field_of[category]["values"]

    def columns(self, instances: Iterable[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
        """JSON instances as columns, with defaults filled in."""
        rows = list(instances)
        unknown = {key for row in rows for key in row} - set(self._field_of)
        if unknown:
            raise ValueError(f"not declared: {sorted(unknown)}")
        return {field["name"]: _column(field, rows) for field in self.fields}


def _column(field: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> NDArray[Any]:
    values = []
    for row in rows:
        value = row.get(field["name"])
        if value is None:
            if "default" not in field:
                raise ValueError(f"{field['name']} is missing")
            value = field["default"]
        values.append(value)
    if field["type"] in _NUMERIC:
        return np.array(values, dtype=np.float64)
    if field["type"] == "timestamp":
        return np.array([parse_timestamp(value) for value in values], dtype="datetime64[us]")
    return np.array(values, dtype=str)


def parse_timestamp(text: str) -> datetime:
    """An RFC 3339 date and time as UTC without a zone, as numpy takes it."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"no offset in {text!r}")
    return parsed.astimezone(UTC).replace(tzinfo=None)


# The operations. Each takes the declaration, its own entry, the input columns, and a function that
# gives a numeric field or an earlier feature.

_Number = Callable[[str], NDArray[np.float64]]
_Operation = Callable[[Declaration, Mapping[str, Any], Columns, _Number], NDArray[np.float64]]


def _value(_d: Declaration, f: Mapping[str, Any], _c: Columns, number: _Number) -> NDArray[Any]:
    return number(f["of"])


def _log1p(_d: Declaration, f: Mapping[str, Any], _c: Columns, number: _Number) -> NDArray[Any]:
    of = number(f["of"])
    if np.any(of <= -1.0):
        raise ValueError(f"{f['name']}: log1p of a number at or below -1")
    return np.log1p(of)


def _ratio(_d: Declaration, f: Mapping[str, Any], _c: Columns, number: _Number) -> NDArray[Any]:
    of, divisor = number(f["of"]), number(f["to"]) + f.get("plus", 0.0)
    result = np.full(of.shape, float(f["otherwise"]))
    return np.divide(of, divisor, out=result, where=divisor != 0.0)


def _difference(
    _d: Declaration, f: Mapping[str, Any], _c: Columns, number: _Number
) -> NDArray[Any]:
    return number(f["of"]) - number(f["minus"])


def _product(_d: Declaration, f: Mapping[str, Any], _c: Columns, number: _Number) -> NDArray[Any]:
    return number(f["of"]) * number(f["by"])


def _clip(_d: Declaration, f: Mapping[str, Any], _c: Columns, number: _Number) -> NDArray[Any]:
    return np.clip(number(f["of"]), f["min"], f["max"])


def hour_of_day(timestamps: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Hour of the day in UTC with its fraction: hour + minute / 60 + second / 3600."""
    micros = timestamps.astype("datetime64[us]").astype(np.int64) % _MICROSECONDS_PER_DAY
    minutes, in_minute = np.divmod(micros, 60_000_000)
    hours, minute = np.divmod(minutes, 60)
    return hours + minute / 60.0 + (in_minute / 1e6) / 3600.0


def _hour(_d: Declaration, f: Mapping[str, Any], columns: Columns, _n: _Number) -> NDArray[Any]:
    return hour_of_day(columns[f["of"]])


def _weekday(_d: Declaration, f: Mapping[str, Any], columns: Columns, _n: _Number) -> NDArray[Any]:
    days = columns[f["of"]].astype("datetime64[D]").astype(np.int64)
    return ((days + 3) % 7).astype(np.float64)  # day 0, 1970-01-01, was a Thursday


def _weekend(d: Declaration, f: Mapping[str, Any], columns: Columns, n: _Number) -> NDArray[Any]:
    return (_weekday(d, f, columns, n) >= 5.0).astype(np.float64)


def _hour_between(
    _d: Declaration, f: Mapping[str, Any], columns: Columns, _n: _Number
) -> NDArray[Any]:
    hour = hour_of_day(columns[f["of"]])
    after, before = hour >= f["from"], hour < f["until"]
    inside = after | before if f["from"] > f["until"] else after & before
    return inside.astype(np.float64)


def _is(_d: Declaration, f: Mapping[str, Any], columns: Columns, _n: _Number) -> NDArray[Any]:
    return (columns[f["of"]] == f["value"]).astype(np.float64)


def _same(_d: Declaration, f: Mapping[str, Any], columns: Columns, _n: _Number) -> NDArray[Any]:
    return (columns[f["of"]] == columns[f["as"]]).astype(np.float64)


def _code(d: Declaration, f: Mapping[str, Any], columns: Columns, _n: _Number) -> NDArray[Any]:
    column = columns[f["of"]]
    codes = np.full(column.shape, -1.0)
    for index, value in enumerate(d.values_of(f["of"])):
        codes[column == value] = index
    if np.any(codes < 0):
        raise ValueError(f"{f['of']}: a value that is not declared")
    return codes


_OPERATIONS: dict[str, _Operation] = {
    "value": _value,
    "log1p": _log1p,
    "ratio": _ratio,
    "difference": _difference,
    "product": _product,
    "clip": _clip,
    "hour": _hour,
    "weekday": _weekday,
    "weekend": _weekend,
    "hour_between": _hour_between,
    "is": _is,
    "same": _same,
    "code": _code,
}
