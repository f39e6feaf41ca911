"""Models from S3: a cold start beside its download and its load, and answers while the model changes; against moto's
server on this machine. Writes its tables into `docs/performance.md`.

    cargo xtask build
    target/tools/bench/bin/python benches/store.py      (set up as for benches/run.py)
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import boto3
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from function import Emulator
from measure import Figures, circumstances, number, run, table, write_report

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target" / "release"
CLI = RELEASE / "host-cli"
FRAUD = ROOT / "models" / "fraud"
KEY = ROOT / "signing" / "tests" / "keys" / "one.pem"
REPORT = ROOT / "docs" / "performance.md"
WORK = ROOT / "target" / "bench" / "store"
PLACE = "s3://models/prod"
ALIAS = "prod/fraud/aliases/champion.json"
WIDTH = 1024
LAYERS = {"12 MB": 3, "90 MB": 22}
"""Square layers of 4.2 MB each."""
STARTS = 7
ROUNDS = 3
SECONDS = 20
"""Of a round of invokes."""


def moto() -> tuple[subprocess.Popen, str]:
    """moto's server, on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return server, f"http://127.0.0.1:{port}"
        except ConnectionRefusedError:
            if server.poll() is not None:
                raise RuntimeError("moto's server does not start") from None
            time.sleep(0.1)


