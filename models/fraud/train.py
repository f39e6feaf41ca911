"""Trains the fraud model and writes `package/`, `examples/`, `evaluation/` and the figures of the
model card. Runs on the CPU, takes a few minutes, and gives the same bytes each time on the same
machine with the libraries of `requirements.txt`.

    python train.py [--quick]
"""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

import cases
import evaluation
import graph
import package
import simulate
from features import Declaration
from fraud_patterns import add_frauds
from history import aggregates, reported_labels

HERE = Path(__file__).resolve().parent
SEED = 20_260_314
EVALUATION_SIZE = 1_200

# Days since the simulation's start, the end not included. Before the training window lie the days
# that the longest aggregate looks back on; between two windows lie the days that reports take.
TRAINING = (35, 126)
STACKING = (133, 154)
TEST = (161, simulate.DAYS)


@dataclass
class Data:
    """The simulated transactions, sorted by time."""

    columns: dict[str, NDArray[Any]]
    rows: NDArray[np.float32]
    label: NDArray[np.bool_]
    pattern: NDArray[np.int64]
    day: NDArray[np.int64]

    def within(self, window: tuple[int, int]) -> NDArray[np.bool_]:
        """The transactions of a window of days."""
        return (self.day >= window[0]) & (self.day < window[1])


def make_data(declaration: Declaration, customers: int) -> Data:
    """Simulates, and computes features from the declaration."""
    world = simulate.make_world(SEED, customers, shops=customers // 2, merchants=customers // 10)
    batch = add_frauds(SEED, world, simulate.genuine(SEED, world))
    label = reported_labels(SEED, batch)
    past = aggregates(batch, label, world.terminals.country.size)
    columns = simulate.columns(world, batch, past)
    return Data(
        columns=columns,
        rows=declaration.evaluate(columns),
        label=label,
        pattern=batch.pattern,
        day=batch.second // simulate.DAY,
    )


def train_boosted(rows: NDArray[np.float32], label: NDArray[np.bool_]) -> XGBClassifier:
    """The boosted trees."""
    model = XGBClassifier(
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
    return model.fit(rows, label.astype(np.int64))


def train_forest(rows: NDArray[np.float32], label: NDArray[np.bool_]) -> RandomForestClassifier:
    """The forest: other trees on other samples, with frauds weighted up."""
    model = RandomForestClassifier(
        n_estimators=60,
        max_depth=9,
        min_samples_leaf=15,
        max_features=6,
        max_samples=0.5,
        class_weight="balanced_subsample",
        n_jobs=2,
        random_state=SEED,
    )
    model.fit(rows, label.astype(np.int64))
    model.n_jobs = 1
    return model


def fit_logistic(inputs: NDArray[Any], label: NDArray[np.bool_]) -> LogisticRegression:
    """A logistic regression that is all but free of regularisation."""
    return LogisticRegression(C=1e4, max_iter=1000, tol=1e-8).fit(inputs, label)


def calibrated(
    fit_on: NDArray[Any], label: NDArray[np.bool_], apply_to: NDArray[Any]
) -> NDArray[np.float64]:
    """One member by itself, calibrated on the stacking window as the whole is."""
    model = fit_logistic(graph.logit(fit_on)[:, None], label)
    return model.predict_proba(graph.logit(apply_to)[:, None])[:, 1]


def baseline(data: Data) -> NDArray[np.float64]:
    """Logistic regression on the same features, calibrated likewise: for comparison only."""
    train, stack, test = (data.within(w) for w in (TRAINING, STACKING, TEST))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(data.rows[train], data.label[train])
    of_stack = model.predict_proba(data.rows[stack])[:, 1]
    return calibrated(of_stack, data.label[stack], model.predict_proba(data.rows[test])[:, 1])


def check_agreement(name: str, ours: NDArray[Any], runtime: NDArray[Any], limit: float) -> str:
    """The largest difference to ONNX Runtime, as a row of the model card."""
    worst = float(np.max(np.abs(ours.astype(np.float64) - runtime.astype(np.float64))))
    if worst > limit:
        raise RuntimeError(f"{name}: ONNX Runtime differs by {worst:.2e}, allowed is {limit:.0e}")
    return f"| {name} | {worst:.1e} |"


def update_model_card(name: str, text: str) -> None:
    """Replaces the part of the model card between the marks of this name."""
    path = HERE / "README.md"
    card = path.read_text(encoding="utf-8")
    pattern = rf"(<!-- {name}: written by train.py -->\n).*?(<!-- end of {name} -->)"
    card, found = re.subn(pattern, lambda m: f"{m[1]}\n{text}\n\n{m[2]}", card, flags=re.DOTALL)
    if found != 1:
        raise RuntimeError(f"README.md has no place for {name}")
    path.write_text(card, encoding="utf-8")


def main() -> None:
    """Everything, in order."""
    parser = argparse.ArgumentParser(description="Trains the fraud model.")
    parser.add_argument("--quick", action="store_true", help="a quarter of the data, for trying out")
    quick = parser.parse_args().quick
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:5.0f} s] {text}", flush=True)

    declaration = Declaration.load()
    data = make_data(declaration, 1_050 if quick else 4_200)
    train, stack, test = (data.within(w) for w in (TRAINING, STACKING, TEST))
    say(f"{data.label.size} transactions, {np.mean(data.label):.2%} reported as fraud")

    boosted = train_boosted(data.rows[train], data.label[train])
    say("boosted trees trained")
    forest = train_forest(data.rows[train], data.label[train])
    say("forest trained")

    held_out = {"stack": data.rows[stack], "test": data.rows[test]}
    of_boosted = {k: boosted.predict_proba(rows)[:, 1] for k, rows in held_out.items()}
    of_forest = {k: forest.predict_proba(rows)[:, 1] for k, rows in held_out.items()}
    fitted = fit_logistic(
        np.column_stack([graph.logit(of_boosted["stack"]), graph.logit(of_forest["stack"])]),
        data.label[stack],
    )
    stacker = graph.Stacker(*map(float, fitted.coef_[0]), float(fitted.intercept_[0]))
    say(f"stacked: {stacker}")

    width = len(declaration.graph_features)
    boosted_onnx = graph.export_boosted(boosted, width)
    forest_onnx = graph.export_forest(forest, width)
    model = graph.build(boosted_onnx, forest_onnx, stacker, width).SerializeToString(deterministic=True)
    folder = HERE / "package"
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    runtime = package.OnnxRuntime(model)
    probability = runtime.probabilities(data.rows[test])
    say(f"model.onnx: {len(model)} bytes")

    agreement = "\n".join([
        "| Compared over the test window | Largest difference |",
        "|---|---|",
        check_agreement(
            "XGBoost and its part of the graph", of_boosted["test"],
            package.OnnxRuntime(boosted_onnx.SerializeToString()).probabilities(data.rows[test]), 1e-5,
        ),
        check_agreement(
            "scikit-learn and its part of the graph", of_forest["test"],
            package.OnnxRuntime(forest_onnx.SerializeToString()).probabilities(data.rows[test]), 1e-5,
        ),
        check_agreement(
            "both with the stacker in binary64, and the whole graph",
            stacker.predict(of_boosted["test"], of_forest["test"]), probability, 1e-4,
        ),
    ])

    label = data.label[test]
    results = {
        "the package (both, stacked)": evaluation.scores(label, probability),
        "XGBoost alone": evaluation.scores(
            label, calibrated(of_boosted["stack"], data.label[stack], of_boosted["test"])
        ),
        "random forest alone": evaluation.scores(
            label, calibrated(of_forest["stack"], data.label[stack], of_forest["test"])
        ),
        "logistic regression (baseline)": evaluation.scores(label, baseline(data)),
    }
    counts = {"test_transactions": int(label.size), "test_frauds": int(label.sum())}
    say("evaluated")

    test_index = np.flatnonzero(test)
    borderline = package.borderline_cases(declaration, data.columns, probability, test_index)
    package.write_reference_cases(folder / "reference-cases.json", borderline)
    last_day = simulate.START.astype("datetime64[D]") + simulate.DAYS - 1
    package.write_manifest(
        folder,
        declaration,
        package.training_ranges(declaration, data.columns, train),
        f"{simulate.START.astype('datetime64[D]')} to {last_day} (simulated)",
        results["the package (both, stacked)"],
        counts,
    )
    package.write_examples(HERE / "examples", declaration, runtime)

    by_hand = [*cases.EDGES.values(), *cases.CASES.values(), *borderline.values()]
    sample = package.evaluation_sample(
        SEED, data.pattern[test], data.columns["channel"][test], probability,
        EVALUATION_SIZE - len(by_hand),
    )
    drawn = [package.instance(declaration, data.columns, i) for i in test_index[sample]]
    if not np.array_equal(
        declaration.evaluate(declaration.columns(drawn)), data.rows[test_index[sample]]
    ):
        raise RuntimeError("an instance does not give the features that the model is trained on")
    package.write_evaluation(
        HERE / "evaluation" / "onnxruntime.jsonl", declaration, drawn + by_hand, runtime
    )

    tables = {
        "sizes": "\n".join([
            "| Window | Days | Transactions | Reported frauds |",
            "|---|---|---|---|",
            *(
                f"| {name} | {window[0]} to {window[1] - 1} | {np.sum(rows)} "
                f"| {np.sum(data.label[rows])} |"
                for name, window, rows in (
                    ("training", TRAINING, train),
                    ("stacking and calibration", STACKING, stack),
                    ("test", TEST, test),
                )
            ),
        ]),
        "comparison": evaluation.comparison_table(results),
        "patterns": evaluation.pattern_table(data.pattern[test], probability),
        "calibration": evaluation.calibration_table(label, probability),
        "agreement": agreement,
    }
    for name, table in tables.items():
        print(f"\n{table}")
        if not quick:
            update_model_card(name, table)
    print()
    say("done; now from the repository's root: cargo xtask seal models/fraud/package")


if __name__ == "__main__":
    main()
