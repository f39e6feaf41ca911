"""XGBoost, LightGBM and CatBoost: objectives, missing values, categories."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import onnx
import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from pipelines import BINARY, HOLES, LABELS, MULTI, NAMES, ROWS, TWO, VALUE

TYPES = [("X", FloatTensorType([None, ROWS.shape[1]]))]
GROUPS = [24] * 10
RELEVANCE = MULTI.astype(np.int32)
EDGE = np.array(
    [[np.nan] * 4, [np.inf, -np.inf, 0, -0.0], [1e30, -1e30, 0.5, np.nan]], dtype=np.float32
)
TEST = np.concatenate([HOLES[:9], EDGE])


def xgb(model, goal, rows=HOLES, opset=15, **fit):
    model.fit(rows, goal, **fit)
    return onnxmltools.convert_xgboost(model, initial_types=TYPES, target_opset=opset), {"X": TEST}


def lgbm(model, goal, rows=HOLES, zipmap=True, test=TEST, **fit):
    model.fit(rows, goal, **fit)
    convert = onnxmltools.convert_lightgbm
    proto = convert(model, initial_types=TYPES, target_opset=15, zipmap=zipmap)
    return proto, {"X": test}


def cat(model, goal, rows=HOLES, name="features", **fit):
    model.fit(rows, goal, verbose=False, **fit)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        model.save_model(str(path), format="onnx")
        proto = onnx.load(path)
    return proto, {proto.graph.input[0].name: TEST}


def cases():
    shape = {"n_estimators": 6, "max_depth": 4, "n_jobs": 1, "random_state": 1}
    for name, model, goal in [
        ("binary", xgboost.XGBClassifier(**shape), BINARY),
        ("binary_base", xgboost.XGBClassifier(**shape, base_score=0.2), BINARY),
        ("binary_raw", xgboost.XGBClassifier(**shape, objective="binary:logitraw"), BINARY),
        ("multi", xgboost.XGBClassifier(**shape), MULTI),
        ("multi_softmax", xgboost.XGBClassifier(**shape, objective="multi:softmax"), MULTI),
        ("dart", xgboost.XGBClassifier(**shape, booster="dart", rate_drop=0.2), BINARY),
        ("linear", xgboost.XGBClassifier(n_estimators=6, booster="gblinear"), BINARY),
        ("forest", xgboost.XGBRFClassifier(n_estimators=6, max_depth=4), MULTI),
        ("regressor", xgboost.XGBRegressor(**shape), VALUE),
        ("regressor_two", xgboost.XGBRegressor(**shape), TWO),
        ("regressor_huber", xgboost.XGBRegressor(**shape, objective="reg:pseudohubererror"), VALUE),
        ("regressor_absolute", xgboost.XGBRegressor(**shape, objective="reg:absoluteerror"), VALUE),
        ("regressor_logistic", xgboost.XGBRegressor(**shape, objective="reg:logistic"), BINARY),
        ("poisson", xgboost.XGBRegressor(**shape, objective="count:poisson"), np.abs(VALUE)),
        ("gamma", xgboost.XGBRegressor(**shape, objective="reg:gamma"), np.abs(VALUE) + 0.1),
        ("tweedie", xgboost.XGBRegressor(**shape, objective="reg:tweedie"), np.abs(VALUE)),
        ("labels", xgboost.XGBClassifier(**shape), LABELS),
    ]:
        yield f"xgboost_{name}", partial(xgb, model, goal)
    yield "xgboost_opset_9", partial(xgb, xgboost.XGBClassifier(**shape), BINARY, opset=9)
    ranker = {"n_estimators": 6, "max_depth": 3, "n_jobs": 1}
    yield "xgboost_ranker", partial(
        xgb, xgboost.XGBRanker(**ranker), RELEVANCE, group=GROUPS
    )
    yield "xgboost_ranker_pairwise", partial(
        xgb, xgboost.XGBRanker(**ranker, objective="rank:pairwise"), RELEVANCE, group=GROUPS
    )

    shape = {"n_estimators": 6, "num_leaves": 8, "n_jobs": 1, "random_state": 1, "verbose": -1}
    for name, model, goal in [
        ("binary", lightgbm.LGBMClassifier(**shape), BINARY),
        ("multi", lightgbm.LGBMClassifier(**shape), MULTI),
        ("names", lightgbm.LGBMClassifier(**shape), NAMES),
        ("ova", lightgbm.LGBMClassifier(**shape, objective="multiclassova"), MULTI),
        ("dart", lightgbm.LGBMClassifier(**shape, boosting_type="dart"), BINARY),
        (
            "forest",
            lightgbm.LGBMClassifier(
                **shape, boosting_type="rf", subsample=0.7, subsample_freq=1
            ),
            BINARY,
        ),
        ("regressor", lightgbm.LGBMRegressor(**shape), VALUE),
        ("l1", lightgbm.LGBMRegressor(**shape, objective="regression_l1"), VALUE),
        ("huber", lightgbm.LGBMRegressor(**shape, objective="huber"), VALUE),
        ("quantile", lightgbm.LGBMRegressor(**shape, objective="quantile", alpha=0.3), VALUE),
        ("poisson", lightgbm.LGBMRegressor(**shape, objective="poisson"), np.abs(VALUE)),
        ("gamma", lightgbm.LGBMRegressor(**shape, objective="gamma"), np.abs(VALUE) + 0.1),
        ("tweedie", lightgbm.LGBMRegressor(**shape, objective="tweedie"), np.abs(VALUE)),
        ("xentropy", lightgbm.LGBMRegressor(**shape, objective="cross_entropy"), BINARY),
        (
            "forest_regressor",
            lightgbm.LGBMRegressor(
                **shape, boosting_type="rf", subsample=0.7, subsample_freq=1
            ),
            VALUE,
        ),
    ]:
        yield f"lightgbm_{name}", partial(lgbm, model, goal)
    yield "lightgbm_no_map", partial(lgbm, lightgbm.LGBMClassifier(**shape), MULTI, zipmap=False)
    yield "lightgbm_ranker", partial(
        lgbm, lightgbm.LGBMRanker(**shape), RELEVANCE, group=GROUPS
    )
    whole = ROWS.copy()
    whole[:, 1] = np.clip(np.round(np.abs(whole[:, 1]) * 3), 0, 7)
    category = {"min_child_samples": 5, "cat_smooth": 1.0, "min_data_per_group": 5}
    yield "lightgbm_categories", partial(
        lgbm,
        lightgbm.LGBMClassifier(**shape, **category),
        BINARY,
        rows=whole,
        test=whole[:20],
        categorical_feature=[1],
    )

    shape = {"iterations": 6, "depth": 3, "random_seed": 1, "thread_count": 1}
    shape["allow_writing_files"] = False
    for name, model, goal in [
        ("binary", catboost.CatBoostClassifier(**shape), BINARY),
        ("multi", catboost.CatBoostClassifier(**shape, loss_function="MultiClass"), MULTI),
        ("names", catboost.CatBoostClassifier(**shape, loss_function="MultiClass"), NAMES),
        ("ova", catboost.CatBoostClassifier(**shape, loss_function="MultiClassOneVsAll"), MULTI),
        ("regressor", catboost.CatBoostRegressor(**shape), VALUE),
        ("mae", catboost.CatBoostRegressor(**shape, loss_function="MAE"), VALUE),
        ("poisson", catboost.CatBoostRegressor(**shape, loss_function="Poisson"), np.abs(VALUE)),
        ("quantile", catboost.CatBoostRegressor(**shape, loss_function="Quantile:alpha=0.2"), VALUE),
        (
            "min",
            catboost.CatBoostClassifier(**shape, nan_mode="Max"),
            BINARY,
        ),
        (
            "lossguide",
            catboost.CatBoostRegressor(**shape, grow_policy="Depthwise"),
            VALUE,
        ),
    ]:
        yield f"catboost_{name}", partial(cat, model, goal)
    yield "catboost_ranker", partial(
        cat,
        catboost.CatBoostRanker(**shape, loss_function="YetiRank"),
        MULTI,
        group_id=np.repeat(np.arange(10), 24),
    )
