"""A function as most are written: ONNX Runtime in Python, and a loop over the records."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import onnxruntime

FRAUD = Path(os.environ["FRAUD"])
sys.path.insert(0, str(FRAUD))

from features import Declaration  # noqa: E402

SESSION = onnxruntime.InferenceSession(FRAUD / "package" / "model.onnx")
DECLARATION = Declaration.load()


def predict(instance: dict) -> dict:
    """One answer."""
    features = DECLARATION.evaluate(DECLARATION.columns([instance]))
    score = float(SESSION.run(["probabilities"], {"features": features})[0][0, 1])
    return {"fraud_score": score, "action": "block" if score > 0.8 else "allow"}


def handler(event: dict, context: object) -> dict:
    """One instance, or a queue's records."""
    if "Records" not in event:
        return predict(event)
    for record in event["Records"]:
        print(json.dumps(predict(json.loads(record["body"]))))
    return {"batchItemFailures": []}
