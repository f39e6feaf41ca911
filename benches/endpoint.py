"""The deployed function beside Python handlers, all under the Lambda emulator, alternating; writes its table
into `docs/performance.md`.

    cargo xtask function fraud --without-aws
    target/tools/bench/bin/python benches/endpoint.py      (set up as for benches/run.py)
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from function import MEMORY, Emulator
from measure import Figures, circumstances, number, table, write_report

ROOT = Path(__file__).resolve().parent.parent
BENCHES = ROOT / "benches"
RELEASE = ROOT / "target" / "release"
FRAUD = ROOT / "models" / "fraud"
WORK = ROOT / "target" / "bench"
ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
FUNCTION = ROOT / "target" / "functions" / f"fraud.{ARCH}.zip"
STARTS = 10
ROUNDS = 10
WARM = 200
"""Invokes of a round, before its batches."""
RECORDS = 1000
BATCHES = 10
"""Of a round, one after the other, as a queue that is behind sends them; one, where each takes seconds."""
LONG = 10_000
PRICE = {"x86_64": 0.0000166667, "arm64": 0.0000133334}[ARCH]
"""US dollars for a GB-second in us-east-1, and below for a million requests."""
REQUESTS = 0.20


@dataclass
class Contender:
    """A function package, and what was measured of it."""

    name: str
    package: Path
    environment: dict[str, str] = field(default_factory=dict)
    zipped: int = 0
    init: Figures = field(default_factory=Figures)
    first: Figures = field(default_factory=Figures)
    warm: list[float] = field(default_factory=list)
    batch: Figures = field(default_factory=Figures)
    memory: float = 0


def started(contender: Contender) -> Emulator:
    """It, with Lambda's own API on a port."""
    return Emulator(RELEASE / "host-cli", contender.package, contender.environment)


def python_package(handler: str, imports: list[str]) -> tuple[Path, int]:
    """A package that starts this Python, and the bytes of a zip that would bring what it imports."""
    folder = WORK / handler
    folder.mkdir(parents=True, exist_ok=True)
    bootstrap = f"#!/bin/sh\nexec {sys.executable} -m awslambdaric {handler}.handler\n"
    package = WORK / f"{handler}.zip"
    source = (BENCHES / "handlers" / f"{handler}.py").read_bytes()
    with zipfile.ZipFile(package, "w") as archive:
        for name, content, mode in [("bootstrap", bootstrap.encode(), 0o755), (f"{handler}.py", source, 0o644)]:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return package, package.stat().st_size + zipped_bytes(imports)


