"""Trains the fraud model and writes `package/`, `examples/`, `evaluation/` and the figures of the
model card. Runs on the CPU, takes a few minutes, and gives the same bytes each time on the same
machine with the libraries of `requirements.txt`.

    python train.py
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xgboost import XGBClassifier

import artifacts
import card
import cases
import evaluation
import graph
import members
import simulate
from artifacts import OnnxRuntime
from data import CUSTOMERS, SEED, STACKING, TEST, TRAINING, Data, make_data
from features import Declaration

HERE = Path(__file__).resolve().parent
EVALUATION_SIZE = 1_200

_BEGAN = time.monotonic()


def say(text: str) -> None:
    """Progress, with the time since the beginning."""
    print(f"[{time.monotonic() - _BEGAN:5.0f} s] {text}", flush=True)


@dataclass
class Ensemble:
    """Both members and what joins them."""

    boosted: XGBClassifier
    forest: graph.Forest
    stacker: graph.Stacker


def train_ensemble(data: Data) -> Ensemble:
    """The members learn from the training window, the stacker from the stacking window."""
    train, stack = data.within(TRAINING), data.within(STACKING)
    boosted, forest = members.new_boosted(), members.new_forests()[members.CHOSEN]
    members.train(boosted, data.rows[train], data.label[train])
    say("boosted trees trained")
    members.train(forest, data.rows[train], data.label[train])
    say("forest trained")
    stacker = members.fit_stacker(
        members.fraud_probability(boosted, data.rows[stack]),
        members.fraud_probability(forest, data.rows[stack]),
        data.label[stack],
    )
    say(f"stacked: {stacker}")
    return Ensemble(boosted, forest, stacker)


def export(ensemble: Ensemble, rows: NDArray[np.float32]) -> tuple[bytes, list[list[str]]]:
    """The graph, and how far it is from the libraries that trained it over these rows."""
    width = rows.shape[1]
    boosted = graph.export_boosted(ensemble.boosted, width)
    forest = graph.export_forest(ensemble.forest, width)
    whole = graph.build(boosted, forest, ensemble.stacker, width)
    model = whole.SerializeToString(deterministic=True)
    say(f"model.onnx: {len(model)} bytes")
    of_boosted = members.fraud_probability(ensemble.boosted, rows)
    of_forest = members.fraud_probability(ensemble.forest, rows)
    agreement = [
        compare(
            "XGBoost and its part of the graph",
            of_boosted, OnnxRuntime(boosted.SerializeToString()).probabilities(rows), 1e-5,
        ),
        compare(
            "scikit-learn and its part of the graph",
            of_forest, OnnxRuntime(forest.SerializeToString()).probabilities(rows), 1e-5,
        ),
        compare(
            "both with the stacker in binary64, and the whole graph",
            ensemble.stacker.predict(of_boosted, of_forest),
            OnnxRuntime(model).probabilities(rows), 1e-4,
        ),
    ]
    return model, agreement


def compare(name: str, ours: NDArray[Any], runtime: NDArray[Any], limit: float) -> list[str]:
    """The largest difference to ONNX Runtime, as a row of the model card."""
    worst = float(np.max(np.abs(ours.astype(np.float64) - runtime.astype(np.float64))))
    if worst > limit:
        raise RuntimeError(f"{name}: ONNX Runtime differs by {worst:.2e}, allowed is {limit:.0e}")
    return [name, f"{worst:.1e}"]


def others(data: Data, ensemble: Ensemble) -> dict[str, NDArray[Any]]:
    """What each member gives by itself over the test window, and a simple model for comparison.
    All are calibrated on the stacking window, as the ensemble is."""
    train, stack, test = (data.within(window) for window in (TRAINING, STACKING, TEST))
    alone = {
        "XGBoost alone": ensemble.boosted,
        "forest alone": ensemble.forest,
        "logistic regression (baseline)": members.baseline(data.rows[train], data.label[train]),
    }
    return {
        name: members.calibrated(
            members.fraud_probability(model, data.rows[stack]),
            data.label[stack],
            members.fraud_probability(model, data.rows[test]),
        )
        for name, model in alone.items()
    }


def write_evaluation(
    declaration: Declaration,
    data: Data,
    probability: NDArray[Any],
    by_hand: list[artifacts.Instance],
    runtime: OnnxRuntime,
) -> None:
    """Transactions of the test window and those written by hand, with ONNX Runtime's answers."""
    test = np.flatnonzero(data.within(TEST))
    sample = artifacts.evaluation_sample(
        SEED, data.pattern[test], data.columns["channel"][test], probability,
        EVALUATION_SIZE - len(by_hand),
    )
    drawn = [artifacts.instance(declaration, data.columns, i) for i in test[sample]]
    again = declaration.evaluate(declaration.columns(drawn))
    if not np.array_equal(again, data.rows[test[sample]]):
        raise RuntimeError("an instance does not give the features that the model is trained on")
    path = HERE / "evaluation" / "onnxruntime.jsonl"
    artifacts.write_evaluation(path, declaration, drawn + by_hand, runtime)


def main() -> None:
    """Everything, in order."""
    declaration = Declaration.load()
    data = make_data(declaration, SEED, CUSTOMERS)
    say(f"{data.label.size} transactions, {np.mean(data.label):.2%} reported as fraud")
    ensemble = train_ensemble(data)

    test = data.within(TEST)
    label, columns = data.label[test], {name: c[test] for name, c in data.columns.items()}
    model, agreement = export(ensemble, data.rows[test])
    runtime = OnnxRuntime(model)
    probability = runtime.probabilities(data.rows[test])
    alone = others(data, ensemble)
    results = {
        name: evaluation.scores(label, p)
        for name, p in {"the package (both, stacked)": probability, **alone}.items()
    }
    ours, boosted = results["the package (both, stacked)"], results["XGBoost alone"]
    interval = evaluation.gain_interval(
        SEED, data.day[test], label, probability, alone["XGBoost alone"]
    )
    say("evaluated")

    borderline = artifacts.borderline_cases(declaration, columns, probability)
    first_day = simulate.START.astype("datetime64[D]")
    artifacts.write_package(
        HERE / "package", model, declaration, borderline,
        ranges=artifacts.training_ranges(declaration, data.columns, data.within(TRAINING)),
        period=f"{first_day} to {first_day + simulate.DAYS - 1} (simulated)",
        metrics={
            **ours._asdict(),
            "threshold": evaluation.THRESHOLD,
            "test_transactions": int(label.size),
            "test_frauds": int(label.sum()),
        },
        probability=probability,
    )
    artifacts.write_examples(HERE / "examples", declaration, runtime)
    by_hand = [*cases.EDGES.values(), *cases.CASES.values(), *borderline.values()]
    write_evaluation(declaration, data, probability, by_hand, runtime)

    windows = {"training": TRAINING, "stacking and calibration": STACKING, "test": TEST}
    tables = {
        "sizes": card.window_table(data, windows),
        "comparison": card.comparison_table(results),
        "gain": card.gain_table(ours.auc_pr - boosted.auc_pr, interval),
        "patterns": card.pattern_table(data.pattern[test], probability),
        "calibration": card.calibration_table(label, probability),
        "groups": card.group_table(columns, label, probability),
        "agreement": card.agreement_table(agreement),
    }
    for name, table in tables.items():
        print(f"\n{table}")
        card.update_model_card(name, table)
    print()
    say("done; now from the repository's root: cargo xtask seal models/fraud/package")


if __name__ == "__main__":
    main()
