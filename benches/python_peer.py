"""The peer: the fraud example with ONNX Runtime in Python, as one would write it.

    python python_peer.py FILE            one prediction, printed
    python python_peer.py FILE --warm S   seconds per prediction, warm: all of it, and `run` alone
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime

FRAUD = Path(__file__).resolve().parent.parent / "models" / "fraud"
sys.path.insert(0, str(FRAUD))

from features import Declaration  # noqa: E402


def main() -> None:
    """Predicts, and measures if asked to."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(FRAUD / "package" / "model.onnx", options)
    declaration = Declaration.load()
    text = Path(sys.argv[1]).read_text(encoding="utf-8")

    def features() -> np.ndarray:
        return declaration.evaluate(declaration.columns([json.loads(text)]))

    def predict() -> str:
        score = session.run(["probabilities"], {"features": features()})[0][0, 1]
        return json.dumps({"fraud_score": float(score), "action": "block" if score > 0.8 else "allow"})

    if "--warm" not in sys.argv:
        print(predict())
        return
    row = features()
    figures = {
        "whole": measure(predict),
        "run": measure(lambda: session.run(["probabilities"], {"features": row})),
    }
    for batch in (32, 1000):
        rows = np.repeat(row, batch, axis=0)
        figures[f"run_{batch}"] = measure(
            lambda rows=rows: session.run(["probabilities"], {"features": rows})
        )
    print(json.dumps(figures))


def measure(run) -> float:
    """The median time of a call, in seconds."""
    seconds = float(sys.argv[sys.argv.index("--warm") + 1])
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


if __name__ == "__main__":
    main()
