"""The peer as it is found in most functions: joblib, scikit-learn and boto3.

    python sklearn_peer.py --make FILE    trains a stand-in of the fraud model's size, on random data
    python sklearn_peer.py FILE EXAMPLE   one prediction, printed
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3
import joblib
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

FRAUD = Path(__file__).resolve().parent.parent / "models" / "fraud"
sys.path.insert(0, str(FRAUD))

from features import Declaration  # noqa: E402


def make(path: str) -> None:
    """A forest with about as many nodes as the fraud model; what it predicts is of no interest."""
    width = len(json.loads((FRAUD / "package" / "manifest.json").read_text())["features"])
    random = np.random.default_rng(0)
    rows = random.normal(size=(4000, width)).astype(np.float32)
    labels = (rows[:, 0] + random.normal(size=4000) > 1).astype(int)
    joblib.dump(ExtraTreesClassifier(200, max_leaf_nodes=140, random_state=0).fit(rows, labels), path)


def main() -> None:
    """Makes the model, or predicts."""
    if sys.argv[1] == "--make":
        make(sys.argv[2])
        return
    # Functions that fetch models or write results have a client; making one is part of their start.
    boto3.client("s3", region_name="us-east-1")
    model = joblib.load(sys.argv[1])
    declaration = Declaration.load()
    text = Path(sys.argv[2]).read_text(encoding="utf-8")
    row = declaration.evaluate(declaration.columns([json.loads(text)]))
    row = np.resize(row, (1, model.n_features_in_))
    print(json.dumps({"fraud_score": float(model.predict_proba(row)[0, 1])}))


if __name__ == "__main__":
    main()
