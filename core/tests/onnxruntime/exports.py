"""Small models from the libraries that people train with, as their converters export them."""

from __future__ import annotations

from typing import Iterator

import lightgbm
import numpy as np
import onnxmltools
import xgboost
from onnx import ModelProto
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import convert_sklearn, to_onnx
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier

OPSET = {"": 15, "ai.onnx.ml": 3}


def data() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rows with NaN in one column, and what to learn from them."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(300, 4)).astype(np.float32)
    signal = rows[:, 0] + np.sin(2 * rows[:, 1]) - 0.5 * rows[:, 2] * rows[:, 3]
    return rows, {
        "binary": (signal > 0.3).astype(np.int64),
        "multiclass": np.digitize(signal, [-0.7, 0.7]).astype(np.int64),
        "value": signal.astype(np.float32),
    }


def exports() -> Iterator[tuple[str, ModelProto, np.ndarray]]:
    """A name, a model and rows to run through it."""
    rows, target = data()
    test = rows[:12]
    holes = test.copy()
    holes[::3, 0] = np.nan
    holes[1::3, 2] = np.nan
    types = [("X", FloatTensorType([None, rows.shape[1]]))]

    boosted = {"n_estimators": 3, "max_depth": 3, "n_jobs": 1, "random_state": 1}
    for name, model, goal in [
        ("binary", xgboost.XGBClassifier(**boosted), "binary"),
        ("binary_base_score", xgboost.XGBClassifier(**boosted, base_score=0.2), "binary"),
        ("multiclass", xgboost.XGBClassifier(**boosted), "multiclass"),
        ("regressor", xgboost.XGBRegressor(**boosted), "value"),
    ]:
        model.fit(rows, target[goal])
        yield f"xgboost_{name}", onnxmltools.convert_xgboost(
            model, initial_types=types, target_opset=15
        ), holes

    boosted = {"n_estimators": 3, "num_leaves": 6, "n_jobs": 1, "random_state": 1, "verbose": -1}
    for name, model, goal in [
        ("binary", lightgbm.LGBMClassifier(**boosted), "binary"),
        ("multiclass", lightgbm.LGBMClassifier(**boosted), "multiclass"),
        ("regressor", lightgbm.LGBMRegressor(**boosted), "value"),
    ]:
        model.fit(rows, target[goal])
        convert = onnxmltools.convert_lightgbm
        yield f"lightgbm_{name}", convert(
            model, initial_types=types, target_opset=15, zipmap=False
        ), holes

    small = {"n_estimators": 3, "max_depth": 2, "random_state": 1}
    names = np.array(["genuine", "fraud"])
    for name, model, goal in [
        (
            "decision_tree",
            DecisionTreeClassifier(max_depth=4, random_state=1),
            names[target["binary"]],
        ),
        ("random_forest_binary", RandomForestClassifier(**small), target["binary"]),
        ("random_forest_multiclass", RandomForestClassifier(**small), target["multiclass"]),
        ("random_forest_regressor", RandomForestRegressor(**small), target["value"]),
        ("extra_trees", ExtraTreesClassifier(**small), target["multiclass"]),
        ("gradient_boosting_binary", GradientBoostingClassifier(**small), target["binary"]),
        ("gradient_boosting_regressor", GradientBoostingRegressor(**small), target["value"]),
    ]:
        model.fit(rows, goal)
        options = {"zipmap": False} if hasattr(model, "predict_proba") else {}
        yield f"sklearn_{name}", to_onnx(
            model, rows[:1], target_opset=OPSET, options={id(model): options}
        ), test
