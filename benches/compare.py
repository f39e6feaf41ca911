"""Measures `host-cli` beside Python with ONNX Runtime, alternating, in one run, and writes the table
into `docs/performance.md`.

    cargo xtask build
    python3 -m venv target/tools/bench && target/tools/bench/bin/pip install -r benches/requirements.txt
    target/tools/bench/bin/python benches/compare.py
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLI = ROOT / "target" / "release" / "host-cli"
PEER = ROOT / "benches" / "python_peer.py"
EXAMPLE = ROOT / "models" / "fraud" / "examples" / "suspicious.json"
REPORT = ROOT / "docs" / "performance.md"
ROUNDS = 30
WARM_ROUNDS = 5


def seconds(command: list[str]) -> float:
    """How long a process takes, from its start to its end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def answer(command: list[str]) -> dict:
    """The JSON that a process prints."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def spread(values: list[float], unit: float) -> str:
    """Median, and the quartiles around it."""
    low, middle, high = statistics.quantiles([value * unit for value in values], n=4)
    digits = 1 if middle < 100 else 0
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def row(name: str, ours: list[float], peer: list[float], unit: float, unit_name: str) -> str:
    """A row of the table; the ratio is that of the medians."""
    ratio = statistics.median(peer) / statistics.median(ours)
    return f"| {name}, {unit_name} | {spread(ours, unit)} | {spread(peer, unit)} | {ratio:.2f} |"


def machine() -> str:
    """What it ran on."""
    names = re.findall(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def main() -> None:
    """Runs everything and writes the report."""
    cli = [str(CLI), "predict", str(EXAMPLE)]
    python = [sys.executable, str(PEER), str(EXAMPLE)]
    seconds(cli)  # compiles the component, should it never have been used here
    seconds(python)
    starts: dict[str, list[float]] = {"cli": [], "python": [], "nothing": []}
    for _ in range(ROUNDS):
        starts["cli"].append(seconds(cli))
        starts["python"].append(seconds(python))
        starts["nothing"].append(seconds(["true"]))
    ours: dict[str, list[float]] = {"1": [], "32": [], "1000": []}
    peer: dict[str, list[float]] = {"whole": [], "run": [], "run_32": [], "run_1000": []}
    for _ in range(WARM_ROUNDS):
        for figures in answer([str(CLI), "bench", "fraud", "--seconds", "1", "--json"])["batches"]:
            ours[str(figures["batch"])].append(figures["median_us"] * 1e-6)
        for name, value in answer([*python, "--warm", "1"]).items():
            peer[name].append(value)
    table = "\n".join([
        f"{machine()}, {datetime.date.today()}, {ROUNDS} starts and {WARM_ROUNDS} warm runs of each.",
        "",
        "| what | here | Python, onnxruntime | times faster |",
        "|---|---|---|---|",
        row("process start to its end with one prediction", starts["cli"], starts["python"], 1e3, "ms"),
        row("one prediction, warm, from JSON to JSON", ours["1"], peer["whole"], 1e6, "µs"),
        row("one prediction, warm; Python: `run` alone", ours["1"], peer["run"], 1e6, "µs"),
        row("a batch of 32 from JSON; Python: `run` alone", ours["32"], peer["run_32"], 1e6, "µs"),
        row("a batch of 1,000 from JSON; Python: `run` alone", ours["1000"], peer["run_1000"], 1e6, "µs"),
        "",
        f"An empty process (`true`) takes {spread(starts['nothing'], 1e3)} ms in the same run.",
    ])
    text = REPORT.read_text(encoding="utf-8")
    marks = r"(<!-- compare: written by benches/compare.py -->\n).*?(<!-- end of compare -->)"
    text, found = re.subn(marks, lambda m: f"{m[1]}\n{table}\n\n{m[2]}", text, flags=re.DOTALL)
    if found != 1:
        raise RuntimeError(f"{REPORT} has no place for the table")
    REPORT.write_text(text, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
