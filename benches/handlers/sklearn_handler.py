"""A function as many are written: joblib and scikit-learn, with a client of S3, and a loop over the records."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import boto3
import joblib
import numpy as np

FRAUD = Path(os.environ["FRAUD"])
sys.path.insert(0, str(FRAUD))

from features import Declaration  # noqa: E402

S3 = boto3.client("s3", region_name="us-east-1")
MODEL = joblib.load(os.environ["FOREST"])
DECLARATION = Declaration.load()


def predict(instance: dict) -> dict:
    """One answer; the forest only has the size of the model."""
    row = DECLARATION.evaluate(DECLARATION.columns([instance]))
    score = float(MODEL.predict_proba(np.resize(row, (1, MODEL.n_features_in_)))[0, 1])
    return {"fraud_score": score, "action": "block" if score > 0.8 else "allow"}


def handler(event: dict, context: object) -> dict:
    """One instance, or a queue's records."""
    if "Records" not in event:
        return predict(event)
    for record in event["Records"]:
        print(json.dumps(predict(json.loads(record["body"]))))
    return {"batchItemFailures": []}