def zipped_bytes(imports: list[str]) -> int:
    """What these folders of site-packages take in a zip, without caches and tests."""
    site = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    target = WORK / "site.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in imports:
            for path in sorted((site / folder).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts and "tests" not in path.parts:
                    archive.write(path, path.relative_to(site))
    size = target.stat().st_size
    target.unlink()
    return size


def contenders() -> list[Contender]:
    """Ours, the two Python handlers, and a function that does nothing."""
    WORK.mkdir(parents=True, exist_ok=True)
    forest = WORK / "forest.joblib"
    subprocess.run([sys.executable, str(BENCHES / "sklearn_peer.py"), "--make", str(forest)], check=True)
    common = ["awslambdaric", "numpy", "numpy.libs", "simplejson", "snapshot_restore_py"]
    onnx, onnx_bytes = python_package("onnx_handler", [*common, "onnxruntime", "flatbuffers", "google", "packaging"])
    boto = ["boto3", "botocore", "s3transfer", "urllib3", "jmespath", "dateutil"]
    science = ["sklearn", "scikit_learn.libs", "scipy", "scipy.libs", "joblib", "threadpoolctl.py"]
    sklearn, sklearn_bytes = python_package("sklearn_handler", [*common, *boto, *science])
    fraud = {"FRAUD": str(FRAUD)}
    return [
        Contender("`host-lambda`, baked", FUNCTION, {"SAMEBITS_METRICS": "off"}, FUNCTION.stat().st_size),
        Contender("`host-lambda`, metrics on", FUNCTION, {}, FUNCTION.stat().st_size),
        Contender("Python, onnxruntime", onnx, fraud, onnx_bytes),
        Contender("Python, joblib, scikit-learn, boto3", sklearn, {**fraud, "FOREST": str(forest)}, sklearn_bytes),
        Contender("a function that does nothing", RELEASE / "examples" / "empty"),
    ]


def records(transactions: list[bytes]) -> bytes:
    """An event of a queue with so many messages."""
    messages = [
        {
            "messageId": f"059f36b4-87a3-44ab-83d2-{number:012}",
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": transactions[number % len(transactions)].decode(),
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:my-queue",
            "awsRegion": "us-east-1",
        }
        for number in range(RECORDS)
    ]
    return json.dumps({"Records": messages}).encode()


def measure(contender: Contender, running: Emulator, transactions: list[bytes], batch: bytes) -> None:
    """A cold start; then, in the function that stays, a round of warm invokes."""
    if len(contender.init.values) < STARTS:
        fresh = started(contender)
        report = fresh.invoke(transactions[0])
        contender.init.add(report.init or 0)
        contender.first.add((report.init or 0) + report.duration)
        fresh.close()
    for transaction in transactions[:WARM]:
        contender.warm.append(running.invoke(transaction).duration)
    if "nothing" not in contender.name:
        for _ in range(BATCHES):
            contender.batch.add(running.invoke(batch).duration)
            if contender.batch.values[-1] > 1_000:
                break


def percentile(values: list[float], part: float) -> float:
    """The value that this part of all lies below."""
    return statistics.quantiles(values, n=1000)[round(part * 1000) - 1]


def rows(everyone: list[Contender]) -> list[list[str]]:
    """The table's lines."""
    empty = everyone[-1]
    ours = everyone[0]
    lines = []
    for one in everyone:
        p50, p99 = percentile(one.warm, 0.5), percentile(one.warm, 0.99)
        billed = max(1, -(-p50 // 1))
        floor = max(128, one.memory)
        cost = 1e6 * billed / 1e3 * floor / 1024 * PRICE + REQUESTS
        batch = "" if one is empty else f"{one.batch.text(1)}, {number(one.batch.median / ours.batch.median)}"
        lines.append([
            one.name,
            f"{one.init.text(1)}, {number(one.init.median / ours.init.median)}",
            one.first.text(1),
            f"{number(p50 * 1e3)}, {number(p99 * 1e3)}",
            batch,
            number(one.memory),
            number(one.zipped / 1e6) if one.zipped else "",
            "" if one is empty else f"{cost:.2f}",
        ])
    return lines


def long_run(contender: Contender, transactions: list[bytes]) -> str:
    """Many invokes in a row: the memory at the beginning and at the end."""
    emulator = started(contender)
    early = [emulator.invoke(transactions[i % len(transactions)]).memory for i in range(100)][-1]
    late = [emulator.invoke(transactions[i % len(transactions)]).memory for i in range(LONG - 100)][-1]
    emulator.close()
    return f"{LONG:,} invokes in one environment: {number(early)} MB after 100 of them, {number(late)} at the end."


def main() -> None:
    """Runs everything and writes the report."""
    if not FUNCTION.exists():
        raise SystemExit(f"{FUNCTION} is missing: cargo xtask function fraud --without-aws")
    sample = (FRAUD / "evaluation" / "onnxruntime.jsonl").read_text(encoding="utf-8").splitlines()
    transactions = [json.dumps(json.loads(line)["input"]).encode() for line in sample]
    batch = records(transactions)
    everyone = contenders()
    running = [started(contender) for contender in everyone]
    for emulator in running:
        emulator.invoke(transactions[0])
    for turn in range(ROUNDS):
        print(f"round {turn + 1} of {ROUNDS}", file=sys.stderr)
        for contender, emulator in zip(everyone, running, strict=True):
            measure(contender, emulator, transactions, batch)
    for contender, emulator in zip(everyone, running, strict=True):
        contender.memory = max(report.memory for report in emulator.reports)
        emulator.close()
    head = [
        "function, fraud", "exec to `/next`: ms, times ours", "first answer, ms", "warm invoke: p50, p99, µs",
        f"{RECORDS:,} SQS records: ms, times ours", "memory, MB", "zip, MB", "a million warm invokes, $",
    ]
    ours, empty = everyone[0], everyone[-1]
    share = [
        number((percentile(ours.warm, part) - percentile(empty.warm, part)) * 1e3) for part in (0.5, 0.99)
    ]
    text = "\n\n".join([
        f"{circumstances()}: {STARTS} starts, {ROUNDS * WARM:,} warm invokes and "
        f"{ROUNDS * BATCHES} batches of each, {MEMORY} MB.",
        table(head, rows(everyone)),
        f"Of a warm invoke, `host-lambda` adds {share[0]} µs (p50; p99 {share[1]} µs) to a function that does nothing, "
        f"prediction and audit record included. " + long_run(ours, transactions),
    ])
    write_report(ROOT / "docs" / "performance.md", "benches/endpoint.py", text)
    print(text)


if __name__ == "__main__":
    main()
