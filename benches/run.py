"""Measures everything beside its peers in one run, alternating, and writes the tables of
`docs/performance.md`.

    cargo xtask build
    python3 -m venv target/tools/bench && target/tools/bench/bin/pip install -r benches/requirements.txt
    npm ci --prefix benches
    target/tools/bench/bin/python benches/run.py
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from function import cold_start, zipped
from measure import Figures, answer, circumstances, number, peak_megabytes, run, table, write_report
from trees import trees

ROOT = Path(__file__).resolve().parent.parent
BENCHES = ROOT / "benches"
RELEASE = ROOT / "target" / "release"
CLI = RELEASE / "host-cli"
FRAUD = ROOT / "models" / "fraud"
EXAMPLE = FRAUD / "examples" / "suspicious.json"
REPORT = ROOT / "docs" / "performance.md"
WORK = ROOT / "target" / "bench"
STARTS = 20
ROUNDS = 5
BATCHES = [1, 32, 1000]


def prepare() -> dict[str, Path]:
    """Bakes the model, packs the function, trains the stand-in."""
    WORK.mkdir(parents=True, exist_ok=True)
    baked = WORK / "fraud.baked"
    target = answer([str(CLI), "bake", "fraud", "--json", "--output", str(baked)])["code"][0]["target"]
    forest = WORK / "forest.joblib"
    run([sys.executable, str(BENCHES / "sklearn_peer.py"), "--make", str(forest)])
    function = zipped(RELEASE / "bootstrap", baked, target, WORK / "function.zip")
    sample = (FRAUD / "evaluation" / "onnxruntime.jsonl").read_text(encoding="utf-8").splitlines()
    transactions, rows = WORK / "transactions.json", WORK / "rows.f32"
    transactions.write_text(json.dumps([json.loads(line)["input"] for line in sample]), encoding="utf-8")
    run([sys.executable, str(BENCHES / "python_peer.py"), str(transactions), "--rows", str(rows)])
    return {"transactions": transactions, "rows": rows, "baked": baked, "code": baked / f"{target}.cwasm", "forest": forest, "function": function}


def starts(made: dict[str, Path]) -> str:
    """From the start of a process to its first answer."""
    contenders = {
        "`host-cli`, baked": [str(CLI), "predict", "--model", str(made["baked"]), str(EXAMPLE)],
        "`host-cli`, package": [str(CLI), "predict", "--model", "fraud", str(EXAMPLE)],
        "Python, onnxruntime": [sys.executable, str(BENCHES / "python_peer.py"), str(EXAMPLE)],
        "Python, joblib, scikit-learn, boto3": [
            sys.executable, str(BENCHES / "sklearn_peer.py"), str(made["forest"]), str(EXAMPLE),
        ],
        "an empty process (`true`)": ["true"],
    }
    times: dict[str, Figures] = defaultdict(Figures)
    memory: dict[str, float | None] = {}
    for name, command in contenders.items():
        run(command)  # what is compiled or read for the first time
        memory[name] = peak_megabytes(command)
    for _ in range(STARTS):
        for name, command in contenders.items():
            times[name].add(run(command)[0])
        lambda_start = cold_start(CLI, made["function"], EXAMPLE.read_bytes())
        name = "`host-lambda` under the emulator, baked: init and first invoke"
        times[name].add(lambda_start["init"] + lambda_start["duration"])
        memory[name] = lambda_start["memory"]
    first = times["`host-cli`, baked"].median
    rows = [
        [name, figures.text(1e3), number(figures.median / first), number(memory[name] or float("nan"))]
        for name, figures in sorted(times.items(), key=lambda item: item[1].median)
    ]
    return table(["to the first answer", "ms", "times `host-cli`, baked", "peak memory, MB"], rows)


def bench(made: dict[str, Path], sandbox: str, threads: int) -> dict[int, float]:
    """Seconds of a call by batch, from JSON to JSON."""
    model, instances = str(made["baked"]), str(made["transactions"])
    options = ["--instances", instances, "--seconds", "1", "--sandbox", sandbox, "--threads", str(threads), "--json"]
    batches = answer([str(CLI), "bench", model, *options])["batches"]
    return {figures["batch"]: figures["median_us"] * 1e-6 for figures in batches}


def warm(made: dict[str, Path]) -> tuple[str, str]:
    """One prediction and batches, warm; and what a second core adds."""
    manifest = json.loads((FRAUD / "package" / "manifest.json").read_text(encoding="utf-8"))
    width = sum(not feature.get("internal", False) for feature in manifest["features"])
    web = ["node", str(BENCHES / "web_peer.mjs"), str(FRAUD / "package" / "model.onnx")]
    web += [manifest["graph"]["inputs"][0]["name"], manifest["output"]["probabilities"], str(width), str(made["rows"]), "1"]
    native = [str(RELEASE / "examples" / "native"), str(FRAUD / "package"), str(made["transactions"]), "1"]
    python = [sys.executable, str(BENCHES / "python_peer.py"), str(made["transactions"]), "--warm", "1"]
    contenders = {
        "sandbox, reused": lambda: bench(made, "reuse", 1),
        "sandbox, fresh for every call": lambda: bench(made, "fresh", 1),
        "native core, no sandbox": lambda: {int(k): v for k, v in answer(native).items()},
        "ONNX Runtime, `run` alone": lambda: python_figures(answer(python)),
        "ONNX Runtime Web in Node, `run` alone": lambda: {int(k): v for k, v in answer(web).items()},
        "sandbox, 2 threads": lambda: bench(made, "fresh", 2),
    }
    figures: dict[str, dict[int, Figures]] = defaultdict(lambda: defaultdict(Figures))
    for _ in range(ROUNDS):
        for name, measure in contenders.items():
            for batch, seconds in measure().items():
                figures[name][batch].add(seconds)
    peer = figures["ONNX Runtime, `run` alone"]
    rows = []
    for name in contenders:
        if name == "sandbox, 2 threads":
            continue
        cells = [
            f"{figures[name][batch].text(1e6)}, {number(figures[name][batch].median / peer[batch].median)}"
            for batch in BATCHES
        ]
        rows.append([name, *cells])
    head = ["fraud, one thread; µs, and times ONNX Runtime", *[f"batch {batch:,}" for batch in BATCHES]]
    one, two = (figures[name][1000].median for name in ("sandbox, fresh for every call", "sandbox, 2 threads"))
    fresh, reused = (figures[name][1].median for name in ("sandbox, fresh for every call", "sandbox, reused"))
    words = (
        f"A fresh sandbox adds {number((fresh - reused) * 1e6)} µs to a call. A batch of 1,000 on 2 threads is "
        f"{number(one / two)} times as fast as on one: {number(1000 / two)} predictions a second."
    )
    return table(head, rows), words


def python_figures(found: dict) -> dict[int, float]:
    """By batch."""
    return {batch: found[f"run_{batch}"] for batch in BATCHES}


def sizes(made: dict[str, Path]) -> str:
    """What is stored and shipped."""
    graph = FRAUD / "package" / "model.onnx"
    component = ROOT / "target" / "component" / "predictor.wasm"
    baked = made["baked"] / "component.wasm"
    files = {
        "`models/fraud`, the ONNX file": graph,
        "the component": component,
        "the component with the model in it": baked,
        "its code for this machine, with the model's memory": made["code"],
        "`host-cli`": CLI,
        "`bootstrap` (host-lambda)": RELEASE / "bootstrap",
        "the function, zipped: `bootstrap` and the baked model": made["function"],
    }
    rows = [[name, number(path.stat().st_size / 1e6)] for name, path in files.items()]
    grown = (baked.stat().st_size - component.stat().st_size) / graph.stat().st_size
    rows.append(["what baking adds to the component, in ONNX files", number(grown)])
    return table(["what", "MB"], rows)


def main() -> None:
    """Runs everything and writes the report."""
    made = prepare()
    start_table = starts(made)
    warm_table, words = warm(made)
    component = ROOT / "target" / "component" / "predictor.wasm"
    tree_table = trees(RELEASE / "examples" / "rows", component, WORK)
    text = "\n\n".join([
        f"{circumstances()}: {STARTS} starts and {ROUNDS} warm runs of each.",
        start_table, warm_table, words, tree_table, sizes(made),
    ])
    write_report(REPORT, "benches/run.py", text)
    print(text)


if __name__ == "__main__":
    main()
