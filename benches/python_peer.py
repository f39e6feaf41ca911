"""The peer: the fraud example with ONNX Runtime in Python, as one would write it.

    python python_peer.py FILE            one prediction, printed
    python python_peer.py FILE --warm S   seconds per prediction, warm: all of it, and `run` alone, with the
                                          instances of an array, of which each call takes the next ones
    python python_peer.py FILE --rows TO  the features of the instances of an array, as binary32
"""

from __future__ import annotations

import itertools
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

    def features(instances: list[dict]) -> np.ndarray:
        return declaration.evaluate(declaration.columns(instances))

    def predict(text: str) -> str:
        score = session.run(["probabilities"], {"features": features([json.loads(text)])})[0][0, 1]
        return json.dumps({"fraud_score": float(score), "action": "block" if score > 0.8 else "allow"})

    if "--rows" in sys.argv:
        features(json.loads(text)).tofile(sys.argv[sys.argv.index("--rows") + 1])
        return
    if "--warm" not in sys.argv:
        print(predict(text))
        return
    instances = json.loads(text)
    rows = features(instances)
    figures = {"whole": measure(predict, [json.dumps(instance) for instance in instances])}
    for batch in (1, 32, 1000):
        count = -(-len(rows) // batch)
        batches = np.resize(rows, (count, batch, rows.shape[1]))
        figures[f"run_{batch}"] = measure(
            lambda rows: session.run(["probabilities"], {"features": rows}), batches
        )
    print(json.dumps(figures))


def measure(run, calls) -> float:
    """The median time of a call, in seconds."""
    seconds = float(sys.argv[sys.argv.index("--warm") + 1])
    times = []
    end = time.perf_counter() + seconds
    for call in itertools.cycle(calls):
        began = time.perf_counter()
        if began >= end:
            break
        run(call)
        times.append(time.perf_counter() - began)
    return float(np.median(times))


if __name__ == "__main__":
    main()
