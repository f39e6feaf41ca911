"""The members of the ensemble, and how their probabilities become one that is calibrated.

The boosted trees are shallow and each corrects those before it. The forest is built the other way:
deep trees, grown independently of one another, whose votes are averaged. It is worse by itself, but
its mistakes are different ones.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from data import SEED
from graph import Forest, Stacker, logit

Member: TypeAlias = XGBClassifier | Forest
Rows = NDArray[np.float32]
Labels = NDArray[np.bool_]
Probabilities = NDArray[np.floating[Any]]


def new_boosted() -> XGBClassifier:
    """The boosted trees, untrained."""
    return XGBClassifier(
        n_estimators=220,
        max_depth=5,
        learning_rate=0.07,
        min_child_weight=5.0,
        subsample=0.8,
        colsample_bytree=0.7,
        reg_lambda=2.0,
        tree_method="hist",
        objective="binary:logistic",
        n_jobs=1,  # the order of sums, and with it the trees, depends on the number of threads
        random_state=SEED,
    )


def new_forests() -> dict[str, Forest]:
    """The candidates for the second member, untrained. Each is small enough for the package."""
    shared = {"n_jobs": 2, "random_state": SEED}
    return {
        "random forest, shallow, balanced": RandomForestClassifier(
            n_estimators=60, max_depth=9, min_samples_leaf=15, max_features=6, max_samples=0.5,
            class_weight="balanced_subsample", **shared,
        ),
        "random forest, deep": RandomForestClassifier(
            n_estimators=24, max_depth=14, min_samples_leaf=5, max_features=8, max_samples=0.5,
            **shared,
        ),
        "extra trees, shallow, balanced": ExtraTreesClassifier(
            n_estimators=40, max_depth=10, min_samples_leaf=10, max_features=5,
            class_weight="balanced", **shared,
        ),
        "extra trees, deep": ExtraTreesClassifier(
            n_estimators=24, max_depth=14, min_samples_leaf=4, max_features=12, **shared
        ),
        "extra trees, deeper, larger leaves": ExtraTreesClassifier(
            n_estimators=24, max_depth=16, min_samples_leaf=8, max_features=16, **shared
        ),
    }


CHOSEN = "extra trees, deeper, larger leaves"
"""The candidate in the package: the one with the highest mean AUC-PR in `choose.py`'s table."""


def train(model: Member, rows: Rows, label: Labels) -> None:
    """Fits a member. The labels become 0 and 1, which the exporters expect."""
    model.fit(rows, label.astype(np.int64))
    model.n_jobs = 1  # a forest on two threads sums its trees in whatever order they finish


def fraud_probability(model: Member | Pipeline, rows: Rows) -> Probabilities:
    """A trained model's probability of fraud, not calibrated."""
    return model.predict_proba(rows)[:, 1]


def fit_logistic(inputs: NDArray[Any], label: Labels) -> LogisticRegression:
    """A logistic regression that is all but free of regularisation."""
    return LogisticRegression(C=1e4, max_iter=1000, tol=1e-8).fit(inputs, label)


def fit_stacker(boosted: NDArray[Any], forest: NDArray[Any], label: Labels) -> Stacker:
    """The weights of both members, from probabilities for transactions that neither has seen."""
    fitted = fit_logistic(np.column_stack([logit(boosted), logit(forest)]), label)
    boosted_weight, forest_weight = map(float, fitted.coef_[0])
    return Stacker(boosted_weight, forest_weight, float(fitted.intercept_[0]))


def calibrated(
    fit_on: NDArray[Any], label: Labels, apply_to: NDArray[Any]
) -> NDArray[np.float64]:
    """One member by itself, calibrated as the stacker calibrates both (Platt scaling)."""
    model = fit_logistic(logit(fit_on)[:, None], label)
    return model.predict_proba(logit(apply_to)[:, None])[:, 1]


def baseline(rows: Rows, label: Labels) -> Pipeline:
    """Logistic regression on the same features: for comparison only."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return model.fit(rows, label)