def dense(name: str, layers: int) -> Path:
    """A package of square layers with random weights: f32 [N, 1024] to the same."""
    random = np.random.default_rng(1)
    nodes, weights = [], []
    for layer in range(layers):
        weight = (random.normal(size=(WIDTH, WIDTH)) / np.sqrt(WIDTH)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [f"x{layer}", f"w{layer}"], [f"p{layer}"]))
        nodes.append(helper.make_node("Relu", [f"p{layer}"], [f"x{layer + 1}"]))
    port = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", WIDTH])
    graph = helper.make_graph(nodes, "dense", [port("x0")], [port(f"x{layers}")], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file, package = WORK / f"{name}.onnx", WORK / name
    onnx.save(model, file)
    shutil.rmtree(package, ignore_errors=True)
    command = ["package", str(file), "--task", "tensors", "--name", name, "--output", str(package)]
    run([str(CLI), *command, "--samples", str(instance())])
    return package


def instance() -> Path:
    """What every dense model is asked."""
    path = WORK / "instance.json"
    path.write_text(json.dumps({"x0": [[1.0] * WIDTH]}), encoding="utf-8")
    return path


def trust() -> Path:
    """The public key."""
    path = WORK / "one.pub"
    run(["openssl", "pkey", "-in", str(KEY), "-pubout", "-out", str(path)])
    return path


def beginnings(public: Path, endpoint: str) -> str:
    """From nothing on this machine to the first answer."""
    compiled = WORK / "predictor.cwasm"
    run([str(CLI), "component", "--compile", str(compiled)])
    ask, rows = str(instance()), []
    event = instance().read_bytes()
    for size, layers in LAYERS.items():
        name = f"dense-{layers}"
        package = dense(name, layers)
        run([str(CLI), "push", str(package), f"{PLACE}/{name}", "--sign", str(KEY)])
        which, here = f"{PLACE}/{name}@1.0.0", WORK / "pulled"
        fresh = WORK / "cache"
        trusted = ["--trust", str(public)]
        times: dict[str, Figures] = defaultdict(Figures)
        for _ in range(STARTS):
            for folder in (here, fresh):
                shutil.rmtree(folder, ignore_errors=True)
            # Of the command line's cache it has the compiled component.
            shutil.copytree(WORK / "compiled", fresh)
            pull = ["pull", which, *trusted, "--cache", str(fresh), "--output", str(here)]
            times["download"].add(run([str(CLI), *pull])[0])
            times["load"].add(run([str(CLI), "predict", "--model", str(here), ask, "--cache", str(fresh)])[0])
            shutil.rmtree(fresh)
            shutil.copytree(WORK / "compiled", fresh)
            whole = ["predict", "--model", which, *trusted, ask, "--cache", str(fresh)]
            times["all"].add(run([str(CLI), *whole])[0])
            shutil.rmtree(fresh)
            times["function, load"].add(function(event, {"SAMEBITS_MODEL": str(here)}, compiled))
            variables = {
                "SAMEBITS_MODEL": which, "SAMEBITS_TRUST": str(public), "SAMEBITS_CACHE": str(fresh),
                "AWS_ENDPOINT_URL": endpoint,
            }
            times["function, all"].add(function(event, variables, compiled))
        for who, load, whole in [("`host-cli`", "load", "all"), ("the function", "function, load", "function, all")]:
            parts = times["download"].median + times[load].median
            cells = [times[part].text(1e3) for part in ("download", load, whole)]
            rows.append([size, who, *cells, number(times[whole].median / parts)])
    head = ["weights", "who", "download, ms", "load and first answer, ms", "from S3 to the first answer, ms", "ratio"]
    return table(head, rows)


def function(event: bytes, variables: dict[str, str], compiled: Path) -> float:
    """Seconds of a function's init and first answer."""
    variables = variables | {"SAMEBITS_COMPONENT": str(compiled), "SAMEBITS_REFRESH": "off"}
    emulator = Emulator(CLI, RELEASE / "bootstrap", variables)
    report = emulator.invoke(event)
    emulator.close()
    return ((report.init or 0) + report.duration) / 1e3


def changes(public: Path, endpoint: str) -> str:
    """Answers of a function whose alias changes between two versions now and then, and of one that rests. A caller
    asks again as soon as it was answered; two environments, so that one serves while the other looks at S3."""
    s3 = boto3.client("s3", endpoint_url=endpoint)
    target = "x86_64-unknown-linux-gnu" if os.uname().machine == "x86_64" else "aarch64-unknown-linux-gnu"
    for version in ("1.0.0", "1.1.0"):
        package = WORK / version
        shutil.rmtree(package, ignore_errors=True)
        shutil.copytree(FRAUD / "package", package)
        manifest = package / "manifest.json"
        document = json.loads(manifest.read_text(encoding="utf-8"))
        manifest.write_text(json.dumps(document | {"version": version}), encoding="utf-8")
        run([str(CLI), "push", str(package), f"{PLACE}/fraud", "--sign", str(KEY), "--bake", target])
    signed = []
    for change in range(SECONDS + 1):
        version = ["1.0.0", "1.1.0"][change % 2]
        run([str(CLI), "promote", f"{PLACE}/fraud@{version}", "champion", "--key", str(KEY), "--trust", str(public)])
        signed.append(s3.get_object(Bucket="models", Key=ALIAS)["Body"].read())
    event = (FRAUD / "examples" / "ordinary.json").read_bytes()
    pauses = {"it rests": None, "it changes every ten seconds": 10, "it changes each second": 1}
    times: dict[str, list[float]] = {what: [] for what in pauses}
    changed = 0
    for _ in range(ROUNDS):
        for what, latencies in times.items():
            cache = WORK / "cache"
            shutil.rmtree(cache, ignore_errors=True)
            s3.put_object(Bucket="models", Key=ALIAS, Body=signed[0])
            emulator = Emulator(CLI, RELEASE / "bootstrap", {
                "SAMEBITS_MODEL": f"{PLACE}/fraud@champion", "SAMEBITS_TRUST": str(public),
                "SAMEBITS_COMPONENT": str(WORK / "predictor.cwasm"), "SAMEBITS_CACHE": str(cache),
                "SAMEBITS_REFRESH": "1", "AWS_ENDPOINT_URL": endpoint,
            }, provisioned=2)
            for _ in range(200):
                emulator.ask(event)
            over = threading.Event()

            def change() -> None:
                nonlocal changed
                for document in signed[1:]:
                    if over.wait(pauses[what]):
                        return
                    s3.put_object(Bucket="models", Key=ALIAS, Body=document)
                    changed += 1

            changer = threading.Thread(target=change)
            if pauses[what]:
                changer.start()
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                latencies.append(emulator.ask(event))
            over.set()
            if changer.ident:
                changer.join()
            emulator.close()
    rows = []
    for what, latencies in times.items():
        cut = statistics.quantiles(latencies, n=1000)
        rows.append([what, *(number(cut[at] * 1e3) for at in (499, 949, 989, 998))])
    head = ["the model", "p50, ms", "p95, ms", "p99, ms", "p99.9, ms"]
    counts = ", ".join(f"{len(latencies):,}" for latencies in times.values())
    return f"{table(head, rows)}\n\n{counts} invokes, {changed} changes; none failed."


def main() -> None:
    WORK.mkdir(parents=True, exist_ok=True)
    server, endpoint = moto()
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "SAMEBITS_CACHE": str(WORK / "compiled"),
    }
    try:
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="models")
        public = trust()
        text = f"{circumstances()}\n\n{beginnings(public, endpoint)}\n\n{changes(public, endpoint)}"
    finally:
        server.terminate()
        server.wait()
    write_report(REPORT, "benches/store.py", text)
    print(text)


if __name__ == "__main__":
    main()
